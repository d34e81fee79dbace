// Bundled from examples/resumable_chat/page/app.ts, by tests/browser/pages.mjs.

// conversation.ts
var STORAGE_KEY = "resumable_chat";
var MAX_QUESTIONS = 20;
var isQuestion = (value) => typeof value === "object" && value !== null && "key" in value && typeof value.key === "string" && "text" in value && typeof value.text === "string";
function questions() {
  try {
    const saved = JSON.parse(localStorage.getItem(STORAGE_KEY) ?? "[]");
    return Array.isArray(saved) ? saved.filter(isQuestion) : [];
  } catch {
    return [];
  }
}
function save(question) {
  localStorage.setItem(STORAGE_KEY, JSON.stringify([...questions(), question].slice(-MAX_QUESTIONS)));
}
function clear() {
  localStorage.removeItem(STORAGE_KEY);
}
function onChange(changed) {
  addEventListener("storage", ({ key }) => {
    if (key === STORAGE_KEY || key === null) changed();
  });
}

// dom.ts
function find(selector, parent = document) {
  const found = parent.querySelector(selector);
  if (found === null) throw new Error(`the page has no ${selector}`);
  return found;
}
function element(tag, ...children) {
  const made = document.createElement(tag);
  made.append(...children);
  return made;
}
function keepAtEnd(change) {
  const { scrollHeight } = document.documentElement;
  const isAtEnd = scrollY + innerHeight >= scrollHeight - 40;
  change();
  if (isAtEnd) scrollTo(0, document.documentElement.scrollHeight);
}

// sse_typed.ts
function subscribeTo(contract2, url, handlers, options, transport) {
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
      findHandler(handlers, variant.name)?.call(handlers, data, event);
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
      const events = async function* () {
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
      const loop = events();
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
    const current2 = new Source(target, { withCredentials });
    source = current2;
    let openedAt;
    let flaps = 0;
    let hasId = false;
    const onMessage = (message) => {
      if (source !== current2) return;
      openedAt = void 0;
      const { type: eventType, data, lastEventId: id } = message;
      if (id) hasId = true;
      link.receive({ eventType, data: String(data), lastEventId: (hasId ? id : void 0) ?? link.lastEventId });
    };
    for (const type of types) {
      if (type !== "open" && type !== "error") current2.addEventListener(type, onMessage);
    }
    current2.addEventListener("open", (event) => {
      if (typeof event.data === "string") return onMessage(event);
      if (source !== current2) return;
      openedAt = Date.now();
      link.setState("open");
    });
    current2.addEventListener("error", (event) => {
      if (typeof event.data === "string") return onMessage(event);
      if (source !== current2) return;
      if (current2.readyState === 2) {
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
function lazyJson(parse2, data) {
  let read;
  return () => (read ??= { value: parse2(data) }).value;
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
  let current2;
  let paused = false;
  const disconnect = () => {
    current2?.abort();
    current2 = void 0;
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
    current2 = controller;
    void attempt(target, inQuery ? "" : id, controller);
  };
  const attempt = async (target, id, controller) => {
    let head = {};
    let made = false;
    try {
      const init = await requestInit(options, id, controller.signal);
      made = true;
      const response = await fetchOf(options)(target, init);
      if (current2 !== controller) return;
      if (isStream(response)) {
        guard(() => link.setState("open"));
        await read(response, controller);
      } else {
        head = { ...headOf(response), own: true };
      }
    } catch (error) {
      if (!made && current2 === controller) globals.console?.warn("the request could not be made", error);
    }
    if (current2 !== controller) return;
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
      if (current2 === controller) guard(() => link.receive(raw));
    });
    if (limit > 0) watch(limit);
    try {
      for await (const bytes of chunks(response.body)) {
        parser.push(bytes);
        if (current2 !== controller) return;
        link.lastEventId = parser.lastEventId;
        link.reconnectionTime = parser.retry ?? link.reconnectionTime;
        heardAt = void 0;
        while (current2 === controller && link.queues.some(({ running, events }) => running && events.length >= 256)) {
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
    if (current2 || paused) return;
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
    push(bytes) {
      const text = decoder.decode(bytes, { stream: true });
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

// answer_event.ts
var contract = {
  runtime: 1,
  variants: [
    { name: "asked", types: ["asked"], form: "json" },
    { name: "part", types: ["part"], form: "json" },
    { name: "done", types: ["done"], form: "json", terminal: true },
    { name: "failed", types: ["failed"], form: "json", terminal: true },
    { name: "stopped", types: ["stopped"], form: "unit", terminal: true },
    { name: "lost", types: ["lost"], form: "unit", terminal: true }
  ],
  ignored: [],
  nested: []
};
function subscribe(url, handlers = {}, options = {}) {
  return subscribeTo(contract, url, handlers, options, fetchTransport);
}

// markdown.ts
var FENCE = /^```/;
var HEADING = /^(#{1,4})\s+(.*)$/;
var ITEM = /^\s*(?:[-*]|(\d+)\.)\s+(.*)$/;
var INLINE = /`([^`]+)`|\*\*([^*]+)\*\*|\*([^*\s][^*]*)\*|\[([^\]]+)\]\((https?:[^\s)]+)\)/g;
function inline(text) {
  const parts = [];
  let end = 0;
  for (const found of text.matchAll(INLINE)) {
    const [all, code, strong, emphasis, label, href] = found;
    parts.push(text.slice(end, found.index));
    if (code !== void 0) parts.push(element("code", code));
    else if (strong !== void 0) parts.push(element("strong", ...inline(strong)));
    else if (emphasis !== void 0) parts.push(element("em", ...inline(emphasis)));
    else if (label !== void 0 && href !== void 0) {
      const link = element("a", label);
      link.href = href;
      link.rel = "noreferrer";
      parts.push(link);
    }
    end = found.index + all.length;
  }
  parts.push(text.slice(end));
  return parts;
}
function blocks(text) {
  const lines = text.split("\n");
  const made = [];
  let at = 0;
  while (at < lines.length) {
    const line = lines[at] ?? "";
    const heading = HEADING.exec(line);
    if (line.trim() === "") {
      at += 1;
    } else if (FENCE.test(line)) {
      const end = lines.findIndex((other, index) => index > at && FENCE.test(other));
      const code = lines.slice(at + 1, end < 0 ? void 0 : end).join("\n");
      const block = element("pre", element("code", code));
      block.tabIndex = 0;
      made.push(block);
      at = end < 0 ? lines.length : end + 1;
    } else if (heading) {
      made.push(element(`h${Math.min((heading[1] ?? "").length + 2, 6)}`, ...inline(heading[2] ?? "")));
      at += 1;
    } else if (ITEM.test(line)) {
      const list2 = element(ITEM.exec(line)?.[1] === void 0 ? "ul" : "ol");
      for (let item = ITEM.exec(line); item; item = ITEM.exec(lines[at] ?? "")) {
        list2.append(element("li", ...inline(item[2] ?? "")));
        at += 1;
      }
      made.push(list2);
    } else {
      const start = at;
      while (at < lines.length && !isBlockStart(lines[at] ?? "")) at += 1;
      made.push(element("p", ...inline(lines.slice(start, at).join("\n"))));
    }
  }
  return made;
}
var isBlockStart = (line) => line.trim() === "" || FENCE.test(line) || HEADING.test(line) || ITEM.test(line);

// servers.ts
var origins = [location.origin];
var current = 0;
async function findServers() {
  const { peer } = await (await fetch("/peer")).json();
  if (peer !== null) origins = [location.origin, peer];
}
var origin = () => origins[current] ?? location.origin;
function changeServer() {
  current = (current + 1) % origins.length;
}
async function send(path, init) {
  const request = { ...init, credentials: "include" };
  try {
    return await fetch(origin() + path, request);
  } catch (error) {
    if (origins.length === 1) throw error;
    changeServer();
    return await fetch(origin() + path, request);
  }
}

// exchange.ts
var STATE_TEXT = {
  connecting: "Asking",
  streaming: "Answering",
  reconnecting: "Reconnecting",
  done: "Complete",
  stopped: "Stopped",
  lost: "Lost",
  failed: "Failed"
};
var isRunning = (state) => state === "connecting" || state === "streaming" || state === "reconnecting";
var refusal = (status, reason) => {
  if (status === 401) return "The cookie of this page has expired. Reload the page.";
  if (status === 404) return "The server no longer has this answer.";
  return `The server refused the request (${status ?? reason}).`;
};
function showExchange({ key, text: question }, isNew) {
  const card = find("li", find("template#exchange").content).cloneNode(true);
  const answer = find(".answer", card);
  const note = find(".note", card);
  const stop = find(".stop", card);
  const again = find(".again", card);
  find(".question", card).textContent = question;
  const path = `/answers/${encodeURIComponent(key)}`;
  let text = "";
  let isDrawing = false;
  let subscription;
  const draw = () => {
    isDrawing = false;
    keepAtEnd(() => answer.replaceChildren(...blocks(text)));
  };
  const append = (part) => {
    text += part;
    if (!isDrawing) requestAnimationFrame(draw);
    isDrawing = true;
  };
  const show2 = (state, detail = "") => {
    keepAtEnd(() => {
      card.dataset["state"] = state;
      find(".state", card).textContent = STATE_TEXT[state];
      note.textContent = detail;
      stop.hidden = !isRunning(state);
      again.hidden = isRunning(state) || state === "done";
      answer.setAttribute("aria-busy", String(isRunning(state)));
    });
  };
  const follow = (isAsked) => {
    let wasOpen = false;
    let failed = false;
    const url = () => {
      if (failed) changeServer();
      failed = true;
      return origin() + path;
    };
    const end = (state, detail = "") => {
      draw();
      show2(state, detail);
    };
    const handlers = {
      asked({ server }) {
        text = "";
        show2("streaming", `from ${server}`);
      },
      part: ({ text: part }) => append(part),
      done: ({ words, seconds }) => end("done", `${words} words in ${seconds.toFixed(1)} s`),
      stopped: () => end("stopped", "The answer was stopped."),
      lost: () => end("lost", "The server that wrote this answer stopped responding."),
      failed: ({ reason }) => end("failed", `The answer failed: ${reason}`)
    };
    const request = isAsked ? { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ question }) } : { transport: "fetch" };
    subscription = subscribe(url, handlers, {
      ...request,
      credentials: "include",
      recreate: { delay: 500, maxDelay: 3e3 },
      onState(state) {
        if (state === "open") {
          failed = false;
          show2("streaming", note.textContent ?? "");
        } else if (state === "connecting") show2(wasOpen ? "reconnecting" : "connecting", note.textContent ?? "");
        wasOpen ||= state === "open";
      },
      onClose({ reason, status }) {
        if (reason === "terminal" || reason === "complete") return;
        end("failed", refusal(status, reason));
      }
    });
  };
  stop.addEventListener("click", async () => {
    stop.disabled = true;
    try {
      const { ok, status } = await send(path, { method: "DELETE" });
      if (!ok) note.textContent = `The answer was not stopped (${status}).`;
    } catch {
      note.textContent = "The answer was not stopped: no server responds.";
    }
    stop.disabled = false;
  });
  again.addEventListener("click", async () => {
    again.disabled = true;
    try {
      const body = JSON.stringify({ question });
      const { ok, status } = await send(`${path}/again`, { method: "POST", headers: { "content-type": "application/json" }, body });
      if (ok) {
        subscription?.close();
        text = "";
        draw();
        show2("connecting");
        follow(false);
      } else note.textContent = `The question was not asked again (${status}).`;
    } catch {
      note.textContent = "The question was not asked again: no server responds.";
    }
    again.disabled = false;
  });
  show2("connecting");
  follow(isNew);
  return card;
}

// app.ts
var list = find("#exchanges");
var shown = /* @__PURE__ */ new Set();
function show(question, isNew) {
  if (shown.has(question.key)) return;
  shown.add(question.key);
  find("#empty").hidden = true;
  list.append(showExchange(question, isNew));
  scrollTo(0, document.documentElement.scrollHeight);
}
function ask(text) {
  const question = { key: crypto.randomUUID(), text };
  save(question);
  show(question, true);
}
var form = find("#ask");
var input = find("#question");
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = input.value.trim();
  if (text === "") return;
  input.value = "";
  ask(text);
});
input.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  form.requestSubmit();
});
for (const button of document.querySelectorAll("#suggestions button")) {
  button.addEventListener("click", () => ask(button.textContent ?? ""));
}
find("#clear").addEventListener("click", () => {
  clear();
  location.reload();
});
await findServers().catch(() => void 0);
for (const question of questions()) show(question, false);
onChange(() => {
  for (const question of questions()) show(question, true);
});
