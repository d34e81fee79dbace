// Reads a stream with npm's eventsource-parser: node parser.mjs STREAM
import { createParser } from "eventsource-parser";

const [, , url] = process.argv;
const print = (line) => console.log(JSON.stringify(line));
const parser = createParser({
  onEvent: ({ event, id, data }) => print({ event, id, data }),
  onRetry: (retry) => print({ retry }),
  onError: (error) => print({ error: error.message }),
});
const response = await fetch(url);
for await (const text of response.body.pipeThrough(new TextDecoderStream())) parser.feed(text);
