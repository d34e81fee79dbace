import { clockTime, item, part } from "./dom.ts";
import { subscribe } from "./order_event.ts";

const euros = new Intl.NumberFormat([], { style: "currency", currency: "EUR" });

/** Tells of it where screen readers listen. */
function tell(at: number, text: string): void {
  const time = document.createElement("time");
  time.textContent = clockTime(at);
  part("#news").prepend(item("", time, text));
  while (part("#news").children.length > 30) part("#news").lastElementChild?.remove();
}

/** Shows an order, from its first event to its last. */
export function track(order: number): void {
  const card = part("li", part<HTMLTemplateElement>("template#order").content).cloneNode(true) as HTMLElement;
  card.id = `order-${order}`;
  part("h3", card).textContent = `Order ${order}`;
  part("#none").hidden = true;
  part("#orders").prepend(card);

  const now = (text: string): void => {
    part(".now", card).textContent = text;
  };
  const way = (done: number): void => {
    part<HTMLProgressElement>("progress", card).value = done;
  };
  const reach = (step: string, at: number, text: string): void => {
    for (const other of card.querySelectorAll(".steps [aria-current]")) other.removeAttribute("aria-current");
    const reached = part(`[data-step=${step}]`, card);
    reached.classList.add("done");
    reached.setAttribute("aria-current", "step");
    part("time", reached).textContent = clockTime(at);
    now(text);
    tell(at, `Order ${order}: ${text}`);
  };
  const pill = (state: string, text: string): void => {
    part(".pill", card).dataset["state"] = state;
    part(".pill", card).textContent = text;
  };

  subscribe(
    `/orders/${order}`,
    {
      accepted({ item, total_cents, at }) {
        part("h3", card).textContent = item;
        part(".price", card).textContent = `Order ${order}, ${euros.format(total_cents / 100)}`;
        reach("accepted", at, "the shop has it");
      },
      packed: ({ at }) => reach("packed", at, "it is packed"),
      handed_over: ({ carrier, at }) => reach("handed_over", at, `${carrier} has it`),
      on_the_way({ done, eta_s }) {
        way(done);
        now(`on its way, ${eta_s} s to go`);
      },
      delivered({ to, at }) {
        way(1);
        card.classList.add("delivered");
        reach("delivered", at, `it was left with ${to}`);
      },
    },
    {
      onGap: () => now("part of its story is lost"),
      onState: (state) => pill(state, state),
      onClose({ reason, status }) {
        if (reason === "terminal" || reason === "complete") return pill("closed", "stream closed");
        pill("refused", "no stream");
        now(status === 404 ? "the server does not know it: it was started anew" : `the server refuses it (${status ?? reason})`);
      },
    },
  );
}
