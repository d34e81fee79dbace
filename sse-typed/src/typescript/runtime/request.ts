/** The settings of one request. */
export interface SseRequestInit extends SseRequestOptions {
  /** Aborts the request. The loop throws the signal's reason. */
  readonly signal?: (SseAbortSignal & { readonly reason?: unknown }) | undefined;
  /** The last event ID to resume from. */
  readonly lastEventId?: string | undefined;
  /** Replaces `JSON.parse`. */
  readonly parse?: ((json: string) => unknown) | undefined;
}

/** The error of a request. */
export interface SseRequestError<M> {
  readonly name: "SseRequestError";
  readonly message: string;
  /** The HTTP status, if it is not that of a stream. */
  readonly status?: number;
  /** The start of the body, up to 1024 characters, with that status. */
  readonly body?: string;
  /** The event that reports an error of the server. */
  readonly event?: SseEvent<M>;
}

/** Receives the events of one answer: the `request` of every generated file. */
export async function* requestFrom<M>(contract: SseContract<M>, url: SseUrl, init: SseRequestInit): AsyncGenerator<SseEvent<M>, void, undefined> {
  const controller = new globals.AbortController();
  const { signal, parse: parseJson = JSON.parse, lastEventId: id = "" } = init;
  const abort = (): void => controller.abort(signal?.reason);
  if (signal?.aborted) abort();
  signal?.addEventListener("abort", abort);
  const failed = (message: string, details?: object) => Object.assign(new Error(message), { name: "SseRequestError", ...details });
  try {
    const response = await fetchOf(init)(urlOf(url), await requestInit(init, id, controller.signal));
    const { status } = response;
    if (status === 204) return;
    if (!isStream(response)) throw failed(`the server answered with ${status}`, { status, body: await startOf(response) });
    for await (const { eventType, data, lastEventId } of parse(response.body as SseByteStream, id)) {
      const read = readEvent(contract, eventType, data, lazyJson(parseJson, data));
      if (typeof read === "string") continue;
      const event = { type: read.variant.name, data: read.data, lastEventId } as unknown as SseEvent<M>;
      if (read.variant.error) throw failed(`the server reports an error: ${data}`, { event });
      yield event;
      if (read.variant.terminal) return;
    }
    if (variantsOf(contract).some(({ terminal }) => terminal)) throw failed("the answer has ended before its last event");
  } finally {
    signal?.removeEventListener("abort", abort);
    controller.abort();
  }
}

async function startOf({ body }: SseResponse): Promise<string> {
  const decoder = new globals.TextDecoder("utf-8");
  let text = "";
  if (body !== null) {
    for await (const bytes of chunks(body)) {
      text += decoder.decode(bytes, { stream: true });
      if (text.length >= 1024) break;
    }
  }
  return text.slice(0, 1024);
}
