// Bundled from examples/prices/page/app.ts, by tests/browser/pages.mjs.

// dom.ts
function find(selector, parent = document) {
  const found = parent.querySelector(selector);
  if (found === null) throw new Error(`the page has no ${selector}`);
  return found;
}
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
var clockTime = (at) => new Date(at).toLocaleTimeString([], { timeStyle: "medium", hourCycle: "h23" });

// plot.ts
var SPAN = 12e4;
var TIME_STEP = 3e4;
var SILENCE = 4e3;
var BOTTOM = 20;
var TOP = 8;
var DIGIT = 6.9;
function niceStep(range, lines) {
  const step = 10 ** Math.floor(Math.log10(range / lines));
  return step * ([1, 2, 5].find((factor) => range / (step * factor) <= lines) ?? 10);
}
var number = (value) => value.toFixed(1);
var gutterOf = (label) => Math.ceil(label.length * DIGIT) + 12;
function timeAt(x, width, now, label) {
  const share = x / (width - gutterOf(label));
  return share <= 1 ? now - SPAN + share * SPAN : void 0;
}
function pointAt(points, time) {
  return [...points].reverse().find(({ at }) => at <= time) ?? points[0];
}
function drawPlot(id, width, height, { points, now, decimals, format, pointer }) {
  const last = points.at(-1);
  const prices2 = points.map(({ price }) => price);
  const smallest = 10 ** -decimals;
  let [low, high] = [Math.min(...prices2), Math.max(...prices2)];
  const margin = Math.max((high - low) * 0.08, smallest * 2);
  [low, high] = [low - margin, high + margin];
  const right = width - gutterOf(format(last.price));
  const bottom = height - BOTTOM;
  const x = (at) => right * (1 - (now - at) / SPAN);
  const y = (price) => TOP + (high - price) / (high - low) * (bottom - TOP);
  const step = Math.max(niceStep(high - low, Math.max(2, Math.floor(bottom / 42))), smallest);
  const grid = [];
  for (let price = Math.ceil(low / step) * step; price <= high; price += step) {
    const at = number(y(price));
    grid.push(`<line x1="0" x2="${number(right)}" y1="${at}" y2="${at}"/>`);
    if (Math.abs(y(price) - y(last.price)) > 17) grid.push(`<text x="${number(right + 7)}" y="${at}" dy="0.35em">${format(price)}</text>`);
  }
  const wide = right < 260 ? 2 : 1;
  for (let at = Math.ceil((now - SPAN) / (TIME_STEP * wide)) * TIME_STEP * wide; at <= now; at += TIME_STEP * wide) {
    const left = number(x(at));
    grid.push(`<line class="tick" x1="${left}" x2="${left}" y1="${TOP}" y2="${bottom}"/>`);
    if (x(at) > 27 && x(at) < width - 27) grid.push(`<text x="${left}" y="${height - 4}" text-anchor="middle">${clockTime(at)}</text>`);
  }
  const first = points[0];
  const end = now - last.at > SILENCE ? x(last.at) : right;
  const path = `M${points.map(({ at, price }) => `${number(x(at))},${number(y(price))}`).join("L")}H${number(end)}`;
  const silent = `<rect class="silent" x="${number(end)}" y="${TOP}" width="${number(right - end)}" height="${bottom - TOP}"/>`;
  const tagY = y(last.price);
  const tag = `<line class="level" x1="0" x2="${number(right)}" y1="${number(tagY)}" y2="${number(tagY)}"/><rect class="tag" x="${number(right + 1)}" y="${number(tagY - 9)}" width="${number(width - right - 1)}" height="18" rx="4"/><text class="tag" x="${number(right + 7)}" y="${number(tagY)}" dy="0.35em">${format(last.price)}</text>`;
  const read = pointer === void 0 ? void 0 : pointAt(points, pointer);
  const cursor = read === void 0 ? "" : `<line class="cursor" x1="${number(x(read.at))}" x2="${number(x(read.at))}" y1="${TOP}" y2="${bottom}"/><circle cx="${number(x(read.at))}" cy="${number(y(read.price))}" r="4"/>`;
  return `<svg viewBox="0 0 ${width} ${height}" aria-hidden="true"><clipPath id="${id}-clip"><rect width="${number(right)}" height="${height}"/></clipPath>${grid.join("")}<g clip-path="url(#${id}-clip)">${silent}<path class="area" d="${path}V${bottom}H${number(x(first.at))}Z"/><path d="${path}"/>${cursor}</g>${tag}</svg>`;
}

// symbols.ts
var SYMBOLS = {
  gold: { name: "Gold", unit: "USD per ounce" },
  silver: { name: "Silver", unit: "USD per ounce" },
  diesel: { name: "Diesel", unit: "EUR per litre" },
  petrol: { name: "Petrol", unit: "EUR per litre" },
  northern_rail: { name: "Northern Rail", unit: "EUR per share" },
  helio_power: { name: "Helio Power", unit: "EUR per share" },
  kestrel_foods: { name: "Kestrel Foods", unit: "EUR per share" },
  lumen: { name: "Lumen", unit: "EUR per share" }
};
var ALL = Object.keys(SYMBOLS);
var PARAMETER = "symbols";
function chosenInUrl() {
  const names = new URLSearchParams(location.search).get(PARAMETER);
  if (names === null) return ["gold", "diesel", "northern_rail"];
  const chosen2 = new Set(names.split(","));
  return ALL.filter((symbol) => chosen2.has(symbol));
}
function keepInUrl(symbols) {
  history.replaceState(null, "", `?${PARAMETER}=${symbols.join(",")}`);
}
var streamUrl = (symbols) => `/prices?${PARAMETER}=${symbols.join(",")}`;
function showChoice(root, chosen2, onChange) {
  const buttons = ALL.map((symbol) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = SYMBOLS[symbol].name;
    button.dataset["symbol"] = symbol;
    button.setAttribute("aria-pressed", String(chosen2.includes(symbol)));
    button.addEventListener("click", () => {
      button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") === "false"));
      onChange(ALL.filter((_, index) => buttons[index]?.getAttribute("aria-pressed") === "true"));
    });
    return button;
  });
  root.replaceChildren(...buttons);
}

// chart.ts
var Chart = class {
  root;
  #symbol;
  #plot;
  #points = [];
  #opening = 0;
  #decimals = 2;
  #format = (price) => String(price);
  /** The position of the pointer in the plot. */
  #pointer;
  constructor(symbol) {
    const { name, unit } = SYMBOLS[symbol];
    this.#symbol = symbol;
    this.root = find("section", find("template#chart").content).cloneNode(true);
    this.root.dataset["symbol"] = symbol;
    find("h2", this.root).textContent = name;
    find(".unit", this.root).textContent = unit;
    this.#plot = find(".plot", this.root);
    const point = (x) => {
      this.#pointer = x;
    };
    this.#plot.addEventListener("pointermove", ({ offsetX }) => point(offsetX));
    this.#plot.addEventListener("pointerdown", ({ offsetX }) => point(offsetX));
    this.#plot.addEventListener("pointerleave", () => point(void 0));
  }
  /** Begins anew: the snapshot has all points that the page shows. */
  setSnapshot({ opening, decimals, points }) {
    this.#opening = opening;
    this.#decimals = decimals;
    const { format } = new Intl.NumberFormat([], { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
    this.#format = format;
    this.#points = [...points];
  }
  add(point) {
    this.#points.push(point);
    while (this.#points[1] !== void 0 && this.#points[1].at < point.at - SPAN) this.#points.shift();
  }
  /** Shows the prices of the time before `now`. */
  draw(now) {
    const last = this.#points.at(-1);
    if (last === void 0) return;
    this.#showPrice(last.price);
    this.#showPlot(last.price, now);
  }
  #showPrice(price) {
    setText(find(".last", this.root), this.#format(price));
    const difference = price - this.#opening;
    const direction = Math.sign(Math.round(difference * 10 ** this.#decimals));
    const change = find(".change", this.root);
    const sign = ["−", "±", "+"][direction + 1] ?? "";
    const percent = (100 * Math.abs(difference) / this.#opening).toFixed(2);
    setText(change, `${["▼", "", "▲"][direction + 1] ?? ""} ${sign}${this.#format(Math.abs(difference))} (${sign}${percent} %)`.trim());
    change.dataset["direction"] = String(direction);
  }
  #showPlot(price, now) {
    const { clientWidth: width, clientHeight: height } = this.#plot;
    if (width === 0) return;
    const pointer = this.#pointer === void 0 ? void 0 : timeAt(this.#pointer, width, now, this.#format(price));
    this.#plot.innerHTML = drawPlot(this.#symbol, width, height, {
      points: this.#points,
      now,
      decimals: this.#decimals,
      format: this.#format,
      pointer
    });
    const prices2 = this.#points.map(({ price: price2 }) => price2);
    const range = `Low ${this.#format(Math.min(...prices2))}, high ${this.#format(Math.max(...prices2))}`;
    const read = pointer === void 0 ? void 0 : pointAt(this.#points, pointer);
    setText(find(".reading", this.root), read ? `${clockTime(read.at)}: ${this.#format(read.price)}` : range);
    this.#plot.setAttribute("aria-label", `${SYMBOLS[this.#symbol].name}, the last two minutes. ${range}.`);
  }
};

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

// price_event.ts
var contract = {
  runtime: 1,
  variants: [
    { name: "snapshot", types: ["snapshot"], form: "json" },
    { name: "price", types: ["price"], form: "json" }
  ],
  ignored: [],
  nested: []
};
function subscribe(url, handlers = {}, options = {}) {
  return subscribeTo(contract, url, handlers, options, fetchTransport);
}

// app.ts
var charts = /* @__PURE__ */ new Map();
var clockOffset;
var subscription;
var [prices, snapshots] = [0, 0];
function showState(state, text, notice) {
  const pill = find("#state");
  pill.dataset["state"] = state;
  setText(pill, text);
  setText(find("#notice"), notice);
}
function setClock(at) {
  clockOffset = Math.max(clockOffset ?? -Infinity, at - performance.now());
}
function follow(symbols) {
  const lastEventId = subscription?.lastEventId;
  const previous = subscription;
  subscription = void 0;
  previous?.close();
  for (const [symbol, { root }] of charts) {
    if (symbols.includes(symbol)) continue;
    charts.delete(symbol);
    root.remove();
  }
  for (const symbol of symbols) {
    const chart = charts.get(symbol) ?? new Chart(symbol);
    charts.set(symbol, chart);
    find("#charts").append(chart.root);
  }
  find("#none").hidden = symbols.length > 0;
  setText(find("#curl"), symbols.length > 0 ? `curl -N '${location.origin}${streamUrl(symbols)}'` : "–");
  if (symbols.length === 0) {
    setText(find("#id"), "none");
    return showState("closed", "No stream", "Choose a symbol to open a stream.");
  }
  if (find("#state").dataset["state"] === "closed") showState("connecting", "Connecting", "Connecting to the event stream.");
  let wasOpen = false;
  let before;
  const current = subscribe(
    streamUrl(symbols),
    {
      snapshot(snapshot) {
        snapshots += 1;
        charts.get(snapshot.symbol)?.setSnapshot(snapshot);
        const last = snapshot.points.at(-1);
        if (last) setClock(last.at);
      },
      price({ symbol, at, price }) {
        prices += 1;
        setClock(at);
        charts.get(symbol)?.add({ at, price });
        if (before === void 0) return;
        const resumed = snapshots === before;
        before = void 0;
        const how = resumed ? "no price is missing" : "the server has sent the last two minutes again";
        setText(find("#notice"), `Connected again: ${how}.`);
      }
    },
    {
      // It reconnects at once when the network is back, and notices a connection that is silent.
      transport: "fetch",
      recreate: { maxDelay: 5e3 },
      lastEventId,
      onState(state) {
        if (current !== subscription) return;
        if (state === "open") showState(state, "Live", wasOpen ? "Connected again." : "Prices arrive as typed events.");
        if (state === "connecting") {
          before ??= snapshots;
          showState(state, "Reconnecting", "Connection lost. Each symbol resumes after its last price.");
        }
        wasOpen ||= state === "open";
      },
      onClose({ reason, status }) {
        if (current === subscription) showState("closed", "Ended", `The stream has ended: ${reason}${status === void 0 ? "" : ` (${status})`}.`);
      }
    }
  );
  subscription = current;
}
function draw() {
  if (clockOffset !== void 0) for (const chart of charts.values()) chart.draw(performance.now() + clockOffset);
  setText(find("#prices"), String(prices));
  setText(find("#snapshots"), String(snapshots));
  if (subscription) setText(find("#id"), subscription.lastEventId || "none");
}
var chosen = chosenInUrl();
showChoice(find("#choice"), chosen, (symbols) => {
  keepInUrl(symbols);
  follow(symbols);
  draw();
});
follow(chosen);
setInterval(draw, 200);
