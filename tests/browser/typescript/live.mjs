// A page without a browser: npm's eventsource, and a subscription that prints its callbacks.
//
//     node live.mjs CONTRACT URL OPTIONS
//
// OPTIONS is JSON: `lastEventId`, `silent` (errors have no status, as in browsers), `fetch`, `abortAt` (an event's type).
import { pathToFileURL } from "node:url";
import { EventSource } from "eventsource";

const [, , contract, url, json] = process.argv;
const { lastEventId, silent, fetch, abortAt } = JSON.parse(json);
const { subscribe } = await import(pathToFileURL(contract).href);

class AsInBrowsers extends EventSource {
  addEventListener(type, listener) {
    super.addEventListener(type, (event) => listener({ type: event.type, data: event.data, lastEventId: event.lastEventId }));
  }
}

const print = (...line) => console.log(JSON.stringify(line));
const controller = new AbortController();
const subscription = subscribe(
  url,
  { position: ({ x }) => print("handler", x) },
  {
    EventSource: silent ? AsInBrowsers : EventSource,
    transport: fetch ? "fetch" : undefined,
    lastEventId,
    signal: controller.signal,
    recreate: { delay: 50 },
    onEvent({ type, data, lastEventId }) {
      print("event", type, data, lastEventId);
      if (type === abortAt) controller.abort();
    },
    onGap: ({ reason }) => print("gap", reason),
    onInvalid: ({ eventType, data }) => print("invalid", eventType, data),
    onUnknown: ({ eventType, data }) => print("unknown", eventType, data),
    onState: (state) => print("state", state),
    onClose: ({ reason, status }) => print("close", reason, status ?? null),
  },
);
let events = 0;
for await (const _ of subscription) events += 1;
print("loop", events, subscription.lastEventId);
