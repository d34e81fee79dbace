/** Connects with an `EventSource`, which reconnects by itself; after an HTTP error, a new one is created. */
function eventSourceConnector(link: SseLink, Source: SseConstructor, types: readonly string[], options: { readonly withCredentials?: boolean | undefined; readonly recreate?: unknown }): SseConnector {
  const withCredentials = options.withCredentials ?? false;
  let source: SseSource | undefined;
  let headRequest: SseController | undefined;

  const disconnect = (): void => {
    source?.close();
    source = undefined;
    headRequest?.abort();
  };

  const connect = (): void => {
    const idInUrl = link.lastEventId !== "";
    const target = link.url(link.lastEventId);
    // The function that returns the URL may close the subscription.
    if (link.ended) return;
    const current = new Source(target, { withCredentials });
    source = current;
    let openedAt: number | undefined;
    // Connections in a row that ended within a second and without an event.
    let flaps = 0;
    let hasId = false;
    const onMessage = (message: SseMessage): void => {
      if (source !== current) return;
      openedAt = undefined;
      const { type: eventType, data, lastEventId: id } = message;
      // An empty ID clears the ID only if this source has had one: it is empty before the first ID too.
      if (id) hasId = true;
      link.receive({ eventType, data: String(data), lastEventId: (hasId ? id : undefined) ?? link.lastEventId });
    };
    for (const type of types) {
      if (type !== "open" && type !== "error") current.addEventListener(type, onMessage);
    }
    // Servers may use these event types too; their events have data.
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
      flaps = openedAt !== undefined && Date.now() - openedAt < 1000 ? flaps + 1 : 0;
      openedAt = undefined;
      if (idInUrl && (flaps === 2 || link.lastEventId === "")) {
        // The server has cleared the browser's ID, or cannot resume from it. It cannot clear the one in the URL.
        link.lastEventId = "";
        disconnect();
        link.retry(0);
      }
      link.setState("connecting");
    });
  };

  const onHttpError = async (code: number | undefined): Promise<void> => {
    headRequest = new globals.AbortController();
    link.fail(code === undefined ? await requestHead(link.orEnd(() => link.url(link.lastEventId)), withCredentials, headRequest) : { status: code, own: true });
  };

  return { connect, disconnect };
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
async function requestHead(url: string, withCredentials: boolean, controller: SseController): Promise<SseHead> {
  // A request without a response would block one of the browser's few connections.
  const timer = globals.setTimeout(() => controller.abort(), 10_000);
  const credentials = withCredentials ? "include" : "same-origin";
  const init = { method: "HEAD", headers: { accept: "text/event-stream" }, cache: "no-store", credentials, signal: controller.signal };
  try {
    return headOf(await globals.fetch(url, init));
  } catch {
    // Without a `fetch`, the status stays unknown.
    return {};
  } finally {
    globals.clearTimeout(timer);
  }
}

/** What the head of a response says about the next request. */
function headOf({ status, headers }: SseResponse): SseHead {
  // A date is not a number.
  return { status, type: headers.get("content-type"), retryAfter: 1000 * Number(headers.get("retry-after")) || 0 };
}

/** Whether a retry would not help. */
function isFinal({ status = 0, type, own }: SseHead): boolean {
  // Another content type is final. A server without HEAD support (405) says nothing about GET.
  if (status === 200) return own || (!!type && !/^text\/event-stream/i.test(type));
  return status >= 400 && status < 500 && ![408, 425, 429, own ? 0 : 405].includes(status);
}
