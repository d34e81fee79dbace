// Reads a stream with npm's eventsource: node eventsource.mjs STREAM TYPE..
import { EventSource } from "eventsource";
import { record } from "./recorder.mjs";

const [, , url, ...types] = process.argv;
globalThis.EventSource = EventSource;
globalThis.report = (line) => console.log(JSON.stringify(line));
record(url, types); // Node ends when the source is closed.
