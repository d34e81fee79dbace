// The page is a client of one stream, which merges the chosen symbols. It knows their events from `price_event.ts`, which is
// generated from the server's enum.
import { Chart } from "./chart.ts";
import { find, setText } from "./dom.ts";
import { subscribe, type PriceEventSubscription, type Symbol } from "./price_event.ts";
import { chosenInUrl, keepInUrl, showChoice, streamUrl } from "./symbols.ts";

const charts = new Map<Symbol, Chart>();
/** The difference between the server's clock and `performance.now()`, once a price has arrived. */
let clockOffset: number | undefined;
let subscription: PriceEventSubscription | undefined;
let [prices, snapshots] = [0, 0];

function showState(state: string, text: string, notice: string): void {
  const pill = find("#state");
  pill.dataset["state"] = state;
  setText(pill, text);
  setText(find("#notice"), notice);
}

/** Sets the clock by the time of a price. The price that was the fastest to arrive is the most exact. */
function setClock(at: number): void {
  clockOffset = Math.max(clockOffset ?? -Infinity, at - performance.now());
}

/** Follows these symbols. A symbol that was followed before resumes, and a new one begins with a snapshot. */
function follow(symbols: readonly Symbol[]): void {
  const lastEventId = subscription?.lastEventId;
  const previous = subscription;
  subscription = undefined;
  previous?.close();

  for (const [symbol, { root }] of charts) {
    if (symbols.includes(symbol)) continue;
    charts.delete(symbol);
    root.remove();
  }
  for (const symbol of symbols) {
    const chart = charts.get(symbol) ?? new Chart(symbol);
    charts.set(symbol, chart);
    find("#charts").append(chart.root);
  }
  find("#none").hidden = symbols.length > 0;
  setText(find("#curl"), symbols.length > 0 ? `curl -N '${location.origin}${streamUrl(symbols)}'` : "–");
  if (symbols.length === 0) {
    setText(find("#id"), "none");
    return showState("closed", "No stream", "Choose a symbol to open a stream.");
  }

  if (find("#state").dataset["state"] === "closed") showState("connecting", "Connecting", "Connecting to the event stream.");

  let wasOpen = false;
  /** The snapshots before the connection was lost. */
  let before: number | undefined;
  const current: PriceEventSubscription = subscribe(
    streamUrl(symbols),
    {
      snapshot(snapshot) {
        snapshots += 1;
        charts.get(snapshot.symbol)?.setSnapshot(snapshot);
        const last = snapshot.points.at(-1);
        if (last) setClock(last.at);
      },
      price({ symbol, at, price }) {
        prices += 1;
        setClock(at);
        charts.get(symbol)?.add({ at, price });
        if (before === undefined) return;
        const resumed = snapshots === before;
        before = undefined;
        const how = resumed ? "no price is missing" : "the server has sent the last two minutes again";
        setText(find("#notice"), `Connected again: ${how}.`);
      },
    },
    {
      // It reconnects at once when the network is back, and notices a connection that is silent.
      transport: "fetch",
      recreate: { maxDelay: 5_000 },
      lastEventId,
      onState(state) {
        if (current !== subscription) return;
        if (state === "open") showState(state, "Live", wasOpen ? "Connected again." : "Prices arrive as typed events.");
        if (state === "connecting") {
          before ??= snapshots;
          showState(state, "Reconnecting", "Connection lost. Each symbol resumes after its last price.");
        }
        wasOpen ||= state === "open";
      },
      onClose({ reason, status }) {
        if (current === subscription) showState("closed", "Ended", `The stream has ended: ${reason}${status === undefined ? "" : ` (${status})`}.`);
      },
    },
  );
  subscription = current;
}

function draw(): void {
  if (clockOffset !== undefined) for (const chart of charts.values()) chart.draw(performance.now() + clockOffset);
  setText(find("#prices"), String(prices));
  setText(find("#snapshots"), String(snapshots));
  if (subscription) setText(find("#id"), subscription.lastEventId || "none");
}

const chosen = chosenInUrl();
showChoice(find("#choice"), chosen, (symbols) => {
  keepInUrl(symbols);
  follow(symbols);
  draw();
});
follow(chosen);
setInterval(draw, 200);
