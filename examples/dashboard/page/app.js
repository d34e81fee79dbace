// Bundled from examples/dashboard/page/app.ts, by tests/browser/pages.mjs.

// dom.ts
function element(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
}
function setText(id, text) {
  element(id).textContent = text;
}
function span(name, text = "") {
  const span2 = document.createElement("span");
  span2.className = name;
  span2.textContent = text;
  return span2;
}

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

// lists.ts
var PROCESS_ROWS = 9;
var HIGH = 85;
function setBar(list, name, share, value) {
  let row = [...list.children].find((row2) => row2 instanceof HTMLElement && row2.dataset["name"] === name);
  if (row === void 0) {
    list.querySelector(".empty")?.remove();
    row = document.createElement("li");
    row.dataset["name"] = name;
    row.title = name;
    row.append(span("name", name), span("value"), span("track"));
    row.querySelector(".track")?.append(span("fill"));
    list.append(row);
  }
  const fill = row.querySelector(".fill");
  const number = row.querySelector(".value");
  if (fill === null || number === null) return;
  fill.style.width = `${Math.min(100, share).toFixed(1)}%`;
  fill.classList.toggle("high", share >= HIGH);
  number.textContent = value;
}
var processEvents = 0;
function addProcess(what, name, detail) {
  const list = element("processes");
  list.querySelector(".empty")?.remove();
  const row = document.createElement("li");
  row.className = what;
  row.append(span("what", what), span("who", name), span("detail", detail));
  list.prepend(row);
  while (list.children.length > PROCESS_ROWS) list.lastElementChild?.remove();
  processEvents += 1;
  setText("processes-now", `${processEvents} ${processEvents === 1 ? "event" : "events"}`);
}

// plot.ts
var SPAN = 6e4;
var Plot = class {
  #root;
  #options;
  #points = [];
  #isAfterGap = false;
  constructor(root, options) {
    this.#root = root;
    this.#options = options;
    root.setAttribute("role", "img");
    root.setAttribute("aria-label", options.label);
  }
  push(at, values) {
    this.#points.push({ at, values, isAfterGap: this.#isAfterGap });
    this.#isAfterGap = false;
    while (this.#points[1] !== void 0 && this.#points[1].at < at - SPAN) this.#points.shift();
  }
  /** Interrupts the lines: events are missing before the next point. */
  addGap() {
    this.#isAfterGap = true;
  }
  /** Draws the minute before `now`, or an empty plot while there are no readings. */
  draw(now) {
    const { clientWidth: width, clientHeight: height, id } = this.#root;
    const { series = 1, mirrored = false, max, format } = this.#options;
    if (width === 0) return;
    const [highest, lowest] = [18, height - 18];
    const middle = (highest + lowest) / 2;
    const base = mirrored ? middle : lowest;
    const top = max ?? (Math.max(0, ...this.#points.flatMap(({ values }) => values)) * 1.15 || 1);
    const x = (at) => (width * (at - now + SPAN) / SPAN).toFixed(1);
    const y = (value, number) => {
      const length = (base - highest) * Math.min(1, value / top);
      return (mirrored && number === 2 ? base + length : base - length).toFixed(1);
    };
    const [lines, gaps] = [[], []];
    const runs = this.#runs();
    runs.forEach((run, index) => {
      const [first, last, next] = [run[0], run.at(-1), runs[index + 1]?.[0]];
      if (first === void 0 || last === void 0) return;
      if (next !== void 0) {
        const [left, right] = [x(last.at), x(next.at)];
        gaps.push(`<rect class="gap" x="${left}" y="${highest}" width="${(Number(right) - Number(left)).toFixed(1)}" height="${lowest - highest}"/>`);
      }
      if (run.length === 1) return;
      for (let number = series; number >= 1; number -= 1) {
        const line = `M${run.map(({ at, values }) => `${x(at)},${y(values[number - 1] ?? 0, number)}`).join("L")}`;
        if (number === 1 || mirrored) lines.push(`<path class="area s${number}" d="${line}L${x(last.at)},${base}L${x(first.at)},${base}Z"/>`);
        lines.push(`<path class="s${number}" d="${line}"/>`);
      }
    });
    const grid = [highest, middle, lowest].map((at) => `<line x1="0" x2="${width}" y1="${at}" y2="${at}"/>`);
    const text = (at, y2, anchor, text2) => `<text x="${at}" y="${y2}" text-anchor="${anchor}">${text2}</text>`;
    const isEmpty = lines.length === 0;
    const labels = [
      isEmpty ? `<text class="empty" x="${width / 2}" y="${middle - 8}">No readings yet</text>` : text(0, highest - 6, "start", format(top)),
      text(0, height - 4, "start", "60 s ago"),
      text(width, height - 4, "end", "now")
    ];
    this.#root.innerHTML = `<svg viewBox="0 0 ${width} ${height}" aria-hidden="true"><clipPath id="${id}-clip"><rect width="${width}" height="${height}"/></clipPath>${grid.join("")}<g clip-path="url(#${id}-clip)">${gaps.join("")}${lines.join("")}</g>${labels.join("")}</svg>`;
  }
  /** The points, split where events are missing. */
  #runs() {
    const runs = [];
    for (const point of this.#points) {
      if (runs.length === 0 || point.isAfterGap) runs.push([]);
      runs.at(-1)?.push(point);
    }
    return runs;
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
  let headRequest;
  let attempts = 0;
  let complete = false;
  let ended;
  let resolve;
  const closed = new Promise((done) => {
    resolve = done;
  });
  const setState = (to) => {
    if (state === to) return;
    state = to;
    options.onState?.(to);
  };
  const detach = () => {
    source?.close();
    source = void 0;
  };
  const end = (reason, status) => {
    if (ended !== void 0) return;
    ended = { reason: complete ? "terminal" : reason, status };
    detach();
    globals.clearTimeout(timer);
    headRequest?.abort();
    options.signal?.removeEventListener("abort", abort);
    resolve(ended);
    for (const queue of queues) queue.wake();
    try {
      setState("closed");
    } finally {
      options.onClose?.(ended);
    }
  };
  const abort = () => end("aborted");
  const resumingUrl = () => {
    const given = typeof url === "function" ? url() : url;
    return resumeUrl(typeof given === "string" ? given : given.href, lastEventId);
  };
  const deliver = ({ name, gap }, data) => {
    const event = { type: name, data, lastEventId };
    for (const queue of queues) {
      queue.events.push(event);
      queue.wake();
    }
    findHandler(handlers2, name)?.call(handlers2, data, event);
    if (gap === true && ended === void 0) options.onGap?.(data, event);
    if (ended === void 0) options.onEvent?.(event);
  };
  const receive = (message) => {
    attempts = 0;
    const raw = { eventType: message.type, data: String(message.data), lastEventId };
    let read;
    try {
      read = readEvent(contract, raw.eventType, raw.data, lazyJson(options.parse ?? JSON.parse, raw.data));
    } catch (error) {
      if (options.onInvalid !== void 0) options.onInvalid(raw, error);
      else globals.console?.warn(`invalid event \`${raw.eventType}\``, error);
      return;
    }
    if (read === "unknown") options.onUnknown?.(raw);
    if (typeof read === "string") return;
    const { variant, data } = read;
    complete = variant.terminal === true;
    if (complete) detach();
    try {
      deliver(variant, data);
    } finally {
      if (complete) end("terminal");
    }
  };
  const connect = () => {
    const idInUrl = lastEventId !== "";
    const target = resumingUrl();
    if (ended !== void 0) return;
    const current = new Source(target, { withCredentials });
    source = current;
    let openedAt;
    let flaps = 0;
    let hasId = false;
    const onMessage = (message) => {
      if (source !== current) return;
      openedAt = void 0;
      const id = message.lastEventId;
      if (id) hasId = true;
      if (hasId && id !== void 0) lastEventId = id;
      receive(message);
    };
    for (const type of types) {
      if (type !== "open" && type !== "error") current.addEventListener(type, onMessage);
    }
    current.addEventListener("open", (event) => {
      if (typeof event.data === "string") return onMessage(event);
      if (source !== current) return;
      openedAt = Date.now();
      setState("open");
    });
    current.addEventListener("error", (event) => {
      if (typeof event.data === "string") return onMessage(event);
      if (source !== current) return;
      if (current.readyState === 2) {
        detach();
        if (options.recreate === false) return end("refused", event.code);
        try {
          setState("connecting");
        } finally {
          if (ended === void 0) void onHttpError(event.code);
        }
        return;
      }
      flaps = openedAt !== void 0 && Date.now() - openedAt < 1e3 ? flaps + 1 : 0;
      openedAt = void 0;
      if (idInUrl && (flaps === 2 || lastEventId === "")) {
        lastEventId = "";
        detach();
        retry(0);
      }
      setState("connecting");
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
  const retry = (minDelay) => {
    const { delay = 1e3, maxDelay = 3e4 } = recreate;
    const backoff = Math.min(delay * 2 ** attempts, maxDelay);
    attempts += 1;
    const wait = Math.max(backoff, minDelay) * (1 + Math.random() / 2);
    timer = globals.setTimeout(start, Math.min(wait, MAX_TIMER));
  };
  const onHttpError = async (code) => {
    headRequest = globals.AbortController && new globals.AbortController();
    let response;
    try {
      response = code === void 0 ? requestHead(globals, resumingUrl(), withCredentials, headRequest) : { status: code, own: true };
    } catch (error) {
      end("refused");
      throw error;
    }
    const head = await response;
    if (ended !== void 0) return;
    if (head.status === 204) return end("complete", 204);
    if (isFinal(head) || attempts >= (recreate.attempts ?? Infinity)) return end("refused", head.status);
    retry(head.retryAfter ?? 0);
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
      const events2 = async function* () {
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
      const loop = events2();
      return {
        next: () => loop.next(),
        // The generator's own `return` waits for the next event, and closes nothing before its first `next`.
        return: () => {
          end("closed");
          return loop.return();
        }
      };
    }
  };
}
var MAX_TIMER = 2 ** 31 - 1;
function typesOf(of) {
  return [...of.variants.flatMap((variant) => variant.types), ...of.nested.flatMap(typesOf)];
}
function lazyJson(parse, data) {
  let read;
  return () => (read ??= { value: parse(data) }).value;
}
function findHandler(of, name) {
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
function valueAt(json, key) {
  if (key === void 0) return void 0;
  try {
    const value = json();
    return hasKey(value, key) ? value[key] : void 0;
  } catch {
    return void 0;
  }
}
function readEvent(of, type, data, json) {
  const tag = type === "message" ? valueAt(json, of.tag) : void 0;
  const name = typeof tag === "string" && tag !== "" ? tag : type;
  const candidates = of.variants.filter((variant2) => variant2.types.includes(name));
  const variant = candidates.find(({ sentinel }) => sentinel === data) ?? // A key with a value takes precedence over one with `null`.
  candidates.find(({ key }) => (valueAt(json, key) ?? null) !== null) ?? candidates.find(({ key }) => valueAt(json, key) === null) ?? candidates.find(({ sentinel, key }) => sentinel === void 0 && key === void 0);
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
function resumeUrl(url, id) {
  if (id === "") return url;
  const end = url.includes("#") ? url.indexOf("#") : url.length;
  const [path, ...query] = url.slice(0, end).split("?");
  const pairs = query.join("?").split("&").filter((pair) => pair !== "" && !pair.startsWith("last_event_id="));
  return `${path}?${[...pairs, `last_event_id=${encodeURIComponent(id)}`].join("&")}${url.slice(end)}`;
}
async function requestHead(globals, url, withCredentials, controller) {
  const timer = globals.setTimeout(() => controller?.abort(), 1e4);
  const credentials = withCredentials ? "include" : "same-origin";
  const init = { method: "HEAD", headers: { accept: "text/event-stream" }, cache: "no-store", credentials, signal: controller?.signal };
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

// wire.ts
var EVENTS = 40;
var events = [];
var isDrawn = true;
function record(event) {
  events.push(event);
  if (events.length > EVENTS) events.shift();
  isDrawn = false;
}
function drawWire() {
  if (isDrawn) return;
  isDrawn = true;
  const pre = element("wire");
  const isAtEnd = pre.scrollHeight - pre.scrollTop - pre.clientHeight < 40;
  const line = (field, text) => [span("field", `${field}: `), `${text}
`];
  const blocks = events.flatMap(({ type, lastEventId, data }) => [
    ...line("id", lastEventId),
    ...line("event", type),
    ...line("data", JSON.stringify(data)),
    "\n"
  ]);
  pre.replaceChildren(...blocks);
  if (isAtEnd) pre.scrollTop = pre.scrollHeight;
}

// app.ts
var LIVE = "Readings arrive as typed events.";
var rate = (value) => `${bytes(value)}/s`;
var plots = {
  cpu: new Plot(element("cpu"), { max: 100, format: percent, label: "CPU use of the last minute" }),
  memory: new Plot(element("memory"), { max: 100, format: percent, label: "Memory in use, last minute" }),
  load: new Plot(element("load"), { series: 3, format: (top) => top.toFixed(2), label: "Load averages of the last minute" }),
  network: new Plot(element("network"), {
    series: 2,
    mirrored: true,
    format: (top) => `± ${rate(top)}`,
    label: "Network traffic of the last minute: received upwards, sent downwards"
  })
};
var clockOffset;
function notify(text, isUrgent = true) {
  setText("notice", text);
  element("notice").classList.toggle("urgent", isUrgent);
}
var gapTimer;
var handlers = {
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
    const share = 100 * used_bytes / total_bytes;
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
    const share = 100 * used_bytes / total_bytes;
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
      gapTimer = void 0;
      notify(LIVE, false);
    }, 15e3);
  }
};
var received = 0;
var wasOpen = false;
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
  onClose: ({ reason, status }) => notify(`The stream has ended: ${reason}${status === void 0 ? "" : ` (${status})`}.`)
});
function draw() {
  const now = performance.now() + (clockOffset ?? 0);
  for (const plot of Object.values(plots)) plot.draw(now);
  drawWire();
}
draw();
setInterval(draw, 250);
var counted = 0;
setInterval(() => {
  setText("rate", String(received - counted));
  counted = received;
}, 1e3);
