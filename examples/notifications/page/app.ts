// The page is a client of two kinds of streams. All that it knows of them is in `order_event.ts` and `log_event.ts`, which
// the server's enums wrote.
import { part } from "./dom.ts";
import { showLog } from "./log.ts";
import { track } from "./order.ts";

/** Orders that are still shown after the page was loaded again. */
const KEPT = "orders";

/** A browser opens six connections to one origin over HTTP/1.1: the log has one, and a request needs one, too. */
const TRACKED = 4;

function kept(): number[] {
  try {
    const orders: unknown = JSON.parse(sessionStorage.getItem(KEPT) ?? "[]");
    return Array.isArray(orders) ? orders.filter((order) => Number.isInteger(order)) : [];
  } catch {
    return [];
  }
}

async function place(item: string): Promise<void> {
  const response = await fetch("/orders", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ item }),
  });
  if (!response.ok) throw new Error(`the shop answers ${response.status}`);
  const { order } = (await response.json()) as { order: number };
  sessionStorage.setItem(KEPT, JSON.stringify([...kept(), order].slice(-TRACKED)));
  track(order);
}

part<HTMLFormElement>("#wish").addEventListener("submit", async (event) => {
  event.preventDefault();
  const refused = part("#refused");
  const underway = document.querySelectorAll('.order .pill:is([data-state="open"], [data-state="connecting"])').length;
  refused.hidden = underway < TRACKED;
  refused.textContent = `${TRACKED} orders at a time: more streams than that a browser does not open over HTTP/1.1.`;
  if (underway >= TRACKED) return;
  const button = part<HTMLButtonElement>("#wish button");
  button.disabled = true;
  try {
    await place(part<HTMLSelectElement>("#item").value);
  } catch (error) {
    refused.textContent = `The order was not placed: ${error instanceof Error ? error.message : error}.`;
    refused.hidden = false;
  }
  button.disabled = false;
});

for (const order of kept()) track(order);
showLog();
