/** The settings of a request that `fetch` sends. */
export interface SseRequestOptions {
  /** `"POST"` is the default if there is a body, and `"GET"` otherwise. */
  readonly method?: string | undefined;
  /** A function is called before each request, so that it can return a fresh token. */
  readonly headers?: SseHeaders | (() => SseHeaders | Promise<SseHeaders>) | undefined;
  /** A function is called before each request. */
  readonly body?: SseBody | (() => unknown) | undefined;
  /** Whether cookies are sent. The default is `"same-origin"`, or `"include"` with `withCredentials`. */
  readonly credentials?: "omit" | "same-origin" | "include" | undefined;
  readonly redirect?: "follow" | "error" | "manual" | undefined;
  /** Replaces the global `fetch`. */
  readonly fetch?: SseFetch | undefined;
}

/** The settings of a subscription that `fetch` carries. */
export interface SseFetchOptions extends SseRequestOptions {
  /**
   * What requests the stream. The default is `"fetch"` if there is a method, headers or a body, or if there is no `EventSource`,
   * and `"eventsource"` otherwise.
   */
  readonly transport?: "eventsource" | "fetch" | undefined;
  /**
   * How a request says which event was the last. A header, the default, is exact. The query parameter `last_event_id` needs no
   * preflight request to another origin.
   */
  readonly resumeBy?: "header" | "query" | undefined;
  /**
   * A connection that is silent for this time, in milliseconds, is replaced. The default is three times the server's
   * `sse-keep-alive`, and no limit without that header.
   */
  readonly idleTimeout?: number | undefined;
  /** Closes the connection when the page is hidden for this time, in milliseconds, until it is visible. The default is never. */
  readonly pauseHidden?: number | undefined;
}

export type SseHeaders = { readonly [name: string]: string } | Iterable<readonly [string, string]>;

/** Text, bytes, a `Blob`, a `FormData` or a `URLSearchParams`. A stream cannot be sent twice: a function can return a new one. */
export type SseBody = string | { readonly byteLength: number } | { readonly arrayBuffer: unknown } | { readonly append: unknown };

/** The part of `fetch` that is used. */
export type SseFetch = { call(url: string, init: object): Promise<SseResponse> }["call"];

/** Requests the stream with `fetch`, where an `EventSource` cannot: `undefined` if it can. */
export function fetchTransport(options: SseFetchOptions, hasSource: boolean): ((link: SseLink) => SseConnector) | undefined {
  const { transport, method, headers, body } = options;
  const hasFetch = fetchOf(options) !== undefined;
  const isRequest = (method ?? headers ?? body) !== undefined;
  if (transport === "eventsource" && isRequest) throw new TypeError("an EventSource has no method, headers or body");
  if (transport === "eventsource" || (transport === undefined && !isRequest && (hasSource || !hasFetch))) return undefined;
  if (!hasFetch) throw new TypeError("there is no fetch here: pass one as `options.fetch`");
  if ((body as { getReader?: unknown } | undefined)?.getReader) throw new TypeError("a stream can be sent only once: pass a function");
  return (link) => fetchConnector(link, options);
}

function fetchConnector(link: SseLink, options: SseFetchOptions): SseConnector {
  let current: SseController | undefined;
  let paused = false;

  const disconnect = (): void => {
    current?.abort();
    current = undefined;
    link.onTaken();
  };
  const lose = (): void => {
    // Aborts the body of a response that is no stream, too.
    disconnect();
    guard(() => link.setState("connecting"));
  };
  /** Calls what may call the page. Its errors are reported as those of an event's listener are. */
  const guard = (run: () => void): void => {
    try {
      run();
    } catch (error) {
      globals.setTimeout(() => {
        throw error;
      }, 0);
    }
  };

  const connect = (): void => {
    const id = link.lastEventId;
    // Control characters cannot be sent in a header.
    const inQuery = options.resumeBy === "query" || /[\0-\x08\n-\x1f\x7f]/.test(id);
    const target = link.url(inQuery ? id : "");
    // The function that returns the URL may close the subscription.
    if (link.ended) return;
    const controller = new globals.AbortController();
    current = controller;
    void attempt(target, inQuery ? "" : id, controller);
  };

  const attempt = async (target: string, id: string, controller: SseController): Promise<void> => {
    let head: SseHead = {};
    let made = false;
    try {
      const init = await requestInit(options, id, controller.signal);
      made = true;
      // An aborted request is not sent.
      const response = await fetchOf(options)(target, init);
      if (current !== controller) return;
      if (isStream(response)) {
        guard(() => link.setState("open"));
        await read(response, controller);
      } else {
        head = { ...headOf(response), own: true };
      }
    } catch (error) {
      // Browsers show errors of the network, but not those of the page's functions.
      if (!made && current === controller) globals.console?.warn("the request could not be made", error);
    }
    if (current !== controller) return;
    lose();
    guard(() => link.fail(head));
  };

  const read = async (response: SseResponse, controller: SseController): Promise<void> => {
    const now = (): number => globals.performance.now();
    const openedAt = now();
    let heardAt: number | undefined = openedAt;
    const limit = options.idleTimeout ?? 3000 * Number(response.headers.get("sse-keep-alive"));
    let timer: unknown;
    // Measured with a clock: the timers of a hidden page are late. A loop that keeps this from reading is not silence.
    const watch = (wait: number): void => {
      timer = startTimer(() => {
        const left = heardAt === undefined ? limit : limit + heardAt - now();
        if (left > 0) watch(left);
        else controller.abort();
      }, wait);
    };
    const parser = newParser(link.lastEventId, (raw) => {
      if (current === controller) guard(() => link.receive(raw));
    });
    if (limit > 0) watch(limit);
    try {
      for await (const bytes of chunks(response.body as SseByteStream)) {
        parser.push(bytes);
        // A handler may have closed the connection.
        if (current !== controller) return;
        link.lastEventId = parser.lastEventId;
        link.reconnectionTime = parser.retry ?? link.reconnectionTime;
        heardAt = undefined;
        // Nothing more is read while a running loop has this many events queued.
        while (current === controller && link.queues.some(({ running, events }) => running && events.length >= 256)) {
          await new Promise<void>((taken) => {
            link.onTaken = taken;
          });
        }
        heardAt = now();
      }
    } finally {
      globals.clearTimeout(timer);
      // A connection that was open for long is followed by the shortest delay.
      if (now() - openedAt > 10_000) link.attempts = 0;
    }
  };

  const wake = (): void => {
    if (current || paused) return;
    link.pause();
    guard(link.start);
  };
  const resume = (): void => {
    if (!paused) return;
    paused = false;
    wake();
  };
  const suspend = (): void => {
    paused = true;
    link.pause();
    lose();
  };
  const { document } = globals;
  let hiding: unknown;
  const onVisibility = (): void => {
    globals.clearTimeout(hiding);
    if (document?.visibilityState !== "hidden") resume();
    else if (options.pauseHidden !== undefined) hiding = startTimer(suspend, options.pauseHidden);
  };
  const listeners: [SseTarget | undefined, string, () => void][] = [
    [globals, "online", wake],
    // For the back/forward cache, which keeps no page with an open connection.
    [globals, "pagehide", suspend],
    [globals, "pageshow", resume],
    [document, "resume", wake],
    [document, "visibilitychange", onVisibility],
  ];
  onVisibility();
  for (const [target, type, listener] of listeners) target?.addEventListener?.(type, listener);

  return {
    connect,
    disconnect,
    dispose() {
      globals.clearTimeout(hiding);
      for (const [target, type, listener] of listeners) target?.removeEventListener?.(type, listener);
    },
  };
}

/** The settings of a request, in which the page's functions are called. */
async function requestInit(options: SseRequestOptions, id: string, signal: unknown): Promise<object> {
  const { headers: given, body: source, redirect, withCredentials } = options as SseRequestOptions & { withCredentials?: boolean };
  const headers = new globals.Headers(typeof given === "function" ? await given() : given);
  if (!headers.has("accept")) headers.set("accept", "text/event-stream");
  // A header is bytes: those of the ID in UTF-8.
  if (id !== "") headers.set("last-event-id", String.fromCharCode(...new globals.TextEncoder().encode(id)));
  const body: unknown = typeof source === "function" ? await source() : source;
  const { method = body === undefined ? "GET" : "POST", credentials = withCredentials ? "include" : "same-origin" } = options;
  return { method, headers, body, credentials, redirect, signal, cache: "no-store", duplex: "half" };
}

function fetchOf(options: SseRequestOptions): SseFetch {
  return (options.fetch ?? globals.fetch) as SseFetch;
}

function isStream({ status, headers, body }: SseResponse): boolean {
  return status === 200 && body !== null && /^text\/event-stream\s*(;|$)/i.test(headers.get("content-type") ?? "");
}
