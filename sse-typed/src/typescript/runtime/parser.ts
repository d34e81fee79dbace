/**
 * Reads the events of a response's body, or of another stream of bytes, whatever their types. Leaving the loop cancels the stream.
 * An event at the end without a blank line behind it is discarded, as the standard requires.
 */
export async function* parse(stream: SseByteStream, lastEventId = ""): AsyncGenerator<SseRaw, void, undefined> {
  const events: SseRaw[] = [];
  const parser = newParser(lastEventId, (raw) => events.push(raw));
  for await (const bytes of chunks(stream)) {
    parser.push(bytes);
    yield* events.splice(0);
  }
}

/** The chunks of a stream, which not every browser's `ReadableStream` iterates over. */
async function* chunks(stream: SseByteStream): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value as Uint8Array;
    }
  } finally {
    // A stream that has failed rejects.
    reader.cancel().catch(() => undefined);
  }
}

interface SseParser {
  /** The ID that a new connection resumes after. */
  lastEventId: string;
  /** The reconnection time of the server, in milliseconds. */
  retry: number | undefined;
  push(bytes: Uint8Array): void;
}

/** Parses by https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream */
function newParser(seed: string, onEvent: (raw: SseRaw) => void): SseParser {
  // Removes one byte order mark at the start.
  const decoder = new globals.TextDecoder("utf-8");
  /** The start of a line whose end has not arrived. */
  let rest = "";
  let afterCr = false;
  let id = seed;
  let type = "";
  let data: string | undefined;

  const readLine = (line: string): void => {
    if (line === "") {
      parser.lastEventId = id;
      const raw = { eventType: type || "message", data, lastEventId: id };
      type = "";
      data = undefined;
      if (raw.data !== undefined) onEvent(raw as SseRaw);
      return;
    }
    const colon = line.indexOf(":");
    // Without a colon the whole line is the name, and the value is empty.
    const end = colon < 0 ? line.length : colon;
    const name = line.slice(0, end);
    const value = line.slice(line[end + 1] === " " ? end + 2 : end + 1);
    if (name === "data") data = data === undefined ? value : `${data}\n${value}`;
    else if (name === "event") type = value;
    else if (name === "id" && !value.includes("\0")) id = value;
    else if (name === "retry" && /^\d+$/.test(value)) parser.retry = Math.min(Number(value), MAX_TIMER);
  };

  const parser: SseParser = {
    lastEventId: seed,
    retry: undefined,
    push(bytes) {
      const text = decoder.decode(bytes, { stream: true });
      if (text === "") return;
      let start = afterCr && text[0] === "\n" ? 1 : 0;
      afterCr = false;
      let cr = text.indexOf("\r", start);
      let lf = text.indexOf("\n", start);
      // Each position is searched for again only after it is passed: a long line is scanned once.
      while (cr >= 0 || lf >= 0) {
        const end = cr >= 0 && (lf < 0 || cr < lf) ? cr : lf;
        const line = rest + text.slice(start, end);
        rest = "";
        start = end + 1;
        if (end === cr) {
          // A CR ends its line at once. The LF after it may be in the next chunk.
          if (start === text.length) afterCr = true;
          else if (start === lf) start += 1;
          cr = text.indexOf("\r", start);
        }
        if (lf >= 0 && lf < start) lf = text.indexOf("\n", start);
        readLine(line);
      }
      rest += text.slice(start);
    },
  };
  return parser;
}
