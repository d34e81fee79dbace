import { element, span } from "./dom.ts";
import type { Reading } from "./reading.ts";

/** The number of events that are shown. */
const EVENTS = 40;

const events: Reading[] = [];
let isDrawn = true;

export function record(event: Reading): void {
  events.push(event);
  if (events.length > EVENTS) events.shift();
  isDrawn = false;
}

/** Shows the last events, and scrolls to the newest unless the user has scrolled up. */
export function drawWire(): void {
  if (isDrawn) return;
  isDrawn = true;
  const pre = element("wire");
  const isAtEnd = pre.scrollHeight - pre.scrollTop - pre.clientHeight < 40;
  const line = (field: string, text: string) => [span("field", `${field}: `), `${text}\n`];
  const blocks = events.flatMap(({ type, lastEventId, data }) => [
    ...line("id", lastEventId),
    ...line("event", type),
    ...line("data", JSON.stringify(data)),
    "\n",
  ]);
  pre.replaceChildren(...blocks);
  if (isAtEnd) pre.scrollTop = pre.scrollHeight;
}
