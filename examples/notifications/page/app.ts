// The page is a client of two kinds of streams. It knows their events from `order_event.ts` and `log_event.ts`, which are
// generated from the server's enums.
import { find } from "./dom.ts";
import { showLog } from "./log.ts";
import { track } from "./order.ts";

/** The key of the orders in the session storage: the page shows them again after a reload. */
const STORAGE_KEY = "orders";

/** A browser opens six connections to an origin over HTTP/1.1. The log uses one, and each request needs another. */
const MAX_OPEN_ORDERS = 4;

function savedOrders(): number[] {
  try {
    const orders: unknown = JSON.parse(sessionStorage.getItem(STORAGE_KEY) ?? "[]");
    return Array.isArray(orders) ? orders.filter((order) => Number.isInteger(order)) : [];
  } catch {
    return [];
  }
}

function save(orders: readonly number[]): void {
  sessionStorage.setItem(STORAGE_KEY, JSON.stringify(orders.slice(-MAX_OPEN_ORDERS)));
}

const forget = (order: number): void => save(savedOrders().filter((saved) => saved !== order));

async function placeOrder(item: string): Promise<void> {
  const response = await fetch("/orders", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ item }),
  });
  if (!response.ok) throw new Error(`the server answered with status ${response.status}`);
  const { order } = (await response.json()) as { order: number };
  save([...savedOrders(), order]);
  track(order, forget);
}

find<HTMLFormElement>("#order-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const error = find("#order-error");
  const open = document.querySelectorAll('.order .pill:is([data-state="open"], [data-state="connecting"])').length;
  if (open >= MAX_OPEN_ORDERS) {
    error.textContent = `At most ${MAX_OPEN_ORDERS} orders at a time: a browser limits the connections over HTTP/1.1.`;
    return;
  }
  error.textContent = "";
  const button = find<HTMLButtonElement>("#order-form button");
  button.disabled = true;
  try {
    await placeOrder(find<HTMLSelectElement>("#item").value);
  } catch (reason) {
    error.textContent = `The order was not placed: ${reason instanceof Error ? reason.message : reason}.`;
  }
  button.disabled = false;
});

for (const order of savedOrders()) track(order, forget);
showLog();
