/**
 * Decodes one event that was not received by an `EventSource`.
 *
 * @returns `undefined` for an event of an unknown type, and for one without data.
 * @throws When the data cannot be read.
 */
export function decode(eventType: string, data: string, lastEventId = "", parse: (json: string) => unknown = JSON.parse): $E | undefined {
  const read = readEvent(contract, eventType || "message", data, lazyJson(parse, data));
  return typeof read === "string" ? undefined : ({ type: read.variant.name, data: read.data, lastEventId } as unknown as $E);
}

/** The event types to listen to. */
export const eventTypes: readonly string[] = /* @__PURE__ */ typesOf(contract);

/** The longest delay of a timer, in milliseconds. A timer with a longer delay fires at once. */
const MAX_TIMER = 2 ** 31 - 1;

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
  /** The status is of the stream's own request, not of a HEAD request. */
  readonly own?: true;
}

interface $EGlobals {
  readonly EventSource?: $EConstructor;
  readonly console?: { warn(...values: unknown[]): void };
  readonly AbortController?: new () => $EController;
  readonly fetch?: (url: string, init: object) => Promise<{ status: number; headers: { get(name: string): string | null } }>;
  setTimeout(run: () => void, milliseconds: number): unknown;
  clearTimeout(timer: unknown): void;
}

type $EController = { readonly signal: unknown; abort(): void };
type $EHandler = ((data: unknown, event: unknown) => void) | undefined;
type $ERead = { readonly variant: $EVariant; readonly data: unknown } | "unknown" | "ignored";

function typesOf(of: $EContract): string[] {
  return [...of.variants.flatMap((variant) => variant.types), ...of.nested.flatMap(typesOf)];
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
function findHandler(of: object, name: string): $EHandler {
  const object = of as { readonly [name: string]: $EHandler };
  if (hasKey(of, name)) return object[name];
  const prototype: unknown = Object.getPrototypeOf(of);
  // In a literal, `__proto__: handler` makes the handler the prototype, whose inherited members are those of functions.
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
function readEvent(of: $EContract, type: string, data: string, json: () => unknown): $ERead {
  const tag = type === "message" ? valueAt(json, of.tag) : undefined;
  const name = typeof tag === "string" && tag !== "" ? tag : type;
  const candidates = of.variants.filter((variant) => variant.types.includes(name));
  const variant =
    candidates.find(({ sentinel }) => sentinel === data) ??
    // A key with a value takes precedence over one with `null`.
    candidates.find(({ key }) => (valueAt(json, key) ?? null) !== null) ??
    candidates.find(({ key }) => valueAt(json, key) === null) ??
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
  // An event without data only sets the last event ID.
  if (data === "") return "ignored";
  const value = json();
  if (of.tag !== undefined && hasKey(value, of.tag)) delete value[of.tag];
  return { variant, data: value };
}

/** The URL that resumes after an event. Only the browser can send the header `Last-Event-ID`. */
function resumeUrl(url: string, id: string): string {
  if (id === "") return url;
  const end = url.includes("#") ? url.indexOf("#") : url.length;
  const [path, ...query] = url.slice(0, end).split("?");
  const pairs = query.join("?").split("&").filter((pair) => pair !== "" && !pair.startsWith("last_event_id="));
  return `${path}?${[...pairs, `last_event_id=${encodeURIComponent(id)}`].join("&")}${url.slice(end)}`;
}

/** Requests the status, which an `EventSource` does not expose. */
async function requestHead(globals: $EGlobals, url: string, withCredentials: boolean, controller: $EController | undefined): Promise<$EHead> {
  // A request without a response would block one of the browser's few connections.
  const timer = globals.setTimeout(() => controller?.abort(), 10_000);
  const credentials = withCredentials ? "include" : "same-origin";
  const init = { method: "HEAD", headers: { accept: "text/event-stream" }, cache: "no-store", credentials, signal: controller?.signal };
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

/** Whether a retry would not help. */
function isFinal({ status, type, own }: $EHead): boolean {
  if (status === undefined) return false;
  // Another content type is final. A server without HEAD support (405) says nothing about GET.
  if (status === 200) return own === true || (typeof type === "string" && !type.toLowerCase().startsWith("text/event-stream"));
  if (status === 405 && own !== true) return false;
  return status >= 400 && status < 500 && status !== 408 && status !== 425 && status !== 429;
}
