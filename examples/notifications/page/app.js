// Bundled from examples/notifications/page/app.ts, by tests/browser/pages.mjs.

// dom.ts
function part(selector, of = document) {
  const found = of.querySelector(selector);
  if (found === null) throw new Error(`the page has no ${selector}`);
  return found;
}
var clockTime = (at) => new Date(at).toLocaleTimeString([], { timeStyle: "medium", hourCycle: "h23" });
function item(name, ...children) {
  const item2 = document.createElement("li");
  item2.className = name;
  item2.append(...children);
  return item2;
}

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
    handler(handlers, name)?.call(handlers, data, event);
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

// log.ts
var LINES = 500;
var list = part("#log");
var lines = 0;
function add(level, text) {
  list.append(item(level, text));
  while (list.children.length > LINES) list.firstElementChild?.remove();
  if (part("#follow").checked) list.scrollTop = list.scrollHeight;
}
function line(level) {
  return (text) => {
    lines += 1;
    part("#count").textContent = `${lines} lines`;
    add(level, text);
  };
}
function follow(level) {
  return subscribe(
    `/log?level=${encodeURIComponent(level)}`,
    {
      message: line("info"),
      warning: line("warning"),
      failure: line("failure")
    },
    {
      onGap: ({ missed, reason }) => add("gap", `${missed ?? "Some"} lines are missing here: ${reason === "unknown_id" ? "the server was started anew" : "they are no longer kept"}.`),
      onState(state) {
        part("#log-state").dataset["state"] = state;
        part("#log-state").textContent = state;
      }
    }
  );
}
function showLog() {
  part("#curl").textContent = `curl -N ${location.origin}/log`;
  const level = part("#level");
  let subscription = follow(level.value);
  level.addEventListener("change", () => {
    subscription.close();
    list.replaceChildren();
    lines = 0;
    part("#count").textContent = "";
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
    return behind2(typeof given === "string" ? given : given.href, lastEventId);
  };
  const deliver = ({ name, gap }, data) => {
    const event = { type: name, data, lastEventId };
    for (const queue of queues) {
      queue.events.push(event);
      queue.wake();
    }
    handler2(handlers, name)?.call(handlers, data, event);
    if (gap === true && ended === void 0) options.onGap?.(data, event);
    if (ended === void 0) options.onEvent?.(event);
  };
  const receive = (message) => {
    attempts = 0;
    const raw = { eventType: message.type, data: String(message.data), lastEventId };
    let read;
    try {
      read = readEvent2(contract2, raw.eventType, raw.data, once2(options.parse ?? JSON.parse, raw.data));
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
    timer = globals.setTimeout(start, Math.min(wait, LONGEST2));
  };
  const givenUp = async (code) => {
    asking = globals.AbortController && new globals.AbortController();
    let answer;
    try {
      answer = code === void 0 ? ask2(globals, address(), withCredentials, asking) : { status: code, own: true };
    } catch (error) {
      end("refused");
      throw error;
    }
    const head = await answer;
    if (ended !== void 0) return;
    if (head.status === 204) return end("complete", 204);
    if (isFinal2(head) || attempts >= (recreate.attempts ?? Infinity)) return end("refused", head.status);
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
var LONGEST2 = 2 ** 31 - 1;
function typesOf2(of) {
  return [...of.variants.flatMap((variant) => variant.types), ...of.nested.flatMap(typesOf2)];
}
function once2(parse, data) {
  let read;
  return () => (read ??= { value: parse(data) }).value;
}
function handler2(of, name) {
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
function under2(json, key) {
  if (key === void 0) return void 0;
  try {
    const value = json();
    return hasKey2(value, key) ? value[key] : void 0;
  } catch {
    return void 0;
  }
}
function readEvent2(of, type, data, json) {
  const tag = type === "message" ? under2(json, of.tag) : void 0;
  const name = typeof tag === "string" && tag !== "" ? tag : type;
  const candidates = of.variants.filter((variant2) => variant2.types.includes(name));
  const variant = candidates.find(({ sentinel }) => sentinel === data) ?? // A key with a value is a better sign than one with `null`.
  candidates.find(({ key }) => (under2(json, key) ?? null) !== null) ?? candidates.find(({ key }) => under2(json, key) === null) ?? candidates.find(({ sentinel, key }) => sentinel === void 0 && key === void 0);
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
function behind2(url, id) {
  if (id === "") return url;
  const end = url.includes("#") ? url.indexOf("#") : url.length;
  const [path, ...query] = url.slice(0, end).split("?");
  const pairs = query.join("?").split("&").filter((pair) => pair !== "" && !pair.startsWith("last_event_id="));
  return `${path}?${[...pairs, `last_event_id=${encodeURIComponent(id)}`].join("&")}${url.slice(end)}`;
}
async function ask2(globals, url, withCredentials, asking) {
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
function isFinal2({ status, type, own }) {
  if (status === void 0) return false;
  if (status === 200) return own === true || typeof type === "string" && !type.toLowerCase().startsWith("text/event-stream");
  if (status === 405 && own !== true) return false;
  return status >= 400 && status < 500 && status !== 408 && status !== 425 && status !== 429;
}

// order.ts
var euros = new Intl.NumberFormat([], { style: "currency", currency: "EUR" });
function tell(at, text) {
  const time = document.createElement("time");
  time.textContent = clockTime(at);
  part("#news").prepend(item("", time, text));
  while (part("#news").children.length > 30) part("#news").lastElementChild?.remove();
}
function track(order) {
  const card = part("li", part("template#order").content).cloneNode(true);
  card.id = `order-${order}`;
  part("h3", card).textContent = `Order ${order}`;
  part("#none").hidden = true;
  part("#orders").prepend(card);
  const now = (text) => {
    part(".now", card).textContent = text;
  };
  const way = (done) => {
    part("progress", card).value = done;
  };
  const reach = (step, at, text) => {
    for (const other of card.querySelectorAll(".steps [aria-current]")) other.removeAttribute("aria-current");
    const reached = part(`[data-step=${step}]`, card);
    reached.classList.add("done");
    reached.setAttribute("aria-current", "step");
    part("time", reached).textContent = clockTime(at);
    now(text);
    tell(at, `Order ${order}: ${text}`);
  };
  const pill = (state, text) => {
    part(".pill", card).dataset["state"] = state;
    part(".pill", card).textContent = text;
  };
  subscribe2(
    `/orders/${order}`,
    {
      accepted({ item: item2, total_cents, at }) {
        part("h3", card).textContent = item2;
        part(".price", card).textContent = `Order ${order}, ${euros.format(total_cents / 100)}`;
        reach("accepted", at, "the shop has it");
      },
      packed: ({ at }) => reach("packed", at, "it is packed"),
      handed_over: ({ carrier, at }) => reach("handed_over", at, `${carrier} has it`),
      on_the_way({ done, eta_s }) {
        way(done);
        now(`on its way, ${eta_s} s to go`);
      },
      delivered({ to, at }) {
        way(1);
        card.classList.add("delivered");
        reach("delivered", at, `it was left with ${to}`);
      }
    },
    {
      onGap: () => now("part of its story is lost"),
      onState: (state) => pill(state, state),
      onClose({ reason, status }) {
        if (reason === "terminal" || reason === "complete") return pill("closed", "stream closed");
        pill("refused", "no stream");
        now(status === 404 ? "the server does not know it: it was started anew" : `the server refuses it (${status ?? reason})`);
      }
    }
  );
}

// app.ts
var KEPT = "orders";
var TRACKED = 4;
function kept() {
  try {
    const orders = JSON.parse(sessionStorage.getItem(KEPT) ?? "[]");
    return Array.isArray(orders) ? orders.filter((order) => Number.isInteger(order)) : [];
  } catch {
    return [];
  }
}
async function place(item2) {
  const response = await fetch("/orders", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ item: item2 })
  });
  if (!response.ok) throw new Error(`the shop answers ${response.status}`);
  const { order } = await response.json();
  sessionStorage.setItem(KEPT, JSON.stringify([...kept(), order].slice(-TRACKED)));
  track(order);
}
part("#wish").addEventListener("submit", async (event) => {
  event.preventDefault();
  const refused = part("#refused");
  const underway = document.querySelectorAll('.order .pill:is([data-state="open"], [data-state="connecting"])').length;
  refused.hidden = underway < TRACKED;
  refused.textContent = `${TRACKED} orders at a time: more streams than that a browser does not open over HTTP/1.1.`;
  if (underway >= TRACKED) return;
  const button = part("#wish button");
  button.disabled = true;
  try {
    await place(part("#item").value);
  } catch (error) {
    refused.textContent = `The order was not placed: ${error instanceof Error ? error.message : error}.`;
    refused.hidden = false;
  }
  button.disabled = false;
});
for (const order of kept()) track(order);
showLog();
