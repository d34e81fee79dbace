// Code that must not compile: each wrong line ends with the error that the compiler must report there.
import { subscribe, request, decode, type RideEvent, type RideEventHandlers, type RideEventMap } from "../../contracts/ride_event.ts";
import { subscribe as subscribeReading } from "../../contracts/reading.ts";
import { subscribe as subscribeTopics } from "../../contracts/topics.ts";
import { subscribe as subscribeShared } from "../../contracts/ride_event_shared.ts";
import { subscribe as subscribeSmall } from "../../contracts/ride_event_small.ts";
import type { SseContract } from "../../contracts/sse_typed.ts";
import type { SentMap } from "../../contracts/sent.ts";

subscribe("/ride", { compelted: () => undefined }); // TS2561
subscribe("/ride", { "driver-assigned": () => undefined }); // TS2353
subscribe("/ride", { driver_assigned: ({ name }) => name }); // TS2339
subscribe("/ride", { driver_assigned: (data: { driver: number }) => data }); // TS2322
subscribe("/ride", { position: (position) => position.lat.length }); // TS2339
subscribe("/ride", { completed: (data) => data.done }); // TS18047
subscribe("/ride", { missed: ({ missed }) => missed + 1 }); // TS18047
subscribe(7); // TS2345
subscribe(); // TS2554
subscribe("/ride", {}, { onevent: () => undefined }); // TS2561
subscribe("/ride", {}, { onGap: ({ lost }) => lost }); // TS2339
subscribe("/ride", {}, { withCredentials: "yes" }); // TS2322
subscribe("/ride", {}, { EventSource: WebSocket }); // TS2322
subscribe("/ride", {}, { signal: new AbortController() }); // TS2739
subscribe("/ride", {}, { recreate: { delay: "1s" } }); // TS2322
subscribeReading("/reading", {}, { onGap: () => undefined }); // TS2353
subscribeTopics("/topics", { Ride: () => undefined }); // TS2353
subscribeTopics("/topics", { Other: ({ id }) => id }); // TS2339
subscribe("/ride", {}, { headers: { authorization: 7 } }); // TS2322
subscribe("/ride", {}, { body: { question: "?" } }); // TS2353
subscribe("/ride", {}, { body: new ReadableStream() }); // TS2322
subscribe("/ride", {}, { transport: "websocket" }); // TS2322
subscribeSmall("/ride", {}, { method: "POST" }); // TS2353
request("/ride", { recreate: false }); // TS2353
subscribeShared("/ride", { compelted: () => undefined }); // TS2561
subscribeShared("/ride", {}, { onGap: ({ lost }) => lost }); // TS2339

// A file that was generated for another version of the runtime.
export const stale: SseContract<RideEventMap> = {
  runtime: 0, // TS2322
  variants: [{ name: "arrived", types: [], form: "unit" }], // TS2322
  ignored: [],
  nested: [],
};

subscribe("/ride", {}, {
  onEvent: (event) => {
    console.log(event.data.lat); // TS2339 TS18047
    if (event.type === "arrived") return; // TS2367
    event.lastEventId = ""; // TS2540
    switch (event.type) {
      case "driver_assigned":
      case "position":
      case "missed":
        return;
      default:
        event satisfies never; // TS1360
    }
  },
});

const some: Required<RideEventHandlers> = { completed: () => undefined }; // TS2739
const wrong: RideEvent<"arrived"> | undefined = undefined; // TS2344
const data: RideEventMap["position"] = { lat: 1 }; // TS2741
const absent: SentMap["Named"] = { ...({} as SentMap["Named"]), optional: undefined }; // TS2375
const left: SentMap["Named"]["leftOut"] = null; // TS2322
const text: string = decode("position", "{}"); // TS2322
const number: number = ({} as SentMap["Named"]).opaque; // TS2322
for (const event of subscribe("/ride")) console.log(event); // TS2488
console.log(some, wrong, data, absent, left, text, number);
