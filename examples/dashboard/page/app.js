// The page is a plain client of the stream at /events: nothing here knows more than the wire says.

const SPAN = 60_000; // what a plot shows, in milliseconds
const element = (id) => document.getElementById(id);

/** A line plot of the last minute, as inline SVG. */
class Plot {
  #root;
  #series;
  #points = [];
  #max;
  #format;

  constructor(id, { series = 1, max = null, format = String, label }) {
    this.#series = series;
    this.#max = max;
    this.#format = format;
    this.#root = element(id);
    this.#root.setAttribute("role", "img");
    this.#root.setAttribute("aria-label", label);
  }

  push(at, values) {
    this.#points.push({ at, values });
    while (this.#points.length > 2 && this.#points[1].at < at - SPAN) this.#points.shift();
  }

  draw(now) {
    const { clientWidth: width, clientHeight: height } = this.#root;
    if (width === 0) return;
    const room = height - 18;
    const top = this.#max ?? Math.max(1e-9, ...this.#points.flatMap(({ values }) => values)) * 1.15;
    const x = (at) => (width * (at - now + SPAN)) / SPAN;
    const y = (value) => room - (room - 6) * Math.min(1, value / top);
    const parts = [];
    for (const share of [0, 0.5, 1]) {
      const at = y(top * share).toFixed(1);
      parts.push(`<line x1="0" x2="${width}" y1="${at}" y2="${at}"/>`);
    }
    for (let series = this.#series - 1; series >= 0; series--) {
      const path = this.#points.map(({ at, values }) => `${x(at).toFixed(1)},${y(values[series]).toFixed(1)}`);
      if (path.length < 2) continue;
      const line = `M${path.join("L")}`;
      if (series === 0) {
        const last = x(this.#points.at(-1).at).toFixed(1);
        const first = x(this.#points[0].at).toFixed(1);
        parts.push(`<path class="area s1" d="${line}L${last},${room}L${first},${room}Z"/>`);
      }
      parts.push(`<path class="s${series + 1}" d="${line}"/>`);
    }
    parts.push(`<text x="0" y="${y(top) + 11}">${this.#format(top)}</text>`);
    parts.push(`<text x="0" y="${height - 2}">60 s ago</text>`);
    parts.push(`<text x="${width}" y="${height - 2}" text-anchor="end">now</text>`);
    this.#root.innerHTML = `<svg viewBox="0 0 ${width} ${height}"><clipPath id="${this.#root.id}-clip">`
      + `<rect width="${width}" height="${height}"/></clipPath><g clip-path="url(#${this.#root.id}-clip)">${parts.join("")}</g></svg>`;
  }
}

const percent = (value) => `${value.toFixed(0)} %`;
const bytes = (value) => {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value.toFixed(unit === 0 || value >= 100 ? 0 : 1)} ${units[unit]}`;
};
const duration = (seconds) => (seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`);

const plots = {
  cpu: new Plot("cpu", { max: 100, format: percent, label: "CPU use of the last minute" }),
  memory: new Plot("memory", { max: 100, format: percent, label: "Memory in use of the last minute" }),
  load: new Plot("load", { series: 3, format: (top) => top.toFixed(2), label: "Load averages of the last minute" }),
  network: new Plot("network", { series: 2, format: (top) => `${bytes(top)}/s`, label: "Network traffic of the last minute" }),
};

function bar(list, name, share, value) {
  let row = [...list.children].find((row) => row.dataset.name === name);
  if (!row) {
    list.querySelector(".none")?.remove();
    row = document.createElement("li");
    row.dataset.name = name;
    row.innerHTML = '<span class="name"></span><span class="track"><span class="fill" style="display:block"></span></span><span class="value"></span>';
    row.querySelector(".name").textContent = name;
    row.querySelector(".name").title = name;
    list.append(row);
  }
  const fill = row.querySelector(".fill");
  fill.style.width = `${Math.min(100, share).toFixed(1)}%`;
  fill.classList.toggle("high", share >= 85);
  row.querySelector(".value").textContent = value;
}

let processes = 0;
function process(what, { pid, name }, detail) {
  const list = element("processes");
  list.querySelector(".none")?.remove();
  const row = document.createElement("li");
  row.className = what;
  for (const [part, text] of [["what", what], ["who", name], ["pid", detail ?? `pid ${pid}`]]) {
    const span = document.createElement("span");
    span.className = part;
    span.textContent = text;
    row.append(span);
  }
  list.prepend(row);
  while (list.children.length > 7) list.lastChild.remove();
  processes += 1;
  element("processes-now").textContent = `${processes} seen`;
}

function notice(text) {
  element("notice").textContent = text;
  element("notice").hidden = text === "";
}

let clock = null;

// One handler for each event type of the enum `Reading`.
const handlers = {
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
    const share = (100 * used_bytes) / total_bytes;
    bar(element("disks"), mount, share, bytes(total_bytes));
  },
  process_started: (started) => process("started", started),
  process_exited: (exited) => process("exited", exited, `after ${duration(exited.lived_s)}`),
  missed({ missed, reason }) {
    const reasons = { unknown_id: "the server was started anew", trimmed: "this page was away for too long" };
    notice(`${missed ?? "Some"} events are missing here: ${reasons[reason] ?? reason}.`);
    setTimeout(() => notice(""), 5_000);
  },
};

let received = 0;
const wire = [];
function record(event) {
  received += 1;
  element("id").textContent = event.lastEventId || "none";
  wire.push([event.type, event.lastEventId, event.data]);
  if (wire.length > 40) wire.shift();
}

function drawWire() {
  const pre = element("wire");
  const followed = pre.scrollHeight - pre.scrollTop - pre.clientHeight < 40;
  pre.replaceChildren(...wire.flatMap(([type, id, data]) => {
    const line = (field, text) => {
      const name = document.createElement("span");
      name.className = "field";
      name.textContent = `${field}: `;
      return [name, `${text}\n`];
    };
    return [...line("id", id), ...line("event", type), ...line("data", data), "\n"];
  }));
  if (followed) pre.scrollTop = pre.scrollHeight;
}

function state(name) {
  element("state").dataset.state = name;
  element("state").textContent = name;
}

element("curl").textContent = `curl -N ${location.origin}/events`;
const source = new EventSource("/events");
source.onopen = () => {
  state("open");
  notice("");
};
source.onerror = () => {
  const closed = source.readyState === EventSource.CLOSED;
  state(closed ? "closed" : "connecting");
  notice(closed ? "The stream is over." : "The stream broke off; the browser is connecting again.");
};
for (const [type, handle] of Object.entries(handlers)) {
  source.addEventListener(type, (event) => {
    record(event);
    handle(JSON.parse(event.data));
  });
}

let counted = 0;
setInterval(() => {
  element("rate").textContent = String(received - counted);
  counted = received;
}, 1_000);
setInterval(() => {
  // The machine's clock, which need not be this browser's.
  if (clock !== null) for (const plot of Object.values(plots)) plot.draw(clock);
  drawWire();
}, 250);
