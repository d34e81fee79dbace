// The page is a client of the stream at /events: all that it knows of that is in `reading.ts`, which the server's enum wrote.
import { bytes, duration, percent } from "./format.ts";
import { Plot } from "./plot.ts";
import { subscribe, type Reading, type ReadingHandlers, type ReadingMap } from "./reading.ts";

function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
}

const plots = {
  cpu: new Plot(element("cpu"), { max: 100, format: percent, label: "CPU use of the last minute" }),
  memory: new Plot(element("memory"), { max: 100, format: percent, label: "Memory in use of the last minute" }),
  load: new Plot(element("load"), { series: 3, format: (top) => top.toFixed(2), label: "Load averages of the last minute" }),
  network: new Plot(element("network"), { series: 2, format: (top) => `${bytes(top)}/s`, label: "Network traffic of the last minute" }),
};

/** A row of a list of bars, with its parts. It is made when it is first asked for. */
function bar(list: HTMLElement, name: string, share: number, value: string): void {
  let row = [...list.children].find((row): row is HTMLElement => row instanceof HTMLElement && row.dataset["name"] === name);
  if (row === undefined) {
    list.querySelector(".none")?.remove();
    row = document.createElement("li");
    row.dataset["name"] = name;
    row.append(span("name", name), span("track"), span("value"));
    row.querySelector(".track")?.append(span("fill"));
    row.title = name;
    list.append(row);
  }
  const fill = row.querySelector<HTMLElement>(".fill");
  const number = row.querySelector(".value");
  if (fill === null || number === null) return;
  fill.style.width = `${Math.min(100, share).toFixed(1)}%`;
  fill.classList.toggle("high", share >= 85);
  number.textContent = value;
}

function span(name: string, text = ""): HTMLSpanElement {
  const span = document.createElement("span");
  span.className = name;
  span.textContent = text;
  return span;
}

let processes = 0;
function process(what: "started" | "exited", { pid, name }: ReadingMap["process_started"], detail = `pid ${pid}`): void {
  const list = element("processes");
  list.querySelector(".none")?.remove();
  const row = document.createElement("li");
  row.className = what;
  row.append(span("what", what), span("who", name), span("pid", detail));
  list.prepend(row);
  while (list.children.length > 7) list.lastElementChild?.remove();
  processes += 1;
  element("processes-now").textContent = `${processes} seen`;
}

function notice(text: string): void {
  element("notice").textContent = text;
  element("notice").hidden = text === "";
}

let clock: number | undefined;

// One handler for each event type, or it is no page of this enum.
const handlers: Required<ReadingHandlers> = {
  machine({ name, system, cores, memory_bytes }) {
    element("machine").textContent = name;
    element("about").textContent = `${system}, ${cores} cores, ${bytes(memory_bytes)} of memory`;
    document.title = `${name}: sse-typed dashboard`;
  },
  cpu({ at, total, cores }) {
    clock = at;
    plots.cpu.push(at, [total]);
    element("cpu-now").textContent = percent(total);
    cores.forEach((use, core) => bar(element("cores"), `core ${core}`, use, percent(use)));
  },
  memory({ at, used_bytes, total_bytes, swap_used_bytes }) {
    plots.memory.push(at, [(100 * used_bytes) / total_bytes]);
    const swap = swap_used_bytes > 0 ? `, swap ${bytes(swap_used_bytes)}` : "";
    element("memory-now").textContent = `${bytes(used_bytes)} of ${bytes(total_bytes)}${swap}`;
  },
  load({ at, one, five, fifteen }) {
    plots.load.push(at, [one, five, fifteen]);
    element("load-now").textContent = [one, five, fifteen].map((load) => load.toFixed(2)).join(" · ");
  },
  network({ at, received_bytes_per_s, sent_bytes_per_s }) {
    plots.network.push(at, [received_bytes_per_s, sent_bytes_per_s]);
    element("network-now").textContent = `↓ ${bytes(received_bytes_per_s)}/s  ↑ ${bytes(sent_bytes_per_s)}/s`;
  },
  disk({ mount, used_bytes, total_bytes }) {
    bar(element("disks"), mount, (100 * used_bytes) / total_bytes, bytes(total_bytes));
  },
  process_started: (started) => process("started", started),
  process_exited: (exited) => process("exited", exited, `after ${duration(exited.lived_s)}`),
  missed({ missed, reason }) {
    const why = reason === "unknown_id" ? "the server was started anew" : "this page was away for too long";
    notice(`${missed ?? "Some"} events are missing here: ${why}.`);
    setTimeout(() => notice(""), 5_000);
  },
};

let received = 0;
const wire: Reading[] = [];
function record(event: Reading): void {
  received += 1;
  element("id").textContent = event.lastEventId || "none";
  wire.push(event);
  if (wire.length > 40) wire.shift();
}

function drawWire(): void {
  const pre = element("wire");
  const followed = pre.scrollHeight - pre.scrollTop - pre.clientHeight < 40;
  const line = (field: string, text: string) => [span("field", `${field}: `), `${text}\n`];
  const blocks = wire.flatMap(({ type, lastEventId, data }) => [
    ...line("id", lastEventId),
    ...line("event", type),
    ...line("data", JSON.stringify(data)),
    "\n",
  ]);
  pre.replaceChildren(...blocks);
  if (followed) pre.scrollTop = pre.scrollHeight;
}

element("curl").textContent = `curl -N ${location.origin}/events`;
subscribe("/events", handlers, {
  onEvent: record,
  onState(state) {
    element("state").dataset["state"] = state;
    element("state").textContent = state;
    notice(state === "connecting" ? "The stream broke off; the page is connecting again." : "");
  },
  onClose: ({ reason, status }) => notice(`The stream is over: ${reason}${status === undefined ? "" : ` (${status})`}.`),
});

let counted = 0;
setInterval(() => {
  element("rate").textContent = String(received - counted);
  counted = received;
}, 1_000);
setInterval(() => {
  // The machine's clock, which need not be this browser's.
  if (clock !== undefined) for (const plot of Object.values(plots)) plot.draw(clock);
  drawWire();
}, 250);
