/**
 * Receives the events of a stream until its terminal event, until the server has nothing more to send, or until it is closed.
 * The browser reconnects by itself when a connection is lost; `options.recreate` is for HTTP errors.
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
  let headRequest: $EController | undefined;
  let attempts = 0;
  let complete = false;
  let ended: $EClosed | undefined;
  let resolve: (closed: $EClosed) => void;
  const closed = new Promise<$EClosed>((done) => {
    resolve = done;
  });

  const setState = (to: $EState): void => {
    if (state === to) return;
    state = to;
    options.onState?.(to);
  };
  const detach = (): void => {
    source?.close();
    source = undefined;
  };
  const end = (reason: $EClosed["reason"], status?: number): void => {
    if (ended !== undefined) return;
    // A handler of the terminal event may call `close()`.
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
  const abort = (): void => end("aborted");

  const resumingUrl = (): string => {
    const given = typeof url === "function" ? url() : url;
    return resumeUrl(typeof given === "string" ? given : given.href, lastEventId);
  };

  const deliver = ({ name, gap }: $EVariant, data: unknown): void => {
    const event = { type: name, data, lastEventId } as unknown as $E;
    for (const queue of queues) {
      queue.events.push(event);
      queue.wake();
    }
    findHandler(handlers, name)?.call(handlers, data, event);
    if (gap === true && ended === undefined) (options as { readonly onGap?: $EHandler }).onGap?.(data, event);
    if (ended === undefined) options.onEvent?.(event);
  };

  const receive = (message: $EMessage): void => {
    attempts = 0;
    const raw: $ERaw = { eventType: message.type, data: String(message.data), lastEventId };
    let read: $ERead;
    try {
      read = readEvent(contract, raw.eventType, raw.data, lazyJson(options.parse ?? JSON.parse, raw.data));
    } catch (error) {
      if (options.onInvalid !== undefined) options.onInvalid(raw, error);
      else globals.console?.warn(`invalid event \`${raw.eventType}\``, error);
      return;
    }
    if (read === "unknown") options.onUnknown?.(raw);
    if (typeof read === "string") return;
    const { variant, data } = read;
    complete = variant.terminal === true;
    // Closed before a handler can throw, or the browser would reconnect.
    if (complete) detach();
    try {
      deliver(variant, data);
    } finally {
      if (complete) end("terminal");
    }
  };

  const connect = (): void => {
    const idInUrl = lastEventId !== "";
    const target = resumingUrl();
    // The function that returns the URL may close the subscription.
    if (ended !== undefined) return;
    const current = new Source(target, { withCredentials });
    source = current;
    let openedAt: number | undefined;
    // Connections in a row that ended within a second and without an event.
    let flaps = 0;
    let hasId = false;
    const onMessage = (message: $EMessage): void => {
      if (source !== current) return;
      openedAt = undefined;
      const id = message.lastEventId;
      // An empty ID clears the ID only if this source has had one: it is empty before the first ID too.
      if (id) hasId = true;
      if (hasId && id !== undefined) lastEventId = id;
      receive(message);
    };
    for (const type of types) {
      if (type !== "open" && type !== "error") current.addEventListener(type, onMessage);
    }
    // Servers may use these event types too; their events have data.
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
          if (ended === undefined) void onHttpError(event.code);
        }
        return;
      }
      flaps = openedAt !== undefined && Date.now() - openedAt < 1000 ? flaps + 1 : 0;
      openedAt = undefined;
      if (idInUrl && (flaps === 2 || lastEventId === "")) {
        // The server has cleared the browser's ID, or cannot resume from it. It cannot clear the one in the URL.
        lastEventId = "";
        detach();
        retry(0);
      }
      setState("connecting");
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
  const retry = (minDelay: number): void => {
    const { delay = 1000, maxDelay = 30_000 } = recreate;
    const backoff = Math.min(delay * 2 ** attempts, maxDelay);
    attempts += 1;
    // The random part spreads pages that lost their connections at the same time.
    const wait = Math.max(backoff, minDelay) * (1 + Math.random() / 2);
    timer = globals.setTimeout(start, Math.min(wait, MAX_TIMER));
  };
  const onHttpError = async (code: number | undefined): Promise<void> => {
    headRequest = globals.AbortController && new globals.AbortController();
    let response: $EHead | Promise<$EHead>;
    try {
      response = code === undefined ? requestHead(globals, resumingUrl(), withCredentials, headRequest) : { status: code, own: true };
    } catch (error) {
      end("refused");
      throw error;
    }
    const head = await response;
    if (ended !== undefined) return;
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
        // The generator's own `return` waits for the next event, and closes nothing before its first `next`.
        return: () => {
          end("closed");
          return loop.return();
        },
      };
    },
  };
}
