// npm's eventsource reads a stream: node eventsource.mjs PAGE STREAM
import { EventSource } from "eventsource";
import { record } from "./recorder.mjs";

const [, , , url] = process.argv;
globalThis.EventSource = EventSource;
globalThis.report = (line) => console.log(JSON.stringify(line));
await record(url);
