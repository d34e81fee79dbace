/** Decodes one event: the `decode` of every generated file. */
export function decodeWith<M>(
  contract: SseContract<M>,
  eventType: string,
  data: string,
  lastEventId: string,
  parse: (json: string) => unknown,
): SseEvent<M> | undefined {
  const read = readEvent(contract, eventType || "message", data, lazyJson(parse, data));
  return typeof read === "string" ? undefined : ({ type: read.variant.name, data: read.data, lastEventId } as unknown as SseEvent<M>);
}

/** The longest delay of a timer, in milliseconds. A timer with a longer delay fires at once. */
const MAX_TIMER = 0x7fffffff;

interface SseHead {
  readonly status?: number | undefined;
  readonly type?: string | null;
  readonly retryAfter?: number;
  /** The status is of the stream's own request, not of a HEAD request. */
  readonly own?: true;
}

/** What is used of the global object, in a browser, a worker or Node. */
const globals = globalThis as unknown as SseGlobals;

interface SseTarget {
  addEventListener?(type: string, listener: () => void): void;
  removeEventListener?(type: string, listener: () => void): void;
}

interface SseGlobals extends SseTarget {
  readonly EventSource?: SseConstructor;
  readonly console?: { warn(...values: unknown[]): void };
  readonly AbortController: new () => SseController;
  /** Not there in an old Node. */
  readonly fetch: (url: string, init: object) => Promise<SseResponse>;
  readonly document?: SseTarget & { readonly visibilityState?: string };
  readonly performance: { now(): number };
  readonly Headers: new (init: unknown) => { has(name: string): boolean; set(name: string, value: string): void };
  readonly TextDecoder: new (label: string) => { decode(bytes: Uint8Array, options: { stream: boolean }): string };
  readonly TextEncoder: new () => { encode(text: string): Uint8Array };
  setTimeout(run: () => void, milliseconds: number): unknown;
  clearTimeout(timer: unknown): void;
}

type SseController = { readonly signal: unknown; abort(reason?: unknown): void };
type SseHandler = ((data: unknown, event: unknown) => void) | undefined;
type SseRead = { readonly variant: SseVariant; readonly data: unknown } | "unknown" | "ignored";

/** The variants of a contract, with those of nested types. */
function variantsOf(of: SseRules): SseVariant[] {
  return [...of.variants, ...of.nested.flatMap(variantsOf)];
}

/** The event types of a contract. */
export function typesOf(of: SseRules): string[] {
  return variantsOf(of).flatMap(({ types }) => types);
}

/** Starts a timer, whose delay is cut to the longest. */
function startTimer(run: () => void, delay: number): unknown {
  return globals.setTimeout(run, Math.min(delay, MAX_TIMER));
}

function urlOf(url: SseUrl): string {
  const given = typeof url === "function" ? url() : url;
  return typeof given === "string" ? given : given.href;
}

/** Parses JSON on the first call, and caches the value. */
function lazyJson(parse: (json: string) => unknown, data: string): () => unknown {
  let read: { readonly value: unknown } | undefined;
  return () => (read ??= { value: parse(data) }).value;
}

/**
 * Finds a handler: a property, a method of the object's class, or a static method if the object is a class. Members that every
 * object or function inherits are not handlers.
 */
function findHandler(of: object, name: string): SseHandler {
  const object = of as { readonly [name: string]: SseHandler };
  if (hasKey(of, name)) return object[name];
  const prototype: unknown = Object.getPrototypeOf(of);
  // In a literal, `__proto__: handler` makes the handler the prototype, whose inherited members are those of functions.
  if (typeof of === "object" && typeof prototype === "function") return name === "__proto__" ? (prototype as SseHandler) : undefined;
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

/** The value of a key in the data. `undefined` if the data is not an object with that key, or is invalid. */
function valueAt(json: () => unknown, key: string | undefined): unknown {
  if (key === undefined) return undefined;
  try {
    const value = json();
    return hasKey(value, key) ? value[key] : undefined;
  } catch {
    return undefined;
  }
}

/** Finds the variant of an event as the Rust decoder does: by event type, tag, data, or a key of the data. */
function readEvent(of: SseRules, type: string, data: string, json: () => unknown): SseRead {
  const tag = type === "message" ? valueAt(json, of.tag) : undefined;
  const name = typeof tag === "string" && tag !== "" ? tag : type;
  const candidates = of.variants.filter((variant) => variant.types.includes(name));
  const variant =
    candidates.find(({ sentinel }) => sentinel === data) ??
    // A key with a value takes precedence over one with `null`.
    candidates.find(({ key }) => valueAt(json, key) != null) ??
    candidates.find(({ key }) => valueAt(json, key) === null) ??
    candidates.find(({ sentinel, key }) => sentinel === undefined && key === undefined);
  if (variant) return readData(of, variant, data, json);
  if (candidates.length > 0) {
    if (data === "" && candidates.some(({ key }) => key !== undefined)) return "ignored";
    const expected = candidates.map(({ sentinel, key }) => (key === undefined ? `\`${sentinel}\`` : `an object with the key \`${key}\``));
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
  return of.tag !== undefined && type === "message" && data === "" ? "ignored" : "unknown";
}

function readData(of: SseRules, variant: SseVariant, data: string, json: () => unknown): SseRead {
  if (variant.form === "unit") return { variant, data: null };
  if (variant.form === "text") return { variant, data };
  // An event without data only sets the last event ID.
  if (data === "") return "ignored";
  const value = json();
  if (of.tag !== undefined && hasKey(value, of.tag)) delete value[of.tag];
  return { variant, data: value };
}
