// Code that must not compile: each wrong line ends with the error that the compiler must report there.
import { subscribe, decode, type RideEvent, type RideEventHandlers, type RideEventMap } from "../../contracts/ride_event.ts";
import { subscribe as subscribeReading } from "../../contracts/reading.ts";
import { subscribe as subscribeTopics } from "../../contracts/topics.ts";
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
