/** The events that a loop has not taken yet. */
interface SseQueue<E = unknown> {
  readonly events: E[];
  wake: () => void;
  /** The loop has started. */
  running: boolean;
}

/** What a transport needs of its subscription. */
interface SseLink {
  lastEventId: string;
  /** The reconnection time of the server, in milliseconds. */
  reconnectionTime: number | undefined;
  /** The connections in a row that were no success. */
  attempts: number;
  ended: SseClosed | undefined;
  readonly queues: SseQueue[];
  /** Called when a loop has taken an event. */
  onTaken: () => void;
  /** The URL of the next request, with an ID in the query unless it is empty. The page's function may close the subscription. */
  url(id: string): string;
  setState(state: SseState): void;
  receive(raw: SseRaw): void;
  /** Decides about a new connection, after one has failed or ended. */
  fail(head: SseHead): void;
  /** Connects after the back-off. */
  retry(minDelay: number): void;
  /** Connects at once. */
  start(): void;
  /** Cancels the new connection that is due. */
  pause(): void;
  end(reason: SseClosed["reason"], status?: number): void;
  /** The result of a function whose error ends the subscription. */
  orEnd<T>(run: () => T): T;
}

interface SseConnector {
  connect(): void;
  /** Closes the connection, if there is one. */
  disconnect(): void;
  /** Called when the subscription has ended. */
  dispose?(): void;
}

type SseTransport = (options: object, hasSource: boolean) => ((link: SseLink) => SseConnector) | undefined;

/** Receives the events of a stream: the `subscribe` of every generated file. */
export function subscribeTo<M>(
  contract: SseContract<M>,
  url: SseUrl,
  handlers: SseHandlers<M>,
  options: SseOptions<M>,
  transport?: SseTransport,
): SseSubscription<M> {
  const Source = options.EventSource ?? globals.EventSource;
  const connectorOf = transport?.(options, Source !== undefined);
  if (!connectorOf && !Source) throw new TypeError("there is no EventSource here: pass one as `options.EventSource`");
  const { delay = 1000, maxDelay = 30_000, attempts = Infinity } = Object(options.recreate) as SseRecreate;
  let state: SseState = "connecting";
  let timer: unknown;
  let complete = false;
  let resolve: (closed: SseClosed) => void;
  const closed = new Promise<SseClosed>((done) => {
    resolve = done;
  });

  const setState = (to: SseState): void => {
    if (state === to || (link.ended && to !== "closed")) return;
    state = to;
    options.onState?.(to);
  };
  const pause = (): void => globals.clearTimeout(timer);
  const end = (reason: SseClosed["reason"], status?: number): void => {
    if (link.ended) return;
    // A handler of the terminal event may call `close()`.
    const ended = (link.ended = { reason: complete ? "terminal" : reason, status });
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
  const abort = (): void => end("aborted");

  const receive = (raw: SseRaw): void => {
    link.attempts = 0;
    link.lastEventId = raw.lastEventId;
    let read: SseRead;
    try {
      read = readEvent(contract, raw.eventType, raw.data, lazyJson(options.parse ?? JSON.parse, raw.data));
    } catch (error) {
      if (options.onInvalid) options.onInvalid(raw, error);
      else globals.console?.warn(`invalid event \`${raw.eventType}\``, error);
      return;
    }
    if (read === "unknown") options.onUnknown?.(raw);
    if (typeof read === "string") return;
    const { variant, data } = read;
    complete = !!variant.terminal;
    // Closed before a handler can throw, or the browser would reconnect.
    if (complete) connector.disconnect();
    try {
      const event = { type: variant.name, data, lastEventId: raw.lastEventId } as unknown as SseEvent<M>;
      for (const queue of link.queues) {
        queue.events.push(event);
        queue.wake();
      }
      findHandler(handlers as object, variant.name)?.call(handlers, data, event);
      if (variant.gap && !link.ended) (options as { readonly onGap?: SseHandler }).onGap?.(data, event);
      if (!link.ended) options.onEvent?.(event);
    } finally {
      if (complete) end("terminal");
    }
  };

  const orEnd = <T>(run: () => T): T => {
    try {
      return run();
    } catch (error) {
      end("refused");
      throw error;
    }
  };
  const start = (): void => orEnd(() => connector.connect());
  const retry = (minDelay: number): void => {
    const { reconnectionTime: time } = link;
    // The first attempt keeps to the reconnection time of the server.
    const backoff = time !== undefined && link.attempts === 0 ? time : Math.min(delay * 2 ** link.attempts, maxDelay);
    link.attempts += 1;
    // The random part spreads pages that lost their connections at the same time.
    const wait = Math.max(backoff, minDelay, time ?? 0) * (1 + Math.random() / 2);
    timer = startTimer(start, wait);
  };

  const link: SseLink = {
    lastEventId: options.lastEventId ?? "",
    reconnectionTime: undefined,
    attempts: 0,
    ended: undefined,
    queues: [],
    onTaken: () => undefined,
    url: (id) => resumeUrl(urlOf(url), id),
    setState,
    receive,
    fail(head) {
      const { status, retryAfter = 0 } = head;
      if (link.ended) return;
      if (status === 204) end("complete", status);
      else if (isFinal(head) || link.attempts >= attempts || (status && options.recreate === false)) end("refused", status);
      else retry(retryAfter);
    },
    retry,
    start,
    pause,
    end,
    orEnd,
  };
  const types = [...new Set(["message", ...typesOf(contract), ...(options.otherTypes ?? [])])];
  const connector = connectorOf?.(link) ?? eventSourceConnector(link, Source as SseConstructor, types, options);

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
      const queue: SseQueue<SseEvent<M>> = { events: [], wake: () => undefined, running: false };
      link.queues.push(queue as SseQueue);
      const events = async function* (): AsyncGenerator<SseEvent<M>, void, undefined> {
        queue.running = true;
        for (;;) {
          const event = queue.events.shift();
          link.onTaken();
          if (event) yield event;
          else if (!link.ended) {
            await new Promise<void>((wake) => {
              queue.wake = wake;
            });
          } else if (link.ended.reason === "refused") {
            const { status } = link.ended;
            throw new Error(`the event stream was refused${status === undefined ? "" : `: ${status}`}`);
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
