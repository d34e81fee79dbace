/** One event. Its data is not validated against its type. */
export type SseEvent<M, T extends keyof M = keyof M> = {
  [K in T]: {
    /** The event type, or the variant's name where several variants share an event type. */
    readonly type: K;
    readonly data: M[K];
    /** The ID of this event, or of the last event before it that had one. */
    readonly lastEventId: string;
  };
}[T];

/** An optional handler for each event. */
export type SseHandlers<M> = {
  readonly [K in keyof M]?: ((data: M[K], event: SseEvent<M, K>) => void) | undefined;
};

/** The rules by which the events of a type are decoded. */
export interface SseContract<M> extends SseRules<keyof M & string> {
  /** The version of this runtime. A file of another version does not compile with it. */
  readonly runtime: 1;
}

export interface SseRules<N = string> {
  readonly tag?: string;
  readonly variants: readonly SseVariant<N>[];
  readonly ignored: readonly string[];
  readonly nested: readonly SseRules<N>[];
  readonly other?: SseVariant<N>;
}

export interface SseVariant<N = string> {
  readonly name: N;
  readonly types: readonly string[];
  readonly form: "json" | "text" | "unit" | "raw";
  readonly sentinel?: string;
  readonly key?: string;
  readonly terminal?: true;
  readonly error?: true;
  readonly gap?: true;
}

/** An event as it was received. */
export interface SseRaw {
  readonly eventType: string;
  readonly data: string;
  readonly lastEventId: string;
}

/** `"connecting"` includes the time between two connections. */
export type SseState = "connecting" | "open" | "closed";

/** Why the subscription has ended. */
export interface SseClosed {
  /**
   * - `"terminal"`: the last event of the stream was received.
   * - `"complete"`: the server has nothing more to send (204).
   * - `"refused"`: the server rejected the request, or `recreate` allows no more attempts.
   * - `"closed"`: by `close()`, or by leaving a `for await` loop.
   * - `"aborted"`: by `options.signal`.
   */
  readonly reason: "terminal" | "complete" | "refused" | "closed" | "aborted";
  /** The HTTP status, where it is known. */
  readonly status: number | undefined;
}

/** The settings of a subscription. */
export interface SseOptions<M> {
  /** Called with every event, after its own handler. A `switch` over `event.type` narrows `event.data`. */
  readonly onEvent?: ((event: SseEvent<M>) => void) | undefined;
  /** Called with an event whose data cannot be read. Without it, the console shows a warning. */
  readonly onInvalid?: ((event: SseRaw, error: unknown) => void) | undefined;
  /** Called with an event of an unknown type. An `EventSource` listens only to the types in `otherTypes`. */
  readonly onUnknown?: ((event: SseRaw) => void) | undefined;
  readonly onState?: ((state: SseState) => void) | undefined;
  readonly onClose?: ((closed: SseClosed) => void) | undefined;
  /** Ends the subscription when it is aborted. */
  readonly signal?: SseAbortSignal | undefined;
  /** Sends cookies to other origins. */
  readonly withCredentials?: boolean | undefined;
  /** The last event ID to resume from. */
  readonly lastEventId?: string | undefined;
  /** Undeclared event types to listen to. An `EventSource` receives no others; `fetch` receives all. */
  readonly otherTypes?: readonly string[] | undefined;
  /**
   * What to do when the browser gives up, as it does after any HTTP error. A HEAD request then asks for the status and, unless
   * that is final, a new `EventSource` resumes after the last event: the first after `delay` (1000 milliseconds), each further
   * one after twice that, up to `maxDelay` (30000), and at most `attempts` (Infinity) in a row without an event. `false` ends
   * the subscription instead.
   *
   * With `fetch`, the status is known without a HEAD request, and the delays also apply after a lost connection. A reconnection
   * time of the server replaces `delay`.
   */
  readonly recreate?: boolean | SseRecreate | undefined;
  /** Replaces `JSON.parse`. */
  readonly parse?: ((json: string) => unknown) | undefined;
  /** The constructor, where there is no global one. */
  readonly EventSource?: SseConstructor | undefined;
}

export interface SseRecreate {
  readonly delay?: number | undefined;
  readonly maxDelay?: number | undefined;
  readonly attempts?: number | undefined;
}

/**
 * A subscription, and an async iterable of the events from the start of the loop on. Leaving the loop closes the subscription.
 * The loop ends with the subscription, with an error if the server refused it. Events that it has not taken yet are queued: without a
 * limit with an `EventSource`. With `fetch`, no more is read from the connection while a loop has 256 events queued.
 */
export interface SseSubscription<M> extends AsyncIterable<SseEvent<M>> {
  readonly state: SseState;
  /** The last event ID, to resume a later subscription. Empty before the first ID, and after it was cleared. */
  readonly lastEventId: string;
  /** Resolves with the reason when the subscription has ended. */
  readonly closed: Promise<SseClosed>;
  close(): void;
}

/** The part of an `AbortSignal` that is used. */
export interface SseAbortSignal {
  readonly aborted: boolean;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** The part of an `EventSource` that is used. */
export interface SseSource {
  readonly readyState: number;
  addEventListener(type: string, listener: (event: SseMessage) => void): void;
  close(): void;
}

/** The part of its events that is used. An error has a `code`, the HTTP status, in some implementations. */
export interface SseMessage {
  readonly type: string;
  readonly data?: unknown;
  readonly lastEventId?: string | undefined;
  readonly code?: number | undefined;
}

export type SseConstructor = new (url: string, init: { withCredentials: boolean }) => SseSource;

/** The URL of the events. A function is called before each request, except where the browser itself reconnects. */
export type SseUrl = string | { readonly href: string } | (() => string | { readonly href: string });

/** The part of a `Response` that is used. */
export interface SseResponse {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  readonly body: SseByteStream | null;
}

/** The part of a `ReadableStream` that is used. */
export interface SseByteStream {
  getReader(): SseReader;
}

export interface SseReader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}
