/** One event. Its data is not checked against its type. `$E<"name">` is the event of that name alone. */
export type $E<T extends keyof $EMap = keyof $EMap> = {
  [K in T]: {
    /** Which event it is: the event type, or the variant's name where several share one. */
    readonly type: K;
    readonly data: $EMap[K];
    /** The id of the last event that had one: this event's own, or that of one before it. */
    readonly lastEventId: string;
  };
}[T];

/** A handler for each event that is of interest. `Required<$EHandlers>` asks for all of them. */
export type $EHandlers = {
  readonly [K in keyof $EMap]?: ((data: $EMap[K], event: $E<K>) => void) | undefined;
};

/** An event as it was received. */
export interface $ERaw {
  readonly eventType: string;
  readonly data: string;
  readonly lastEventId: string;
}

/** `"connecting"` is also the time between two connections. */
export type $EState = "connecting" | "open" | "closed";

/** Why there will be no more events. */
export interface $EClosed {
  /**
   * - `"terminal"`: the last event of the stream was received.
   * - `"complete"`: the server has nothing more to send (204).
   * - `"refused"`: the server does not want this request, or `recreate` allows no more attempts.
   * - `"closed"`: by `close()`, or by leaving a `for await` loop.
   * - `"aborted"`: by `options.signal`.
   */
  readonly reason: "terminal" | "complete" | "refused" | "closed" | "aborted";
  /** The HTTP status behind it, where it is known. */
  readonly status: number | undefined;
}

export interface $EOptions {
  /** Gets every event, behind its own handler. A `switch` over `event.type` narrows `event.data`. */
  readonly onEvent?: ((event: $E) => void) | undefined;
  /** Gets what tells of lost history, besides its own handler. */ // @gap
  readonly onGap?: ((data: $EMap[$EGap], event: $E<$EGap>) => void) | undefined; // @gap
  /** Gets an event whose data is not what its type promises. Without it there is a warning on the console. */
  readonly onInvalid?: ((event: $ERaw, error: unknown) => void) | undefined;
  /** Gets an event of an unknown type, as far as it is listened to: see `otherTypes`. */
  readonly onUnknown?: ((event: $ERaw) => void) | undefined;
  readonly onState?: ((state: $EState) => void) | undefined;
  readonly onClose?: ((closed: $EClosed) => void) | undefined;
  /** Ends the subscription. */
  readonly signal?: $EAbortSignal | undefined;
  /** Sends cookies to other origins. */
  readonly withCredentials?: boolean | undefined;
  /** The event to resume behind. */
  readonly lastEventId?: string | undefined;
  /** Event types to listen to that the type does not name. An `EventSource` hears no others. */
  readonly otherTypes?: readonly string[] | undefined;
  /**
   * What to do when the browser gives up, as it does at any HTTP error: ask for the status by a HEAD request, and unless
   * that is final, make a new `EventSource` after a while, which resumes behind the last event. `false` is to do nothing.
   * The first attempt is made after `delay` (1000 milliseconds), each further one after twice that, up to `maxDelay`
   * (30000), and none after `attempts` (Infinity) without an event between them.
   */
  readonly recreate?: boolean | $ERecreate | undefined;
  /** Reads JSON in the place of `JSON.parse`. */
  readonly parse?: ((json: string) => unknown) | undefined;
  /** The constructor, where there is no global one. */
  readonly EventSource?: $EConstructor | undefined;
}

export interface $ERecreate {
  readonly delay?: number | undefined;
  readonly maxDelay?: number | undefined;
  readonly attempts?: number | undefined;
}

/**
 * A subscription, and its events as an async iterable: those from the moment on at which the loop begins. Leaving the loop
 * closes the subscription. The loop ends with the subscription, by an error if the server refused it. Events that a loop has
 * not taken yet are kept for it, however many they are.
 */
export interface $ESubscription extends AsyncIterable<$E> {
  readonly state: $EState;
  /** The last event ID, to resume a later subscription. Empty before the first event with an id, and where that was cleared. */
  readonly lastEventId: string;
  /** Says why there will be no more events, once that is so. */
  readonly closed: Promise<$EClosed>;
  close(): void;
}

/** What is used of an `AbortSignal`. */
export interface $EAbortSignal {
  readonly aborted: boolean;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** What is used of an `EventSource`. */
export interface $ESource {
  readonly readyState: number;
  addEventListener(type: string, listener: (event: $EMessage) => void): void;
  close(): void;
}

/** What is used of its events: of a message, or of an error with the status that some implementations tell. */
export interface $EMessage {
  readonly type: string;
  readonly data?: unknown;
  readonly lastEventId?: string | undefined;
  readonly code?: number | undefined;
}

export type $EConstructor = new (url: string, init: { withCredentials: boolean }) => $ESource;

/** Where the events are. A function is asked before each request that is not the browser's own reconnecting. */
export type $EUrl = string | { readonly href: string } | (() => string | { readonly href: string });

/**
 * Receives the events of a stream until its terminal event, until the server has no more, or until it is closed. The browser
 * reconnects by itself after a loss of connection; see `options.recreate` for what happens after an HTTP error.
 */
export function subscribe(url: $EUrl, handlers: $EHandlers = {}, options: $EOptions = {}): $ESubscription {
  const globals = globalThis as unknown as $EGlobals;
  const Source = options.EventSource ?? globals.EventSource;
  if (Source === undefined) throw new TypeError("there is no EventSource here: pass one as `options.EventSource`");
  const withCredentials = options.withCredentials ?? false;
  const recreate = typeof options.recreate === "object" ? options.recreate : {};
  const types = new Set(["message", ...typesOf(contract), ...(options.otherTypes ?? [])]);
  const queues = new Set<{ events: $E[]; wake: () => void }>();
  let lastEventId = options.lastEventId ?? "";
  let state: $EState = "connecting";
  let source: $ESource | undefined;
  let timer: unknown;
  let asking: $EAsking | undefined;
  let attempts = 0;
  let complete = false;
  let ended: $EClosed | undefined;
  let resolve: (closed: $EClosed) => void;
  const closed = new Promise<$EClosed>((done) => {
    resolve = done;
  });

  const change = (to: $EState): void => {
    if (state === to) return;
    state = to;
    options.onState?.(to);
  };
  const drop = (): void => {
    source?.close();
    source = undefined;
  };
  const end = (reason: $EClosed["reason"], status?: number): void => {
    if (ended !== undefined) return;
    // A handler of the last event may say `close()`, too.
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
  const abort = (): void => end("aborted");

  const address = (): string => {
    const given = typeof url === "function" ? url() : url;
    return behind(typeof given === "string" ? given : given.href, lastEventId);
  };

  const deliver = ({ name, gap }: $EVariant, data: unknown): void => {
    const event = { type: name, data, lastEventId } as unknown as $E;
    for (const queue of queues) {
      queue.events.push(event);
      queue.wake();
    }
    handler(handlers, name)?.call(handlers, data, event);
    if (gap === true && ended === undefined) (options as { readonly onGap?: $EHandler }).onGap?.(data, event);
    if (ended === undefined) options.onEvent?.(event);
  };

  const receive = (message: $EMessage): void => {
    attempts = 0;
    const raw: $ERaw = { eventType: message.type, data: String(message.data), lastEventId };
    let read: $ERead;
    try {
      read = readEvent(contract, raw.eventType, raw.data, once(options.parse ?? JSON.parse, raw.data));
    } catch (error) {
      if (options.onInvalid !== undefined) options.onInvalid(raw, error);
      else globals.console?.warn(`invalid event \`${raw.eventType}\``, error);
      return;
    }
    if (read === "unknown") options.onUnknown?.(raw);
    if (typeof read === "string") return;
    const { variant, data } = read;
    complete = variant.terminal === true;
    // Closed before anything that could throw: the browser would come back.
    if (complete) drop();
    try {
      deliver(variant, data);
    } finally {
      if (complete) end("terminal");
    }
  };

  const connect = (): void => {
    const resumed = lastEventId !== "";
    const resource = address();
    // The page may close as it gives the URL.
    if (ended !== undefined) return;
    const current = new Source(resource, { withCredentials });
    source = current;
    // A connection that ends at once, and without an event.
    let openedAt: number | undefined;
    let vain = 0;
    let identified = false;
    const heard = (message: $EMessage): void => {
      if (source !== current) return;
      openedAt = undefined;
      const id = message.lastEventId;
      // An empty id is a cleared one only if this source has had another: it says the same of none at all.
      if (id) identified = true;
      if (identified && id !== undefined) lastEventId = id;
      receive(message);
    };
    for (const type of types) {
      if (type !== "open" && type !== "error") current.addEventListener(type, heard);
    }
    // Servers may use these names, too: then there is data.
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
          if (ended === undefined) void givenUp(event.code);
        }
        return;
      }
      vain = openedAt !== undefined && Date.now() - openedAt < 1000 ? vain + 1 : 0;
      openedAt = undefined;
      if (resumed && (vain === 2 || lastEventId === "")) {
        // The server has made the browser forget its id, or one that it cannot resume from. The one in the URL it cannot reach.
        lastEventId = "";
        drop();
        later(0);
      }
      change("connecting");
    });
  };

  const start = (): void => {
    try {
      connect();
    } catch (error) {
      end("refused");
      throw error;
    }
  };
  const later = (least: number): void => {
    const { delay = 1000, maxDelay = 30_000 } = recreate;
    const backoff = Math.min(delay * 2 ** attempts, maxDelay);
    attempts += 1;
    // What is added keeps pages that were cut at once from coming back at once.
    const wait = Math.max(backoff, least) * (1 + Math.random() / 2);
    timer = globals.setTimeout(start, Math.min(wait, LONGEST));
  };
  const givenUp = async (code: number | undefined): Promise<void> => {
    asking = globals.AbortController && new globals.AbortController();
    let answer: $EHead | Promise<$EHead>;
    try {
      answer = code === undefined ? ask(globals, address(), withCredentials, asking) : { status: code, own: true };
    } catch (error) {
      end("refused");
      throw error;
    }
    const head = await answer;
    if (ended !== undefined) return;
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
      const queue = { events: [] as $E[], wake: (): void => undefined };
      queues.add(queue);
      const events = async function* (): AsyncGenerator<$E, void, undefined> {
        for (;;) {
          const event = queue.events.shift();
          if (event !== undefined) yield event;
          else if (ended === undefined) {
            await new Promise<void>((wake) => {
              queue.wake = wake;
            });
          } else if (ended.reason === "refused") {
            throw new Error(ended.status === undefined ? "the event stream was refused" : `the event stream was refused: ${ended.status}`);
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
        },
      };
    },
  };
}

/**
 * Reads one event that came by another way than an `EventSource`.
 *
 * @returns `undefined` for an event of an unknown type, and for one that carries no data.
 * @throws When the data is not what its type promises.
 */
export function decode(eventType: string, data: string, lastEventId = "", parse: (json: string) => unknown = JSON.parse): $E | undefined {
  const read = readEvent(contract, eventType || "message", data, once(parse, data));
  return typeof read === "string" ? undefined : ({ type: read.variant.name, data: read.data, lastEventId } as unknown as $E);
}

/** The names that events are listened to by. */
export const eventTypes: readonly string[] = /* @__PURE__ */ typesOf(contract);

/** How many milliseconds a timer can wait: beyond that it does not wait at all. */
const LONGEST = 2 ** 31 - 1;

interface $EVariant {
  readonly name: keyof $EMap;
  readonly types: readonly string[];
  readonly form: "json" | "text" | "unit" | "raw";
  readonly sentinel?: string;
  readonly key?: string;
  readonly terminal?: true;
  readonly gap?: true;
}

interface $EContract {
  readonly tag?: string;
  readonly variants: readonly $EVariant[];
  readonly ignored: readonly string[];
  readonly nested: readonly $EContract[];
  readonly other?: $EVariant;
}

interface $EHead {
  readonly status?: number;
  readonly type?: string | null;
  readonly retryAfter?: number;
  /** The status is that of the stream's own request. */
  readonly own?: true;
}

interface $EGlobals {
  readonly EventSource?: $EConstructor;
  readonly console?: { warn(...values: unknown[]): void };
  readonly AbortController?: new () => $EAsking;
  readonly fetch?: (url: string, init: object) => Promise<{ status: number; headers: { get(name: string): string | null } }>;
  setTimeout(run: () => void, milliseconds: number): unknown;
  clearTimeout(timer: unknown): void;
}

type $EAsking = { readonly signal: unknown; abort(): void };
type $EHandler = ((data: unknown, event: unknown) => void) | undefined;
type $ERead = { readonly variant: $EVariant; readonly data: unknown } | "unknown" | "ignored";

function typesOf(of: $EContract): string[] {
  return [...of.variants.flatMap((variant) => variant.types), ...of.nested.flatMap(typesOf)];
}

/** JSON that is read when it is first asked for. */
function once(parse: (json: string) => unknown, data: string): () => unknown {
  let read: { readonly value: unknown } | undefined;
  return () => (read ??= { value: parse(data) }).value;
}

/**
 * What a user's object has under a name, be it a method of its class, or the object a class with static methods. What every
 * object or function inherits is no handler.
 */
function handler(of: object, name: string): $EHandler {
  const object = of as { readonly [name: string]: $EHandler };
  if (hasKey(of, name)) return object[name];
  const prototype: unknown = Object.getPrototypeOf(of);
  // In a literal, `__proto__: handler` makes the handler the prototype, and what it inherits is that of functions.
  if (typeof of === "object" && typeof prototype === "function") return name === "__proto__" ? (prototype as $EHandler) : undefined;
  const common: unknown[] = [null, Object.prototype, Function.prototype];
  let owner: unknown = of;
  while (!common.includes(owner) && !Object.prototype.hasOwnProperty.call(owner, name)) owner = Object.getPrototypeOf(owner);
  if (common.includes(owner) || (name === "constructor" && owner !== of)) return undefined;
  const found = object[name];
  return typeof found === "function" ? found : undefined;
}

function hasKey(value: unknown, key: string): value is { [name: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value) && Object.prototype.hasOwnProperty.call(value, key);
}

/** What the data has under a key, if it is an object with that key, whatever else is wrong with it. */
function under(json: () => unknown, key: string | undefined): unknown {
  if (key === undefined) return undefined;
  try {
    const value = json();
    return hasKey(value, key) ? value[key] : undefined;
  } catch {
    return undefined;
  }
}

/** Finds the variant of an event as Rust does: by its type, its tag, its data or a key of that. */
function readEvent(of: $EContract, type: string, data: string, json: () => unknown): $ERead {
  const tag = type === "message" ? under(json, of.tag) : undefined;
  const name = typeof tag === "string" && tag !== "" ? tag : type;
  const candidates = of.variants.filter((variant) => variant.types.includes(name));
  const variant =
    candidates.find(({ sentinel }) => sentinel === data) ??
    // A key with a value is a better sign than one with `null`.
    candidates.find(({ key }) => (under(json, key) ?? null) !== null) ??
    candidates.find(({ key }) => under(json, key) === null) ??
    candidates.find(({ sentinel, key }) => sentinel === undefined && key === undefined);
  if (variant !== undefined) return readData(of, variant, data, json);
  if (candidates.length > 0) {
    if (data === "" && candidates.some(({ key }) => key !== undefined)) return "ignored";
    const expected = candidates.map(({ sentinel, key }) => (key === undefined ? `\`${sentinel}\`` : `an object with the key \`${key}\``));
    throw new TypeError(`expected ${expected.join(" or ")}`);
  }
  if (of.ignored.includes(name)) return "ignored";
  for (const nested of of.nested) {
    if (typesOf(nested).includes(name)) return readEvent(nested, name, data, json);
  }
  if (of.other !== undefined) {
    return { variant: of.other, data: of.other.form === "raw" ? { eventType: type, data } : null };
  }
  for (const nested of of.nested) {
    const read = readEvent(nested, type, data, json);
    if (read !== "unknown") return read;
  }
  return of.tag !== undefined && type === "message" && data === "" ? "ignored" : "unknown";
}

function readData(of: $EContract, variant: $EVariant, data: string, json: () => unknown): $ERead {
  if (variant.form === "unit") return { variant, data: null };
  if (variant.form === "text") return { variant, data };
  // Without data the event only moves the last event ID.
  if (data === "") return "ignored";
  const value = json();
  if (of.tag !== undefined && hasKey(value, of.tag)) delete value[of.tag];
  return { variant, data: value };
}

/** The URL that resumes behind an event: only the browser itself can send a `Last-Event-ID`. */
function behind(url: string, id: string): string {
  if (id === "") return url;
  const end = url.includes("#") ? url.indexOf("#") : url.length;
  const [path, ...query] = url.slice(0, end).split("?");
  const pairs = query.join("?").split("&").filter((pair) => pair !== "" && !pair.startsWith("last_event_id="));
  return `${path}?${[...pairs, `last_event_id=${encodeURIComponent(id)}`].join("&")}${url.slice(end)}`;
}

/** Asks for the status that an `EventSource` does not tell. */
async function ask(globals: $EGlobals, url: string, withCredentials: boolean, asking: $EAsking | undefined): Promise<$EHead> {
  // A question without an answer would hold one of the browser's few connections.
  const timer = globals.setTimeout(() => asking?.abort(), 10_000);
  const credentials = withCredentials ? "include" : "same-origin";
  const init = { method: "HEAD", headers: { accept: "text/event-stream" }, cache: "no-store", credentials, signal: asking?.signal };
  try {
    const response = await globals.fetch?.(url, init);
    if (response === undefined) return {};
    const retryAfter = 1000 * Number(response.headers.get("retry-after") ?? 0);
    const type = response.headers.get("content-type");
    return { status: response.status, type, ...(retryAfter > 0 ? { retryAfter } : {}) };
  } catch {
    return {};
  } finally {
    globals.clearTimeout(timer);
  }
}

/** Whether asking again would be of no use. */
function isFinal({ status, type, own }: $EHead): boolean {
  if (status === undefined) return false;
  // What is no event stream will not become one; a server that does not know HEAD has said nothing.
  if (status === 200) return own === true || (typeof type === "string" && !type.toLowerCase().startsWith("text/event-stream"));
  if (status === 405 && own !== true) return false;
  return status >= 400 && status < 500 && status !== 408 && status !== 425 && status !== 429;
}
