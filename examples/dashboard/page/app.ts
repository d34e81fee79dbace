// The page is a client of the stream at /events. It knows the events from `reading.ts`, which is generated from the server's enum.
import { element, setText } from "./dom.ts";
import { bytes, duration, percent } from "./format.ts";
import { addProcess, setBar } from "./lists.ts";
import { Plot } from "./plot.ts";
import { subscribe, type ReadingHandlers } from "./reading.ts";
import { drawWire, record } from "./wire.ts";

const LIVE = "Readings arrive as typed events.";
const rate = (value: number): string => `${bytes(value)}/s`;

const plots = {
  cpu: new Plot(element("cpu"), { max: 100, format: percent, label: "CPU use of the last minute" }),
  memory: new Plot(element("memory"), { max: 100, format: percent, label: "Memory in use, last minute" }),
  load: new Plot(element("load"), { series: 3, format: (top) => top.toFixed(2), label: "Load averages of the last minute" }),
  network: new Plot(element("network"), {
    series: 2,
    mirrored: true,
    format: (top) => `± ${rate(top)}`,
    label: "Network traffic of the last minute: received upwards, sent downwards",
  }),
};

/** The difference between the machine's clock and `performance.now()`, once a reading has arrived. */
let clockOffset: number | undefined;

function notify(text: string, isUrgent = true): void {
  setText("notice", text);
  element("notice").classList.toggle("urgent", isUrgent);
}

let gapTimer: number | undefined;

// `Required` makes a missing handler a compile error.
const handlers: Required<ReadingHandlers> = {
  machine({ name, system, cores, memory_bytes }) {
    setText("machine", name);
    setText("about", `${system}, ${cores} cores, ${bytes(memory_bytes)} of memory`);
    document.title = `${name}: sse-typed dashboard`;
  },
  cpu({ at, total, cores }) {
    clockOffset = at - performance.now();
    plots.cpu.push(at, [total]);
    setText("cpu-now", percent(total));
    cores.forEach((use, core) => setBar(element("cores"), `Core ${core}`, use, percent(use)));
  },
  memory({ at, used_bytes, total_bytes, swap_used_bytes }) {
    const share = (100 * used_bytes) / total_bytes;
    plots.memory.push(at, [share]);
    setText("memory-now", `${bytes(used_bytes)} of ${bytes(total_bytes)}`);
    setText("memory-share", percent(share));
    setText("swap", bytes(swap_used_bytes));
  },
  load({ at, one, five, fifteen }) {
    plots.load.push(at, [one, five, fifteen]);
    setText("load-one", one.toFixed(2));
    setText("load-five", five.toFixed(2));
    setText("load-fifteen", fifteen.toFixed(2));
  },
  network({ at, received_bytes_per_s, sent_bytes_per_s }) {
    plots.network.push(at, [received_bytes_per_s, sent_bytes_per_s]);
    setText("received", rate(received_bytes_per_s));
    setText("sent", rate(sent_bytes_per_s));
  },
  disk({ mount, used_bytes, total_bytes }) {
    const share = (100 * used_bytes) / total_bytes;
    setBar(element("disks"), mount, share, `${percent(share)} of ${bytes(total_bytes)}`);
  },
  process_started: ({ pid, name }) => addProcess("started", name, `pid ${pid}`),
  process_exited: ({ name, lived_s }) => addProcess("exited", name, `after ${duration(lived_s)}`),
  missed({ missed, reason }) {
    for (const plot of Object.values(plots)) plot.addGap();
    const why = reason === "unknown_id" ? "the server was restarted" : "they are no longer retained";
    notify(`${missed ?? "Some"} events are missing: ${why}.`);
    clearTimeout(gapTimer);
    gapTimer = setTimeout(() => {
      gapTimer = undefined;
      notify(LIVE, false);
    }, 15_000);
  },
};

let received = 0;
let wasOpen = false;
setText("curl", `curl -N ${location.origin}/events`);
subscribe("/events", handlers, {
  onEvent(event) {
    received += 1;
    setText("id", event.lastEventId || "none");
    record(event);
  },
  onState(state) {
    element("state").dataset["state"] = state;
    setText("state", { connecting: wasOpen ? "Reconnecting" : "Connecting", open: "Live", closed: "Ended" }[state]);
    if (state !== "open") clearTimeout(gapTimer);
    if (state === "open") notify(LIVE, false);
    else if (state === "connecting" && wasOpen) notify("Connection lost. Resuming after the last event.");
    wasOpen ||= state === "open";
  },
  onClose: ({ reason, status }) => notify(`The stream has ended: ${reason}${status === undefined ? "" : ` (${status})`}.`),
});

function draw(): void {
  const now = performance.now() + (clockOffset ?? 0);
  for (const plot of Object.values(plots)) plot.draw(now);
  drawWire();
}

draw();
setInterval(draw, 250);
let counted = 0;
setInterval(() => {
  setText("rate", String(received - counted));
  counted = received;
}, 1_000);
