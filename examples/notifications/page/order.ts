import { clockTime, element, find, showState, stateText, transport } from "./dom.ts";
import { subscribe } from "./order_event.ts";

/** The number of updates that are shown. */
const MAX_UPDATES = 30;

const euros = new Intl.NumberFormat([], { style: "currency", currency: "EUR" });

/** Adds a line to the updates, which screen readers announce. */
function announce(at: number, text: string): void {
  find("#updates-title").hidden = false;
  const updates = find("#updates");
  updates.prepend(element("li", "", element("time", "", clockTime(at)), element("span", "", text)));
  while (updates.children.length > MAX_UPDATES) updates.lastElementChild?.remove();
}

/** Shows an order from its first event to its last. `forget` is called if the server does not know the order. */
export function track(order: number, forget: (order: number) => void): void {
  const card = find("li", find<HTMLTemplateElement>("template#order").content).cloneNode(true) as HTMLElement;
  card.id = `order-${order}`;
  find("h3", card).textContent = `Order ${order}`;
  find("#no-orders").hidden = true;
  find("#orders").prepend(card);

  const setStatus = (text: string): void => {
    find(".now", card).textContent = text;
  };
  const setProgress = (done: number): void => {
    find<HTMLProgressElement>("progress", card).value = done;
  };
  const completeStep = (step: string, at: number, text: string): void => {
    card.querySelector(".steps [aria-current]")?.removeAttribute("aria-current");
    const completed = find(`[data-step=${step}]`, card);
    completed.classList.add("done");
    completed.setAttribute("aria-current", "step");
    find("time", completed).textContent = clockTime(at);
    setStatus(text);
    announce(at, `Order ${order}: ${text}`);
  };

  let wasOpen = false;
  subscribe(
    `/orders/${order}`,
    {
      accepted({ item, total_cents, at }) {
        find("h3", card).textContent = item;
        find(".price", card).textContent = `Order ${order} · ${euros.format(total_cents / 100)}`;
        completeStep("accepted", at, "Accepted by the shop");
      },
      packed: ({ at }) => completeStep("packed", at, "Packed"),
      handed_over: ({ carrier, at }) => completeStep("handed_over", at, `Handed over to ${carrier}`),
      on_the_way({ done, eta_s }) {
        setProgress(done);
        setStatus(`In transit, ${eta_s} s to go`);
      },
      delivered({ to, at }) {
        setProgress(1);
        card.classList.add("delivered");
        completeStep("delivered", at, `Left with ${to}`);
      },
    },
    {
      transport,
      onGap: () => setStatus("Some steps of this order are missing"),
      onState(state) {
        showState(find(".pill", card), state, stateText(state, wasOpen));
        wasOpen ||= state === "open";
      },
      onClose({ reason, status }) {
        if (reason === "terminal" || reason === "complete") return;
        showState(find(".pill", card), "refused", "Unavailable");
        card.classList.add("unavailable");
        setStatus(
          status === 404 ? "The server was restarted and no longer has this order" : `The server refuses the stream (${status ?? reason})`,
        );
        if (status === 404) forget(order);
      },
    },
  );
}
