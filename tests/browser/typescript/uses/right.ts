// Code that must compile. It is not run.
import { EventSource as NodeEventSource } from "eventsource";
import * as forms from "../../contracts/form.ts";
import {
  decode,
  eventTypes,
  parse,
  request,
  subscribe,
  type Position,
  type RideEvent,
  type RideEventClosed,
  type RideEventHandlers,
  type RideEventMap,
  type RideEventRequestError,
  type RideEventSubscription,
} from "../../contracts/ride_event.ts";
import * as odd from "../../contracts/odd.ts";
import * as shared from "../../contracts/ride_event_shared.ts";
import * as topics from "../../contracts/topics.ts";
import type { Answer, AnswerRunEnds } from "../../contracts/answer.ts";
import type { CompletionMap } from "../../contracts/completion.ts";
import type { FormMap } from "../../contracts/form.ts";
import type { LargeStringMap } from "../../contracts/large_string.ts";
import type { ReceivedMap } from "../../contracts/received.ts";
import type { SentMap } from "../../contracts/sent.ts";

/** Compiles only if the two types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Same<A, B>): void => undefined;

const controller = new AbortController();
const subscription: RideEventSubscription = subscribe(
  "/ride",
  {
    driver_assigned: ({ driver, eta_s }, event) => {
      same<typeof driver, string>(true);
      same<typeof eta_s, number>(true);
      same<typeof event.type, "driver_assigned">(true);
    },
    position: (position) => same<typeof position, Position>(true),
    completed: undefined,
  },
  {
    onEvent: (event) => {
      switch (event.type) {
        case "driver_assigned":
          return event.data.eta_s;
        case "position":
          return event.data.lat;
        case "missed":
          return event.data.missed;
        case "completed":
          return event.data;
        default:
          // A new variant is an error here.
          return event satisfies never;
      }
    },
    onGap: ({ missed, reason }) => {
      same<typeof missed, number | null>(true);
      same<typeof reason, "trimmed" | "lagged" | "unknown_id" | "other">(true);
    },
    onInvalid: ({ eventType, data, lastEventId }, error) => console.warn(eventType, data, lastEventId, error),
    onUnknown: ({ eventType }) => console.warn(eventType),
    onState: (state) => same<typeof state, "connecting" | "open" | "closed">(true),
    onClose: ({ reason, status }: RideEventClosed) => console.log(reason, status),
    signal: controller.signal,
    withCredentials: true,
    lastEventId: "7",
    otherTypes: ["new_kind"],
    recreate: { delay: 100, maxDelay: 1000, attempts: 3 },
    parse: JSON.parse,
    EventSource,
  },
);

// Requires a handler for each event.
const all: Required<RideEventHandlers> = {
  driver_assigned: () => undefined,
  position: () => undefined,
  missed: () => undefined,
  completed: () => undefined,
};
subscribe(new URL("https://rides.example/"), all, { EventSource: NodeEventSource, recreate: false });
subscribe(() => `/ride?ticket=${Math.random()}`);

export async function first(): Promise<Position | undefined> {
  for await (const event of subscription) {
    same<typeof event, RideEvent>(true);
    if (event.type === "position") return event.data;
  }
  console.log((await subscription.closed).reason, subscription.lastEventId, subscription.state);
  return undefined;
}

export const read: RideEvent | undefined = decode("position", '{"lat":1,"lon":2}');
export const names: readonly string[] = eventTypes;
export const assigned: RideEvent<"driver_assigned">["data"] = { driver: "Lan", eta_s: 3 } satisfies RideEventMap["driver_assigned"];

// Requests that an EventSource cannot send.
const token = async (): Promise<string> => "secret";
subscribe("/ride", all, {
  method: "POST",
  headers: async () => ({ authorization: `Bearer ${await token()}` }),
  body: () => JSON.stringify({ from: "here" }),
  credentials: "include",
  redirect: "error",
  resumeBy: "query",
  idleTimeout: 60_000,
  pauseHidden: 60_000,
  transport: "fetch",
  fetch,
});
for (const body of ["", new FormData(), new URLSearchParams(), new Blob(), new ArrayBuffer(1), new Uint8Array(1)]) subscribe("/ride", {}, { body });
subscribe("/ride", {}, { headers: new Headers(), body: () => new Blob().stream() });

export async function ask(): Promise<void> {
  try {
    for await (const event of request(new URL("https://rides.example/"), { body: "{}", headers: [["a", "b"]], signal: controller.signal })) {
      same<typeof event, RideEvent>(true);
    }
  } catch (error) {
    const { status, body, event } = error as RideEventRequestError;
    same<typeof event, RideEvent | undefined>(true);
    console.log(status, body);
  }
  const response = await fetch("/ride");
  if (response.body !== null) {
    for await (const { eventType, data, lastEventId } of parse(response.body)) console.log(eventType.length, data.length, lastEventId.length);
  }
}

// A shared runtime gives the same types.
same<shared.RideEvent, RideEvent>(true);
same<shared.RideEventHandlers, RideEventHandlers>(true);
shared.subscribe("/ride", all, { onGap: ({ missed }) => same<typeof missed, number | null>(true) });

same<FormMap["form.level"], "debug" | "info">(true);
same<FormMap["form.csv"], string>(true);
same<FormMap["form.own"], number[]>(true);
same<FormMap["form.opaque"], unknown>(true);
same<CompletionMap["Done"], "[DONE]">(true);
same<LargeStringMap["Plain"], string>(true);
same<SentMap["Named"]["optional"], number | undefined>(true);
same<SentMap["Named"]["nullable"], number | null>(true);
same<SentMap["Kebab"]["at"], number>(true);
same<ReceivedMap["Named"]["optional"], number | null | undefined>(true);

forms.subscribe("/forms", {
  "form.line": ({ text }, { lastEventId }) => console.log(text.length, lastEventId.length),
  other: ({ eventType, data }) => console.log(eventType.length, data.length),
});
// Events of nested types, also with the names of a browser's own events.
topics.subscribe("/topics", { error: ({ code }) => console.log(code + 1), open: (data) => same<typeof data, null>(true) });

// Events and fields with any name.
odd.subscribe("/odd", {
  "temp²": (data) => {
    same<typeof data, { "°C": number; "m²"?: number }>(true);
    return data["m²"];
  },
  "Ⓐ": ({ "m²": area, "Ⓐ": inner, "½": half, été, $_1 }) => [area, inner?.["m²"], half, été, $_1],
  "__proto__": (data, { type }) => {
    same<typeof data, null>(true);
    same<typeof type, "__proto__">(true);
  },
  constructor: ({ hasOwnProperty }) => same<typeof hasOwnProperty, number | null>(true),
  toString: (data) => same<typeof data, null>(true),
  hasOwnProperty: (data) => same<typeof data, null>(true),
});

// The events that report how a run ended, by name.
same<AnswerRunEnds["lost"], "gone">(true);
export const ended = (event: Answer): event is Answer<AnswerRunEnds[keyof AnswerRunEnds]> =>
  event.type === "failed" || event.type === "stopped" || event.type === "gone";
