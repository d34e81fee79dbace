/** One event. Its data is not validated against its type. `$E<"name">` is the event with that name. */
export type $E<T extends keyof $EMap = keyof $EMap> = {
  [K in T]: {
    /** The event type, or the variant's name where several variants share an event type. */
    readonly type: K;
    readonly data: $EMap[K];
    /** The ID of this event, or of the last event before it that had one. */
    readonly lastEventId: string;
  };
}[T];

/** An optional handler for each event. `Required<$EHandlers>` requires all of them. */
export type $EHandlers = {
  readonly [K in keyof $EMap]?: ((data: $EMap[K], event: $E<K>) => void) | undefined;
};

/** An event as it was received. */
export interface $ERaw {
  readonly eventType: string;
  readonly data: string;
  readonly lastEventId: string;
}

/** `"connecting"` includes the time between two connections. */
export type $EState = "connecting" | "open" | "closed";

/** Why the subscription has ended. */
export interface $EClosed {
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

export interface $EOptions {
  /** Called with every event, after its own handler. A `switch` over `event.type` narrows `event.data`. */
  readonly onEvent?: ((event: $E) => void) | undefined;
  /** Called with each event that reports lost history, after its own handler. */ // @gap
  readonly onGap?: ((data: $EMap[$EGap], event: $E<$EGap>) => void) | undefined; // @gap
  /** Called with an event whose data cannot be read. Without it, the console shows a warning. */
  readonly onInvalid?: ((event: $ERaw, error: unknown) => void) | undefined;
  /** Called with an event of an unknown type, if it is listened to: see `otherTypes`. */
  readonly onUnknown?: ((event: $ERaw) => void) | undefined;
  readonly onState?: ((state: $EState) => void) | undefined;
  readonly onClose?: ((closed: $EClosed) => void) | undefined;
  /** Ends the subscription when it is aborted. */
  readonly signal?: $EAbortSignal | undefined;
  /** Sends cookies to other origins. */
  readonly withCredentials?: boolean | undefined;
  /** The last event ID to resume from. */
  readonly lastEventId?: string | undefined;
  /** Undeclared event types to listen to. An `EventSource` receives no others. */
  readonly otherTypes?: readonly string[] | undefined;
  /**
   * What to do when the browser gives up, as it does after any HTTP error. A HEAD request then asks for the status and, unless
   * that is final, a new `EventSource` resumes after the last event: the first after `delay` (1000 milliseconds), each further
   * one after twice that, up to `maxDelay` (30000), and at most `attempts` (Infinity) in a row without an event. `false` ends
   * the subscription instead.
   */
  readonly recreate?: boolean | $ERecreate | undefined;
  /** Replaces `JSON.parse`. */
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
 * A subscription, and an async iterable of the events from the start of the loop on. Leaving the loop closes the subscription.
 * The loop ends with the subscription, with an error if the server refused it. Events that it has not taken yet are queued,
 * without a limit.
 */
export interface $ESubscription extends AsyncIterable<$E> {
  readonly state: $EState;
  /** The last event ID, to resume a later subscription. Empty before the first ID, and after it was cleared. */
  readonly lastEventId: string;
  /** Resolves with the reason when the subscription has ended. */
  readonly closed: Promise<$EClosed>;
  close(): void;
}

/** The part of an `AbortSignal` that is used. */
export interface $EAbortSignal {
  readonly aborted: boolean;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** The part of an `EventSource` that is used. */
export interface $ESource {
  readonly readyState: number;
  addEventListener(type: string, listener: (event: $EMessage) => void): void;
  close(): void;
}

/** The part of its events that is used. An error has a `code`, the HTTP status, in some implementations. */
export interface $EMessage {
  readonly type: string;
  readonly data?: unknown;
  readonly lastEventId?: string | undefined;
  readonly code?: number | undefined;
}

export type $EConstructor = new (url: string, init: { withCredentials: boolean }) => $ESource;

/** The URL of the events. A function is called before each request, except where the browser itself reconnects. */
export type $EUrl = string | { readonly href: string } | (() => string | { readonly href: string });
