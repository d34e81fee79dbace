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

// log_event.ts
var contract = {
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
    findHandler(handlers, name)?.call(handlers, data, event);
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
  const globals = globalThis;
  const Source = options.EventSource ?? globals.EventSource;
  if (Source === void 0) throw new TypeError("there is no EventSource here: pass one as `options.EventSource`");
  const withCredentials = options.withCredentials ?? false;
  const recreate = typeof options.recreate === "object" ? options.recreate : {};
  const types = /* @__PURE__ */ new Set(["message", ...typesOf2(contract2), ...options.otherTypes ?? []]);
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
    return resumeUrl2(typeof given === "string" ? given : given.href, lastEventId);
  };
  const deliver = ({ name, gap }, data) => {
    const event = { type: name, data, lastEventId };
    for (const queue of queues) {
      queue.events.push(event);
      queue.wake();
    }
    findHandler2(handlers, name)?.call(handlers, data, event);
    if (gap === true && ended === void 0) options.onGap?.(data, event);
    if (ended === void 0) options.onEvent?.(event);
  };
  const receive = (message) => {
    attempts = 0;
    const raw = { eventType: message.type, data: String(message.data), lastEventId };
    let read;
    try {
      read = readEvent2(contract2, raw.eventType, raw.data, lazyJson2(options.parse ?? JSON.parse, raw.data));
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
    timer = globals.setTimeout(start, Math.min(wait, MAX_TIMER2));
  };
  const onHttpError = async (code) => {
    headRequest = globals.AbortController && new globals.AbortController();
    let response;
    try {
      response = code === void 0 ? requestHead2(globals, resumingUrl(), withCredentials, headRequest) : { status: code, own: true };
    } catch (error) {
      end("refused");
      throw error;
    }
    const head = await response;
    if (ended !== void 0) return;
    if (head.status === 204) return end("complete", 204);
    if (isFinal2(head) || attempts >= (recreate.attempts ?? Infinity)) return end("refused", head.status);
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
        // The generator's own `return` waits for the next event, and closes nothing before its first `next`.
        return: () => {
          end("closed");
          return loop.return();
        }
      };
    }
  };
}
var MAX_TIMER2 = 2 ** 31 - 1;
function typesOf2(of) {
  return [...of.variants.flatMap((variant) => variant.types), ...of.nested.flatMap(typesOf2)];
}
function lazyJson2(parse, data) {
  let read;
  return () => (read ??= { value: parse(data) }).value;
}
function findHandler2(of, name) {
  const object = of;
  if (hasKey2(of, name)) return object[name];
  const prototype = Object.getPrototypeOf(of);
  if (typeof of === "object" && typeof prototype === "function") return name === "__proto__" ? prototype : void 0;
  const common = [null, Object.prototype, Function.prototype];
  let owner = of;
  while (!common.includes(owner) && !Object.prototype.hasOwnProperty.call(owner, name)) owner = Object.getPrototypeOf(owner);
  if (common.includes(owner) || name === "constructor" && owner !== of) return void 0;
  const found = object[name];
  return typeof found === "function" ? found : void 0;
}
function hasKey2(value, key) {
  return typeof value === "object" && value !== null && !Array.isArray(value) && Object.prototype.hasOwnProperty.call(value, key);
}
function valueAt2(json, key) {
  if (key === void 0) return void 0;
  try {
    const value = json();
    return hasKey2(value, key) ? value[key] : void 0;
  } catch {
    return void 0;
  }
}
function readEvent2(of, type, data, json) {
  const tag = type === "message" ? valueAt2(json, of.tag) : void 0;
  const name = typeof tag === "string" && tag !== "" ? tag : type;
  const candidates = of.variants.filter((variant2) => variant2.types.includes(name));
  const variant = candidates.find(({ sentinel }) => sentinel === data) ?? // A key with a value takes precedence over one with `null`.
  candidates.find(({ key }) => (valueAt2(json, key) ?? null) !== null) ?? candidates.find(({ key }) => valueAt2(json, key) === null) ?? candidates.find(({ sentinel, key }) => sentinel === void 0 && key === void 0);
  if (variant !== void 0) return readData2(of, variant, data, json);
  if (candidates.length > 0) {
    if (data === "" && candidates.some(({ key }) => key !== void 0)) return "ignored";
    const expected = candidates.map(({ sentinel, key }) => key === void 0 ? `\`${sentinel}\`` : `an object with the key \`${key}\``);
    throw new TypeError(`expected ${expected.join(" or ")}`);
  }
  if (of.ignored.includes(name)) return "ignored";
  for (const nested of of.nested) {
    if (typesOf2(nested).includes(name)) return readEvent2(nested, name, data, json);
  }
  if (of.other !== void 0) {
    return { variant: of.other, data: of.other.form === "raw" ? { eventType: type, data } : null };
  }
  for (const nested of of.nested) {
    const read = readEvent2(nested, type, data, json);
    if (read !== "unknown") return read;
  }
  return of.tag !== void 0 && type === "message" && data === "" ? "ignored" : "unknown";
}
function readData2(of, variant, data, json) {
  if (variant.form === "unit") return { variant, data: null };
  if (variant.form === "text") return { variant, data };
  if (data === "") return "ignored";
  const value = json();
  if (of.tag !== void 0 && hasKey2(value, of.tag)) delete value[of.tag];
  return { variant, data: value };
}
function resumeUrl2(url, id) {
  if (id === "") return url;
  const end = url.includes("#") ? url.indexOf("#") : url.length;
  const [path, ...query] = url.slice(0, end).split("?");
  const pairs = query.join("?").split("&").filter((pair) => pair !== "" && !pair.startsWith("last_event_id="));
  return `${path}?${[...pairs, `last_event_id=${encodeURIComponent(id)}`].join("&")}${url.slice(end)}`;
}
async function requestHead2(globals, url, withCredentials, controller) {
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
function isFinal2({ status, type, own }) {
  if (status === void 0) return false;
  if (status === 200) return own === true || typeof type === "string" && !type.toLowerCase().startsWith("text/event-stream");
  if (status === 405 && own !== true) return false;
  return status >= 400 && status < 500 && status !== 408 && status !== 425 && status !== 429;
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
