// Bundled from examples/dashboard/page/app.ts, by tests/browser/pages.mjs.

// format.ts
var percent = (value) => `${value.toFixed(0)} %`;
function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value.toFixed(unit === 0 || value >= 100 ? 0 : 1)} ${units[unit]}`;
}
var duration = (seconds) => seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;

// plot.ts
var SPAN = 6e4;
var Plot = class {
  #root;
  #options;
  #points = [];
  constructor(root, options) {
    this.#root = root;
    this.#options = options;
    root.setAttribute("role", "img");
    root.setAttribute("aria-label", options.label);
  }
  push(at, values) {
    this.#points.push({ at, values });
    while (this.#points[1] !== void 0 && this.#points[1].at < at - SPAN) this.#points.shift();
  }
  draw(now) {
    const { clientWidth: width, clientHeight: height, id } = this.#root;
    const { series = 1, max, format } = this.#options;
    if (width === 0) return;
    const room = height - 18;
    const top = max ?? Math.max(1e-9, ...this.#points.flatMap(({ values }) => values)) * 1.15;
    const x = (at) => (width * (at - now + SPAN) / SPAN).toFixed(1);
    const y = (value) => (room - (room - 6) * Math.min(1, value / top)).toFixed(1);
    const parts = [0, 0.5, 1].map((share) => `<line x1="0" x2="${width}" y1="${y(top * share)}" y2="${y(top * share)}"/>`);
    const [first, last] = [this.#points[0], this.#points.at(-1)];
    for (let number = series; number >= 1 && first !== void 0 && last !== first && last !== void 0; number -= 1) {
      const line = `M${this.#points.map(({ at, values }) => `${x(at)},${y(values[number - 1] ?? 0)}`).join("L")}`;
      if (number === 1) parts.push(`<path class="area s1" d="${line}L${x(last.at)},${room}L${x(first.at)},${room}Z"/>`);
      parts.push(`<path class="s${number}" d="${line}"/>`);
    }
    parts.push(`<text x="0" y="${Number(y(top)) + 11}">${format(top)}</text>`);
    parts.push(`<text x="0" y="${height - 2}">60 s ago</text>`);
    parts.push(`<text x="${width}" y="${height - 2}" text-anchor="end">now</text>`);
    this.#root.innerHTML = `<svg viewBox="0 0 ${width} ${height}" aria-hidden="true"><clipPath id="${id}-clip"><rect width="${width}" height="${height}"/></clipPath><g clip-path="url(#${id}-clip)">${parts.join("")}</g></svg>`;
  }
};

// reading.ts
var contract = {
  variants: [
    { name: "machine", types: ["machine"], form: "json" },
    { name: "cpu", types: ["cpu"], form: "json" },
    { name: "memory", types: ["memory"], form: "json" },
    { name: "load", types: ["load"], form: "json" },
    { name: "network", types: ["network"], form: "json" },
    { name: "disk", types: ["disk"], form: "json" },
    { name: "process_started", types: ["process_started"], form: "json" },
    { name: "process_exited", types: ["process_exited"], form: "json" },
    { name: "missed", types: ["missed"], form: "json", gap: true }
  ],
  ignored: [],
  nested: []
};
function subscribe(url, handlers2 = {}, options = {}) {
  const globals = globalThis;
  const Source = options.EventSource ?? globals.EventSource;
  if (Source === void 0) throw new TypeError("there is no EventSource here: pass one as `options.EventSource`");
  const withCredentials = options.withCredentials ?? false;
  const recreate = typeof options.recreate === "object" ? options.recreate : {};
  const types = /* @__PURE__ */ new Set(["message", ...typesOf(contract), ...options.otherTypes ?? []]);
  const queues = /* @__PURE__ */ new Set();
  let lastEventId = options.lastEventId ?? "";
  let state = "connecting";
  let source;
  let timer;
  let asking;
  let attempts = 0;
  let complete = false;
  let ended;
  let resolve;
  const closed = new Promise((done) => {
    resolve = done;
  });
  const change = (to) => {
    if (state === to) return;
    state = to;
    options.onState?.(to);
  };
  const drop = () => {
    source?.close();
    source = void 0;
  };
  const end = (reason, status) => {
    if (ended !== void 0) return;
    ended = { reason: complete ? "terminal" : reason, status };
    drop();
    globals.clearTimeout(timer);
    asking?.abort();
    options.signal?.removeEventListener("abort", abort);
    resolve(ended);
    for (const queue of queues) queue.wake();
    try {
      change("closed");
    } finally {
      options.onClose?.(ended);
    }
  };
  const abort = () => end("aborted");
  const address = () => {
    const given = typeof url === "function" ? url() : url;
    return behind(typeof given === "string" ? given : given.href, lastEventId);
  };
  const deliver = ({ name, gap }, data) => {
    const event = { type: name, data, lastEventId };
    for (const queue of queues) {
      queue.events.push(event);
      queue.wake();
    }
    handler(handlers2, name)?.call(handlers2, data, event);
    if (gap === true && ended === void 0) options.onGap?.(data, event);
    if (ended === void 0) options.onEvent?.(event);
  };
  const receive = (message) => {
    attempts = 0;
    const raw = { eventType: message.type, data: String(message.data), lastEventId };
    let read;
    try {
      read = readEvent(contract, raw.eventType, raw.data, once(options.parse ?? JSON.parse, raw.data));
    } catch (error) {
      if (options.onInvalid !== void 0) options.onInvalid(raw, error);
      else globals.console?.warn(`invalid event \`${raw.eventType}\``, error);
      return;
    }
    if (read === "unknown") options.onUnknown?.(raw);
    if (typeof read === "string") return;
    const { variant, data } = read;
    complete = variant.terminal === true;
    if (complete) drop();
    try {
      deliver(variant, data);
    } finally {
      if (complete) end("terminal");
    }
  };
  const connect = () => {
    const resumed = lastEventId !== "";
    const resource = address();
    if (ended !== void 0) return;
    const current = new Source(resource, { withCredentials });
    source = current;
    let openedAt;
    let vain = 0;
    let identified = false;
    const heard = (message) => {
      if (source !== current) return;
      openedAt = void 0;
      const id = message.lastEventId;
      if (id) identified = true;
      if (identified && id !== void 0) lastEventId = id;
      receive(message);
    };
    for (const type of types) {
      if (type !== "open" && type !== "error") current.addEventListener(type, heard);
    }
    current.addEventListener("open", (event) => {
      if (typeof event.data === "string") return heard(event);
      if (source !== current) return;
      openedAt = Date.now();
      change("open");
    });
    current.addEventListener("error", (event) => {
      if (typeof event.data === "string") return heard(event);
      if (source !== current) return;
      if (current.readyState === 2) {
        drop();
        if (options.recreate === false) return end("refused", event.code);
        try {
          change("connecting");
        } finally {
          if (ended === void 0) void givenUp(event.code);
        }
        return;
      }
      vain = openedAt !== void 0 && Date.now() - openedAt < 1e3 ? vain + 1 : 0;
      openedAt = void 0;
      if (resumed && (vain === 2 || lastEventId === "")) {
        lastEventId = "";
        drop();
        later(0);
      }
      change("connecting");
    });
  };
  const start = () => {
    try {
      connect();
    } catch (error) {
      end("refused");
      throw error;
    }
  };
  const later = (least) => {
    const { delay = 1e3, maxDelay = 3e4 } = recreate;
    const backoff = Math.min(delay * 2 ** attempts, maxDelay);
    attempts += 1;
    const wait = Math.max(backoff, least) * (1 + Math.random() / 2);
    timer = globals.setTimeout(start, Math.min(wait, LONGEST));
  };
  const givenUp = async (code) => {
    asking = globals.AbortController && new globals.AbortController();
    let answer;
    try {
      answer = code === void 0 ? ask(globals, address(), withCredentials, asking) : { status: code, own: true };
    } catch (error) {
      end("refused");
      throw error;
    }
    const head = await answer;
    if (ended !== void 0) return;
    if (head.status === 204) return end("complete", 204);
    if (isFinal(head) || attempts >= (recreate.attempts ?? Infinity)) return end("refused", head.status);
    later(head.retryAfter ?? 0);
  };
  if (options.signal?.aborted === true) end("aborted");
  else {
    options.signal?.addEventListener("abort", abort);
    start();
  }
  return {
    get state() {
      return state;
    },
    get lastEventId() {
      return lastEventId;
    },
    closed,
    close: () => end("closed"),
    [Symbol.asyncIterator]() {
      const queue = { events: [], wake: () => void 0 };
      queues.add(queue);
      const events = async function* () {
        for (; ; ) {
          const event = queue.events.shift();
          if (event !== void 0) yield event;
          else if (ended === void 0) {
            await new Promise((wake) => {
              queue.wake = wake;
            });
          } else if (ended.reason === "refused") {
            throw new Error(ended.status === void 0 ? "the event stream was refused" : `the event stream was refused: ${ended.status}`);
          } else return;
        }
      };
      const loop = events();
      return {
        next: () => loop.next(),
        // The generator's own would wait for the next event, and close nothing where it has not begun.
        return: () => {
          end("closed");
          return loop.return();
        }
      };
    }
  };
}
var LONGEST = 2 ** 31 - 1;
function typesOf(of) {
  return [...of.variants.flatMap((variant) => variant.types), ...of.nested.flatMap(typesOf)];
}
function once(parse, data) {
  let read;
  return () => (read ??= { value: parse(data) }).value;
}
function handler(of, name) {
  const object = of;
  if (hasKey(of, name)) return object[name];
  const prototype = Object.getPrototypeOf(of);
  if (typeof of === "object" && typeof prototype === "function") return name === "__proto__" ? prototype : void 0;
  const common = [null, Object.prototype, Function.prototype];
  let owner = of;
  while (!common.includes(owner) && !Object.prototype.hasOwnProperty.call(owner, name)) owner = Object.getPrototypeOf(owner);
  if (common.includes(owner) || name === "constructor" && owner !== of) return void 0;
  const found = object[name];
  return typeof found === "function" ? found : void 0;
}
function hasKey(value, key) {
  return typeof value === "object" && value !== null && !Array.isArray(value) && Object.prototype.hasOwnProperty.call(value, key);
}
function under(json, key) {
  if (key === void 0) return void 0;
  try {
    const value = json();
    return hasKey(value, key) ? value[key] : void 0;
  } catch {
    return void 0;
  }
}
function readEvent(of, type, data, json) {
  const tag = type === "message" ? under(json, of.tag) : void 0;
  const name = typeof tag === "string" && tag !== "" ? tag : type;
  const candidates = of.variants.filter((variant2) => variant2.types.includes(name));
  const variant = candidates.find(({ sentinel }) => sentinel === data) ?? // A key with a value is a better sign than one with `null`.
  candidates.find(({ key }) => (under(json, key) ?? null) !== null) ?? candidates.find(({ key }) => under(json, key) === null) ?? candidates.find(({ sentinel, key }) => sentinel === void 0 && key === void 0);
  if (variant !== void 0) return readData(of, variant, data, json);
  if (candidates.length > 0) {
    if (data === "" && candidates.some(({ key }) => key !== void 0)) return "ignored";
    const expected = candidates.map(({ sentinel, key }) => key === void 0 ? `\`${sentinel}\`` : `an object with the key \`${key}\``);
    throw new TypeError(`expected ${expected.join(" or ")}`);
  }
  if (of.ignored.includes(name)) return "ignored";
  for (const nested of of.nested) {
    if (typesOf(nested).includes(name)) return readEvent(nested, name, data, json);
  }
  if (of.other !== void 0) {
    return { variant: of.other, data: of.other.form === "raw" ? { eventType: type, data } : null };
  }
  for (const nested of of.nested) {
    const read = readEvent(nested, type, data, json);
    if (read !== "unknown") return read;
  }
  return of.tag !== void 0 && type === "message" && data === "" ? "ignored" : "unknown";
}
function readData(of, variant, data, json) {
  if (variant.form === "unit") return { variant, data: null };
  if (variant.form === "text") return { variant, data };
  if (data === "") return "ignored";
  const value = json();
  if (of.tag !== void 0 && hasKey(value, of.tag)) delete value[of.tag];
  return { variant, data: value };
}
function behind(url, id) {
  if (id === "") return url;
  const end = url.includes("#") ? url.indexOf("#") : url.length;
  const [path, ...query] = url.slice(0, end).split("?");
  const pairs = query.join("?").split("&").filter((pair) => pair !== "" && !pair.startsWith("last_event_id="));
  return `${path}?${[...pairs, `last_event_id=${encodeURIComponent(id)}`].join("&")}${url.slice(end)}`;
}
async function ask(globals, url, withCredentials, asking) {
  const timer = globals.setTimeout(() => asking?.abort(), 1e4);
  const credentials = withCredentials ? "include" : "same-origin";
  const init = { method: "HEAD", headers: { accept: "text/event-stream" }, cache: "no-store", credentials, signal: asking?.signal };
  try {
    const response = await globals.fetch?.(url, init);
    if (response === void 0) return {};
    const retryAfter = 1e3 * Number(response.headers.get("retry-after") ?? 0);
    const type = response.headers.get("content-type");
    return { status: response.status, type, ...retryAfter > 0 ? { retryAfter } : {} };
  } catch {
    return {};
  } finally {
    globals.clearTimeout(timer);
  }
}
function isFinal({ status, type, own }) {
  if (status === void 0) return false;
  if (status === 200) return own === true || typeof type === "string" && !type.toLowerCase().startsWith("text/event-stream");
  if (status === 405 && own !== true) return false;
  return status >= 400 && status < 500 && status !== 408 && status !== 425 && status !== 429;
}

// app.ts
function element(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
}
var plots = {
  cpu: new Plot(element("cpu"), { max: 100, format: percent, label: "CPU use of the last minute" }),
  memory: new Plot(element("memory"), { max: 100, format: percent, label: "Memory in use of the last minute" }),
  load: new Plot(element("load"), { series: 3, format: (top) => top.toFixed(2), label: "Load averages of the last minute" }),
  network: new Plot(element("network"), { series: 2, format: (top) => `${bytes(top)}/s`, label: "Network traffic of the last minute" })
};
function bar(list, name, share, value) {
  let row = [...list.children].find((row2) => row2 instanceof HTMLElement && row2.dataset["name"] === name);
  if (row === void 0) {
    list.querySelector(".none")?.remove();
    row = document.createElement("li");
    row.dataset["name"] = name;
    row.append(span("name", name), span("track"), span("value"));
    row.querySelector(".track")?.append(span("fill"));
    row.title = name;
    list.append(row);
  }
  const fill = row.querySelector(".fill");
  const number = row.querySelector(".value");
  if (fill === null || number === null) return;
  fill.style.width = `${Math.min(100, share).toFixed(1)}%`;
  fill.classList.toggle("high", share >= 85);
  number.textContent = value;
}
function span(name, text = "") {
  const span2 = document.createElement("span");
  span2.className = name;
  span2.textContent = text;
  return span2;
}
var processes = 0;
function process(what, { pid, name }, detail = `pid ${pid}`) {
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
function notice(text) {
  element("notice").textContent = text;
  element("notice").hidden = text === "";
}
var clock;
var handlers = {
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
    plots.memory.push(at, [100 * used_bytes / total_bytes]);
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
    bar(element("disks"), mount, 100 * used_bytes / total_bytes, bytes(total_bytes));
  },
  process_started: (started) => process("started", started),
  process_exited: (exited) => process("exited", exited, `after ${duration(exited.lived_s)}`),
  missed({ missed, reason }) {
    const why = reason === "unknown_id" ? "the server was started anew" : "this page was away for too long";
    notice(`${missed ?? "Some"} events are missing here: ${why}.`);
    setTimeout(() => notice(""), 5e3);
  }
};
var received = 0;
var wire = [];
function record(event) {
  received += 1;
  element("id").textContent = event.lastEventId || "none";
  wire.push(event);
  if (wire.length > 40) wire.shift();
}
function drawWire() {
  const pre = element("wire");
  const followed = pre.scrollHeight - pre.scrollTop - pre.clientHeight < 40;
  const line = (field, text) => [span("field", `${field}: `), `${text}
`];
  const blocks = wire.flatMap(({ type, lastEventId, data }) => [
    ...line("id", lastEventId),
    ...line("event", type),
    ...line("data", JSON.stringify(data)),
    "\n"
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
  onClose: ({ reason, status }) => notice(`The stream is over: ${reason}${status === void 0 ? "" : ` (${status})`}.`)
});
var counted = 0;
setInterval(() => {
  element("rate").textContent = String(received - counted);
  counted = received;
}, 1e3);
setInterval(() => {
  if (clock !== void 0) for (const plot of Object.values(plots)) plot.draw(clock);
  drawWire();
}, 250);
