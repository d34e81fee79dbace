// Bundled from examples/notifications/page/app.ts, by tests/browser/pages.mjs.

// dom.ts
function find(selector, parent = document) {
  const found = parent.querySelector(selector);
  if (found === null) throw new Error(`the page has no ${selector}`);
  return found;
}
function element(tag, className, ...children) {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...children);
  return made;
}
function showState(pill, state, text) {
  pill.dataset["state"] = state;
  if (pill.textContent !== text) pill.textContent = text;
}
function stateText(state, wasOpen) {
  if (state === "open") return "Live";
  if (state === "closed") return "Ended";
  return wasOpen ? "Reconnecting" : "Connecting";
}
var clockTime = (at) => new Date(at).toLocaleTimeString([], { timeStyle: "medium", hourCycle: "h23" });
var transport = new URLSearchParams(location.search).get("transport") === "fetch" ? "fetch" : "eventsource";

// sse_typed.ts
function subscribeTo(contract3, url, handlers, options, transport2) {
  const Source = options.EventSource ?? globals.EventSource;
  const connectorOf = transport2?.(options, Source !== void 0);
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
      read = readEvent(contract3, raw.eventType, raw.data, lazyJson(options.parse ?? JSON.parse, raw.data));
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
  const types = [.../* @__PURE__ */ new Set(["message", ...typesOf(contract3), ...options.otherTypes ?? []])];
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
  const { transport: transport2, method, headers, body } = options;
  const hasFetch = fetchOf(options) !== void 0;
  const isRequest = (method ?? headers ?? body) !== void 0;
  if (transport2 === "eventsource" && isRequest) throw new TypeError("an EventSource has no method, headers or body");
  if (transport2 === "eventsource" || transport2 === void 0 && !isRequest && (hasSource || !hasFetch)) return void 0;
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
      for await (const bytes of chunks(response.body)) {
        parser.push(bytes);
        if (current !== controller) return;
        link.lastEventId = parser.lastEventId;
        link.reconnectionTime = parser.retry ?? link.reconnectionTime;
        heardAt = void 0;
        while (current === controller && link.queues.some(({ running, events }) => running && events.length >= 256)) {
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

// log_event.ts
var contract = {
  runtime: 1,
  variants: [
    { name: "message", types: ["message"], form: "text" },
    { name: "warning", types: ["warning"], form: "text" },
    { name: "failure", types: ["failure"], form: "text" },
    { name: "missed", types: ["missed"], form: "json", gap: true }
  ],
  ignored: [],
  nested: []
};
function subscribe(url, handlers = {}, options = {}) {
  return subscribeTo(contract, url, handlers, options, fetchTransport);
}

// log.ts
var MAX_LINES = 500;
var list = find("#log");
var lines = 0;
function append(row) {
  find("#no-lines").hidden = true;
  list.append(row);
  while (list.children.length > MAX_LINES) list.firstElementChild?.remove();
  if (find("#follow").checked) list.scrollTop = list.scrollHeight;
}
function showCount() {
  find("#count").textContent = `${lines} ${lines === 1 ? "line" : "lines"} received`;
}
function lineHandler(level) {
  return (text) => {
    lines += 1;
    showCount();
    const row = element("li", level, element("span", "text", text));
    if (level !== "info") row.append(element("span", "level", level));
    append(row);
  };
}
function follow(level) {
  let wasOpen = false;
  return subscribe(
    `/log?level=${encodeURIComponent(level)}`,
    { message: lineHandler("info"), warning: lineHandler("warning"), failure: lineHandler("failure") },
    {
      transport,
      onGap({ missed, reason }) {
        const why = reason === "unknown_id" ? "the server was restarted" : "they are no longer retained";
        append(element("li", "gap", `${missed ?? "Some"} lines are missing here: ${why}.`));
      },
      onState(state) {
        showState(find("#log-state"), state, stateText(state, wasOpen));
        wasOpen ||= state === "open";
      }
    }
  );
}
function showLog() {
  find("#curl").textContent = `curl -N ${location.origin}/log`;
  const level = find("#level");
  let subscription = follow(level.value);
  level.addEventListener("change", () => {
    subscription.close();
    list.replaceChildren();
    lines = 0;
    showCount();
    find("#no-lines").hidden = false;
    find("#no-lines").textContent = level.value === "info" ? "No lines yet" : "No lines of this level yet";
    subscription = follow(level.value);
  });
}

// order_event.ts
var contract2 = {
  runtime: 1,
  variants: [
    { name: "accepted", types: ["accepted"], form: "json" },
    { name: "packed", types: ["packed"], form: "json" },
    { name: "handed_over", types: ["handed_over"], form: "json" },
    { name: "on_the_way", types: ["on_the_way"], form: "json" },
    { name: "missed", types: ["missed"], form: "json", gap: true },
    { name: "delivered", types: ["delivered"], form: "json", terminal: true }
  ],
  ignored: [],
  nested: []
};
function subscribe2(url, handlers = {}, options = {}) {
  return subscribeTo(contract2, url, handlers, options, fetchTransport);
}

// order.ts
var MAX_UPDATES = 30;
var euros = new Intl.NumberFormat([], { style: "currency", currency: "EUR" });
function announce(at, text) {
  find("#updates-title").hidden = false;
  const updates = find("#updates");
  updates.prepend(element("li", "", element("time", "", clockTime(at)), element("span", "", text)));
  while (updates.children.length > MAX_UPDATES) updates.lastElementChild?.remove();
}
function track(order, forget2) {
  const card = find("li", find("template#order").content).cloneNode(true);
  card.id = `order-${order}`;
  find("h3", card).textContent = `Order ${order}`;
  find("#no-orders").hidden = true;
  find("#orders").prepend(card);
  const setStatus = (text) => {
    find(".now", card).textContent = text;
  };
  const setProgress = (done) => {
    find("progress", card).value = done;
  };
  const completeStep = (step, at, text) => {
    card.querySelector(".steps [aria-current]")?.removeAttribute("aria-current");
    const completed = find(`[data-step=${step}]`, card);
    completed.classList.add("done");
    completed.setAttribute("aria-current", "step");
    find("time", completed).textContent = clockTime(at);
    setStatus(text);
    announce(at, `Order ${order}: ${text}`);
  };
  let wasOpen = false;
  subscribe2(
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
      }
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
          status === 404 ? "The server was restarted and no longer has this order" : `The server refuses the stream (${status ?? reason})`
        );
        if (status === 404) forget2(order);
      }
    }
  );
}

// app.ts
var STORAGE_KEY = "orders";
var MAX_OPEN_ORDERS = 4;
function savedOrders() {
  try {
    const orders = JSON.parse(sessionStorage.getItem(STORAGE_KEY) ?? "[]");
    return Array.isArray(orders) ? orders.filter((order) => Number.isInteger(order)) : [];
  } catch {
    return [];
  }
}
function save(orders) {
  sessionStorage.setItem(STORAGE_KEY, JSON.stringify(orders.slice(-MAX_OPEN_ORDERS)));
}
var forget = (order) => save(savedOrders().filter((saved) => saved !== order));
async function placeOrder(item) {
  const response = await fetch("/orders", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ item })
  });
  if (!response.ok) throw new Error(`the server answered with status ${response.status}`);
  const { order } = await response.json();
  save([...savedOrders(), order]);
  track(order, forget);
}
find("#order-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const error = find("#order-error");
  const open = document.querySelectorAll('.order .pill:is([data-state="open"], [data-state="connecting"])').length;
  if (open >= MAX_OPEN_ORDERS) {
    error.textContent = `At most ${MAX_OPEN_ORDERS} orders at a time: a browser limits the connections over HTTP/1.1.`;
    return;
  }
  error.textContent = "";
  const button = find("#order-form button");
  button.disabled = true;
  try {
    await placeOrder(find("#item").value);
  } catch (reason) {
    error.textContent = `The order was not placed: ${reason instanceof Error ? reason.message : reason}.`;
  }
  button.disabled = false;
});
for (const order of savedOrders()) track(order, forget);
showLog();
