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
  runtime: 1,
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
  return subscribeTo(contract, url, handlers2, options, fetchTransport);
}
function subscribeTo(contract2, url, handlers2, options, transport) {
  const Source = options.EventSource ?? globals.EventSource;
  const connectorOf = transport?.(options, Source !== void 0);
  if (!connectorOf && !Source) throw new TypeError("there is no EventSource here: pass one as `options.EventSource`");
  const { delay = 1e3, maxDelay = 3e4, attempts = Infinity } = Object(options.recreate);
  let state = "connecting";
  let timer;
  let complete = false;
  let resolve;
  const closed = new Promise((done) => {
    resolve = done;
  });
  const setState = (to) => {
    if (state === to || link.ended && to !== "closed") return;
    state = to;
    options.onState?.(to);
  };
  const pause = () => globals.clearTimeout(timer);
  const end = (reason, status) => {
    if (link.ended) return;
    const ended = link.ended = { reason: complete ? "terminal" : reason, status };
    connector.disconnect();
    connector.dispose?.();
    pause();
    options.signal?.removeEventListener("abort", abort);
    resolve(ended);
    for (const queue of link.queues) queue.wake();
    try {
      setState("closed");
    } finally {
      options.onClose?.(ended);
    }
  };
  const abort = () => end("aborted");
  const receive = (raw) => {
    link.attempts = 0;
    link.lastEventId = raw.lastEventId;
    let read;
    try {
      read = readEvent(contract2, raw.eventType, raw.data, lazyJson(options.parse ?? JSON.parse, raw.data));
    } catch (error) {
      if (options.onInvalid) options.onInvalid(raw, error);
      else globals.console?.warn(`invalid event \`${raw.eventType}\``, error);
      return;
    }
    if (read === "unknown") options.onUnknown?.(raw);
    if (typeof read === "string") return;
    const { variant, data } = read;
    complete = !!variant.terminal;
    if (complete) connector.disconnect();
    try {
      const event = { type: variant.name, data, lastEventId: raw.lastEventId };
      for (const queue of link.queues) {
        queue.events.push(event);
        queue.wake();
      }
      findHandler(handlers2, variant.name)?.call(handlers2, data, event);
      if (variant.gap && !link.ended) options.onGap?.(data, event);
      if (!link.ended) options.onEvent?.(event);
    } finally {
      if (complete) end("terminal");
    }
  };
  const orEnd = (run) => {
    try {
      return run();
    } catch (error) {
      end("refused");
      throw error;
    }
  };
  const start = () => orEnd(() => connector.connect());
  const retry = (minDelay) => {
    const { reconnectionTime: time } = link;
    const backoff = time !== void 0 && link.attempts === 0 ? time : Math.min(delay * 2 ** link.attempts, maxDelay);
    link.attempts += 1;
    const wait = Math.max(backoff, minDelay, time ?? 0) * (1 + Math.random() / 2);
    timer = startTimer(start, wait);
  };
  const link = {
    lastEventId: options.lastEventId ?? "",
    reconnectionTime: void 0,
    attempts: 0,
    ended: void 0,
    queues: [],
    onTaken: () => void 0,
    url: (id) => resumeUrl(urlOf(url), id),
    setState,
    receive,
    fail(head) {
      const { status, retryAfter = 0 } = head;
      if (link.ended) return;
      if (status === 204) end("complete", status);
      else if (isFinal(head) || link.attempts >= attempts || status && options.recreate === false) end("refused", status);
      else retry(retryAfter);
    },
    retry,
    start,
    pause,
    end,
    orEnd
  };
  const types = [.../* @__PURE__ */ new Set(["message", ...typesOf(contract2), ...options.otherTypes ?? []])];
  const connector = connectorOf?.(link) ?? eventSourceConnector(link, Source, types, options);
  options.signal?.addEventListener("abort", abort);
  if (options.signal?.aborted) abort();
  else start();
  return {
    get state() {
      return state;
    },
    get lastEventId() {
      return link.lastEventId;
    },
    closed,
    close: () => end("closed"),
    [Symbol.asyncIterator]() {
      const queue = { events: [], wake: () => void 0, running: false };
      link.queues.push(queue);
      const events2 = async function* () {
        queue.running = true;
        for (; ; ) {
          const event = queue.events.shift();
          link.onTaken();
          if (event) yield event;
          else if (!link.ended) {
            await new Promise((wake) => {
              queue.wake = wake;
            });
          } else if (link.ended.reason === "refused") {
            const { status } = link.ended;
            throw new Error(`the event stream was refused${status === void 0 ? "" : `: ${status}`}`);
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
function eventSourceConnector(link, Source, types, options) {
  const withCredentials = options.withCredentials ?? false;
  let source;
  let headRequest;
  const disconnect = () => {
    source?.close();
    source = void 0;
    headRequest?.abort();
  };
  const connect = () => {
    const idInUrl = link.lastEventId !== "";
    const target = link.url(link.lastEventId);
    if (link.ended) return;
    const current = new Source(target, { withCredentials });
    source = current;
    let openedAt;
    let flaps = 0;
    let hasId = false;
    const onMessage = (message) => {
      if (source !== current) return;
      openedAt = void 0;
      const { type: eventType, data, lastEventId: id } = message;
      if (id) hasId = true;
      link.receive({ eventType, data: String(data), lastEventId: (hasId ? id : void 0) ?? link.lastEventId });
    };
    for (const type of types) {
      if (type !== "open" && type !== "error") current.addEventListener(type, onMessage);
    }
    current.addEventListener("open", (event) => {
      if (typeof event.data === "string") return onMessage(event);
      if (source !== current) return;
      openedAt = Date.now();
      link.setState("open");
    });
    current.addEventListener("error", (event) => {
      if (typeof event.data === "string") return onMessage(event);
      if (source !== current) return;
      if (current.readyState === 2) {
        disconnect();
        if (options.recreate === false) return link.end("refused", event.code);
        try {
          link.setState("connecting");
        } finally {
          if (!link.ended) void onHttpError(event.code);
        }
        return;
      }
      flaps = openedAt !== void 0 && Date.now() - openedAt < 1e3 ? flaps + 1 : 0;
      openedAt = void 0;
      if (idInUrl && (flaps === 2 || link.lastEventId === "")) {
        link.lastEventId = "";
        disconnect();
        link.retry(0);
      }
      link.setState("connecting");
    });
  };
  const onHttpError = async (code) => {
    headRequest = new globals.AbortController();
    link.fail(code === void 0 ? await requestHead(link.orEnd(() => link.url(link.lastEventId)), withCredentials, headRequest) : { status: code, own: true });
  };
  return { connect, disconnect };
}
function resumeUrl(url, id) {
  if (id === "") return url;
  const end = url.includes("#") ? url.indexOf("#") : url.length;
  const [path, ...query] = url.slice(0, end).split("?");
  const pairs = query.join("?").split("&").filter((pair) => pair !== "" && !pair.startsWith("last_event_id="));
  return `${path}?${[...pairs, `last_event_id=${encodeURIComponent(id)}`].join("&")}${url.slice(end)}`;
}
async function requestHead(url, withCredentials, controller) {
  const timer = globals.setTimeout(() => controller.abort(), 1e4);
  const credentials = withCredentials ? "include" : "same-origin";
  const init = { method: "HEAD", headers: { accept: "text/event-stream" }, cache: "no-store", credentials, signal: controller.signal };
  try {
    return headOf(await globals.fetch(url, init));
  } catch {
    return {};
  } finally {
    globals.clearTimeout(timer);
  }
}
function headOf({ status, headers }) {
  return { status, type: headers.get("content-type"), retryAfter: 1e3 * Number(headers.get("retry-after")) || 0 };
}
function isFinal({ status = 0, type, own }) {
  if (status === 200) return own || !!type && !/^text\/event-stream/i.test(type);
  return status >= 400 && status < 500 && ![408, 425, 429, own ? 0 : 405].includes(status);
}
var MAX_TIMER = 2147483647;
var globals = globalThis;
function variantsOf(of) {
  return [...of.variants, ...of.nested.flatMap(variantsOf)];
}
function typesOf(of) {
  return variantsOf(of).flatMap(({ types }) => types);
}
function startTimer(run, delay) {
  return globals.setTimeout(run, Math.min(delay, MAX_TIMER));
}
function urlOf(url) {
  const given = typeof url === "function" ? url() : url;
  return typeof given === "string" ? given : given.href;
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
  candidates.find(({ key }) => valueAt(json, key) != null) ?? candidates.find(({ key }) => valueAt(json, key) === null) ?? candidates.find(({ sentinel, key }) => sentinel === void 0 && key === void 0);
  if (variant) return readData(of, variant, data, json);
  if (candidates.length > 0) {
    if (data === "" && candidates.some(({ key }) => key !== void 0)) return "ignored";
    const expected = candidates.map(({ sentinel, key }) => key === void 0 ? `\`${sentinel}\`` : `an object with the key \`${key}\``);
    throw new TypeError(`expected ${expected.join(" or ")}`);
  }
  if (of.ignored.includes(name)) return "ignored";
  for (const nested of of.nested) {
    if (typesOf(nested).includes(name)) return readEvent(nested, name, data, json);
  }
  if (of.other) {
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
function fetchTransport(options, hasSource) {
  const { transport, method, headers, body } = options;
  const hasFetch = fetchOf(options) !== void 0;
  const isRequest = (method ?? headers ?? body) !== void 0;
  if (transport === "eventsource" && isRequest) throw new TypeError("an EventSource has no method, headers or body");
  if (transport === "eventsource" || transport === void 0 && !isRequest && (hasSource || !hasFetch)) return void 0;
  if (!hasFetch) throw new TypeError("there is no fetch here: pass one as `options.fetch`");
  if (body?.getReader) throw new TypeError("a stream can be sent only once: pass a function");
  return (link) => fetchConnector(link, options);
}
function fetchConnector(link, options) {
  let current;
  let paused = false;
  const disconnect = () => {
    current?.abort();
    current = void 0;
    link.onTaken();
  };
  const lose = () => {
    disconnect();
    guard(() => link.setState("connecting"));
  };
  const guard = (run) => {
    try {
      run();
    } catch (error) {
      globals.setTimeout(() => {
        throw error;
      }, 0);
    }
  };
  const connect = () => {
    const id = link.lastEventId;
    const inQuery = options.resumeBy === "query" || /[\0-\x08\n-\x1f\x7f]/.test(id);
    const target = link.url(inQuery ? id : "");
    if (link.ended) return;
    const controller = new globals.AbortController();
    current = controller;
    void attempt(target, inQuery ? "" : id, controller);
  };
  const attempt = async (target, id, controller) => {
    let head = {};
    let made = false;
    try {
      const init = await requestInit(options, id, controller.signal);
      made = true;
      const response = await fetchOf(options)(target, init);
      if (current !== controller) return;
      if (isStream(response)) {
        guard(() => link.setState("open"));
        await read(response, controller);
      } else {
        head = { ...headOf(response), own: true };
      }
    } catch (error) {
      if (!made && current === controller) globals.console?.warn("the request could not be made", error);
    }
    if (current !== controller) return;
    lose();
    guard(() => link.fail(head));
  };
  const read = async (response, controller) => {
    const now = () => globals.performance.now();
    const openedAt = now();
    let heardAt = openedAt;
    const limit = options.idleTimeout ?? 3e3 * Number(response.headers.get("sse-keep-alive"));
    let timer;
    const watch = (wait) => {
      timer = startTimer(() => {
        const left = heardAt === void 0 ? limit : limit + heardAt - now();
        if (left > 0) watch(left);
        else controller.abort();
      }, wait);
    };
    const parser = newParser(link.lastEventId, (raw) => {
      if (current === controller) guard(() => link.receive(raw));
    });
    if (limit > 0) watch(limit);
    try {
      for await (const bytes2 of chunks(response.body)) {
        parser.push(bytes2);
        if (current !== controller) return;
        link.lastEventId = parser.lastEventId;
        link.reconnectionTime = parser.retry ?? link.reconnectionTime;
        heardAt = void 0;
        while (current === controller && link.queues.some(({ running, events: events2 }) => running && events2.length >= 256)) {
          await new Promise((taken) => {
            link.onTaken = taken;
          });
        }
        heardAt = now();
      }
    } finally {
      globals.clearTimeout(timer);
      if (now() - openedAt > 1e4) link.attempts = 0;
    }
  };
  const wake = () => {
    if (current || paused) return;
    link.pause();
    guard(link.start);
  };
  const resume = () => {
    if (!paused) return;
    paused = false;
    wake();
  };
  const suspend = () => {
    paused = true;
    link.pause();
    lose();
  };
  const { document: document2 } = globals;
  let hiding;
  const onVisibility = () => {
    globals.clearTimeout(hiding);
    if (document2?.visibilityState !== "hidden") resume();
    else if (options.pauseHidden !== void 0) hiding = startTimer(suspend, options.pauseHidden);
  };
  const listeners = [
    [globals, "online", wake],
    // For the back/forward cache, which keeps no page with an open connection.
    [globals, "pagehide", suspend],
    [globals, "pageshow", resume],
    [document2, "resume", wake],
    [document2, "visibilitychange", onVisibility]
  ];
  onVisibility();
  for (const [target, type, listener] of listeners) target?.addEventListener?.(type, listener);
  return {
    connect,
    disconnect,
    dispose() {
      globals.clearTimeout(hiding);
      for (const [target, type, listener] of listeners) target?.removeEventListener?.(type, listener);
    }
  };
}
async function requestInit(options, id, signal) {
  const { headers: given, body: source, redirect, withCredentials } = options;
  const headers = new globals.Headers(typeof given === "function" ? await given() : given);
  if (!headers.has("accept")) headers.set("accept", "text/event-stream");
  if (id !== "") headers.set("last-event-id", String.fromCharCode(...new globals.TextEncoder().encode(id)));
  const body = typeof source === "function" ? await source() : source;
  const { method = body === void 0 ? "GET" : "POST", credentials = withCredentials ? "include" : "same-origin" } = options;
  return { method, headers, body, credentials, redirect, signal, cache: "no-store", duplex: "half" };
}
function fetchOf(options) {
  return options.fetch ?? globals.fetch;
}
function isStream({ status, headers, body }) {
  return status === 200 && body !== null && /^text\/event-stream\s*(;|$)/i.test(headers.get("content-type") ?? "");
}
async function* chunks(stream) {
  const reader = stream.getReader();
  try {
    for (; ; ) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => void 0);
  }
}
function newParser(seed, onEvent) {
  const decoder = new globals.TextDecoder("utf-8");
  let rest = "";
  let afterCr = false;
  let id = seed;
  let type = "";
  let data;
  const readLine = (line) => {
    if (line === "") {
      parser.lastEventId = id;
      const raw = { eventType: type || "message", data, lastEventId: id };
      type = "";
      data = void 0;
      if (raw.data !== void 0) onEvent(raw);
      return;
    }
    const colon = line.indexOf(":");
    const end = colon < 0 ? line.length : colon;
    const name = line.slice(0, end);
    const value = line.slice(line[end + 1] === " " ? end + 2 : end + 1);
    if (name === "data") data = data === void 0 ? value : `${data}
${value}`;
    else if (name === "event") type = value;
    else if (name === "id" && !value.includes("\0")) id = value;
    else if (name === "retry" && /^\d+$/.test(value)) parser.retry = Math.min(Number(value), MAX_TIMER);
  };
  const parser = {
    lastEventId: seed,
    retry: void 0,
    push(bytes2) {
      const text = decoder.decode(bytes2, { stream: true });
      if (text === "") return;
      let start = afterCr && text[0] === "\n" ? 1 : 0;
      afterCr = false;
      let cr = text.indexOf("\r", start);
      let lf = text.indexOf("\n", start);
      while (cr >= 0 || lf >= 0) {
        const end = cr >= 0 && (lf < 0 || cr < lf) ? cr : lf;
        const line = rest + text.slice(start, end);
        rest = "";
        start = end + 1;
        if (end === cr) {
          if (start === text.length) afterCr = true;
          else if (start === lf) start += 1;
          cr = text.indexOf("\r", start);
        }
        if (lf >= 0 && lf < start) lf = text.indexOf("\n", start);
        readLine(line);
      }
      rest += text.slice(start);
    }
  };
  return parser;
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
