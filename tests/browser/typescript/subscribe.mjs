// A subscription with a fake EventSource: node subscribe.mjs CONTRACTS
import { Fake, assert, run, settled } from "./fake.mjs";
import { POSITION, closed, contract, listen } from "./listen.mjs";

const ride = await contract("ride_event");
const form = await contract("form");
const completion = await contract("completion");
const topics = await contract("topics");
const clash = await contract("clash");
const odd = await contract("odd");
const answer = await contract("answer");

await run({
  async "each event is passed to its handler, to onEvent and to loops"() {
    const all = [];
    const { subscription, takeLog } = listen(ride, ["driver_assigned", "position"], { onEvent: (event) => all.push(event) });
    const loop = (async () => {
      const events = [];
      for await (const event of subscription) events.push(event);
      return events;
    })();
    assert.deepEqual(Fake.last.init, { withCredentials: false });
    Fake.last.open();
    Fake.last.message("driver_assigned", '{"driver":"Lan","eta_s":240}', "1");
    Fake.last.message("position", POSITION, "1");
    Fake.last.message("completed", "null", "3");
    const expected = [
      { type: "driver_assigned", data: { driver: "Lan", eta_s: 240 }, lastEventId: "1" },
      { type: "position", data: { lat: 1, lon: 2 }, lastEventId: "1" },
      { type: "completed", data: null, lastEventId: "3" },
    ];
    assert.deepEqual(all, expected);
    assert.deepEqual(await loop, expected);
    assert.deepEqual(takeLog(), [
      ["onState", "open"],
      ["driver_assigned", { driver: "Lan", eta_s: 240 }, "1"],
      ["position", { lat: 1, lon: 2 }, "1"],
      ...closed("terminal"),
    ]);
    assert.equal(subscription.lastEventId, "3");
    assert.equal(subscription.state, "closed");
    assert.deepEqual(await subscription.closed, { reason: "terminal", status: undefined });
  },

  async "a terminal event closes even if its handler throws"() {
    const { takeLog, subscription } = listen(ride, [], {
      onEvent() {
        assert.equal(Fake.last.readyState, 2);
        throw new RangeError("of the page");
      },
    });
    assert.throws(() => Fake.last.message("completed", "null"), RangeError);
    assert.deepEqual(takeLog(), closed("terminal"));
    Fake.last.message("position", POSITION);
    Fake.last.giveUp();
    await settled();
    assert.deepEqual(takeLog(), []);
    assert.equal(subscription.state, "closed");
    assert.equal(Fake.created.length, 1);
  },

  async "each event that reports the end of a run closes"() {
    for (const [type, data] of [["failed", { reason: "no tokens left" }], ["stopped", null], ["gone", null]]) {
      const { takeLog, subscription } = listen(answer, [type]);
      Fake.last.message(type, JSON.stringify(data), "2");
      Fake.last.message("token", '"a"', "3");
      Fake.last.giveUp();
      assert.deepEqual(takeLog(), [[type, data, "2"], ...closed("terminal")]);
      assert.deepEqual(await subscription.closed, { reason: "terminal", status: undefined });
    }
  },

  async "a terminal event is the reason even if its handler closes"() {
    const events = [];
    const subscription = ride.subscribe("/", { completed: () => subscription.close() }, { EventSource: Fake, onClose: (closed) => events.push(closed) });
    Fake.last.message("completed", "null");
    assert.deepEqual(events, [{ reason: "terminal", status: undefined }]);
  },

  async "a gap is passed to its handler and to onGap"() {
    const gaps = [];
    const { takeLog } = listen(ride, ["missed"], { onGap: (gap, event) => gaps.push([gap, event.type]) });
    Fake.last.message("missed", '{"missed":17,"reason":"trimmed"}', "4");
    assert.deepEqual(takeLog(), [["missed", { missed: 17, reason: "trimmed" }, "4"]]);
    assert.deepEqual(gaps, [[{ missed: 17, reason: "trimmed" }, "missed"]]);
    const nested = [];
    listen(topics, [], { onGap: (gap) => nested.push(gap.reason) });
    Fake.last.message("Lost", '{"missed":null,"reason":"lagged"}');
    Fake.last.message("Hello", "null");
    assert.deepEqual(nested, ["lagged"]);
    const options = { EventSource: Fake, onGap: () => assert.fail("the handler has closed it") };
    const last = ride.subscribe("/", { missed: () => last.close() }, options);
    Fake.last.message("missed", "{}");
  },

  async "invalid data is passed to onInvalid, and the subscription continues"({ warnings }) {
    const { takeLog } = listen(ride, ["position"]);
    Fake.last.message("position", "{", "8");
    const [[hook, event, error]] = takeLog();
    assert.equal(hook, "onInvalid");
    assert.deepEqual(event, { eventType: "position", data: "{", lastEventId: "8" });
    assert(error instanceof SyntaxError);
    Fake.last.message("position", POSITION, "8");
    assert.deepEqual(takeLog(), [["position", { lat: 1, lon: 2 }, "8"]]);
    // Without onInvalid it is a warning.
    listen(ride, [], { onInvalid: undefined });
    Fake.last.message("position", "{");
    assert.equal(warnings.length, 1);
    assert.match(warnings[0][0], /position/);
  },

  async "variants of one event type are distinguished"() {
    const { takeLog } = listen(completion, ["Chunk", "Failed2", "Done", "Sentinel", "Unknown"]);
    Fake.last.message("message", '{"choices":["a"]}');
    Fake.last.message("message", '{"error":"full"}');
    Fake.last.message("message", "[DONE");
    Fake.last.message("Sentinel", 'x\n"');
    Fake.last.message("Sentinel", "y");
    Fake.last.message("message", "[DONE]");
    const events = takeLog();
    assert.equal(events[2][2] instanceof SyntaxError, true);
    assert.match(events[4][2].message, /expected `x/);
    assert.deepEqual(events.filter(([name]) => name !== "onInvalid"), [
      ["Chunk", { choices: ["a"] }, ""],
      ["Failed2", { error: "full" }, ""],
      ["Sentinel", 'x\n"', ""],
      ["Done", "[DONE]", ""],
      ...closed("terminal"),
    ]);
  },

  async "events without data only set the last event ID"() {
    const { subscription, takeLog } = listen(completion, ["Chunk"]);
    Fake.last.message("message", "", "9");
    assert.deepEqual(takeLog(), []);
    assert.equal(subscription.lastEventId, "9");
  },

  async "text and custom codecs are passed as text, and hidden types as JSON"() {
    const { takeLog } = listen(form, ["form.text", "form.csv", "form.own", "form.opaque", 'a "name" with\ttab']);
    Fake.last.message("form.text", " a\nb ");
    Fake.last.message("form.text", "");
    Fake.last.message("form.csv", "1,2");
    Fake.last.message("form.own", "[1,2]");
    Fake.last.message("form.opaque", '"1s"');
    Fake.last.message("old", "true");
    Fake.last.message("form.ping", "");
    const events = takeLog().map(([name, data]) => [name, data]);
    assert.deepEqual(events, [
      ["form.text", " a\nb "],
      ["form.text", ""],
      ["form.csv", "1,2"],
      ["form.own", [1, 2]],
      ["form.opaque", "1s"],
      ['a "name" with\ttab', true],
    ]);
  },

  async "unknown events are received if their types are listened to"() {
    const raw = (eventType) => ({ eventType, data: "{}", lastEventId: "" });
    const without = listen(ride, [], { otherTypes: ["new_kind"] });
    for (const type of ["new_kind", "newer_kind", "message"]) Fake.last.message(type, "{}");
    assert.deepEqual(without.takeLog(), [["onUnknown", raw("new_kind")], ["onUnknown", raw("message")]]);
    const with_other = listen(form, ["other"], { otherTypes: ["new_kind"] });
    for (const type of ["new_kind", "newer_kind", "message"]) Fake.last.message(type, "{}");
    assert.deepEqual(with_other.takeLog(), [
      ["other", { eventType: "new_kind", data: "{}" }, ""],
      ["other", { eventType: "message", data: "{}" }, ""],
    ]);
  },

  async "events with the names of the browser's own are events if they have data"() {
    const { takeLog } = listen(topics, ["error", "open"]);
    Fake.last.open();
    Fake.last.message("error", '{"kind":"error","code":7}');
    Fake.last.message("open", "null");
    Fake.last.lose();
    assert.deepEqual(takeLog(), [["onState", "open"], ["error", { code: 7 }, ""], ["open", null, ""], ["onState", "connecting"]]);
    // An event type without such variants does not receive them.
    const other = listen(ride);
    Fake.last.message("error", "{}");
    assert.deepEqual(other.takeLog(), [["onUnknown", { eventType: "error", data: "{}", lastEventId: "" }]]);
  },

  async "inherited members are not handlers"() {
    const calls = [];
    listen(clash, [], { onEvent: ({ type }) => calls.push(type) });
    Fake.last.message("constructor", "null");
    Fake.last.message("__proto__", "1");
    assert.deepEqual(calls, ["constructor", "__proto__"]);
  },

  async "a handler is called whatever the name of its event"() {
    const names = ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf", "__defineGetter__", "name", "call", "temp²", "Ⓐ"];
    const calls = [];
    const note = (name) => (data, event) => calls.push([name, event.type, data === null]);
    class Handlers {
      ["__proto__"](data, event) {
        note("__proto__")(data, event);
      }
      toString(data, event) {
        note("toString")(data, event);
      }
      hasOwnProperty(data, event) {
        note("hasOwnProperty")(data, event);
      }
      name(data, event) {
        note("name")(data, event);
      }
      call(data, event) {
        note("call")(data, event);
      }
    }
    class Statics {
      static name(data, event) {
        note("name")(data, event);
      }
      static call(data, event) {
        note("call")(data, event);
      }
    }
    const own = Object.fromEntries(names.map((name) => [name, note(name)]));
    for (const [handlers, expected] of [
      [own, names],
      [Object.assign(Object.create(null), own), names],
      // In a literal this is not a property: it makes the handler the prototype.
      [{ __proto__: note("__proto__") }, ["__proto__"]],
      [{ "__proto__": note("__proto__"), name: note("name"), toString: note("toString") }, ["__proto__", "toString", "name"]],
      [{ ["__proto__"]: note("__proto__"), constructor: note("constructor") }, ["__proto__", "constructor"]],
      [new Handlers(), ["__proto__", "toString", "hasOwnProperty", "name", "call"]],
      [new (class extends Handlers {})(), ["__proto__", "toString", "hasOwnProperty", "name", "call"]],
      [Statics, ["name", "call"]],
      [class extends Statics {}, ["call"]],
      [class {}, []],
      [{}, []],
      [{ __proto__: null }, []],
    ]) {
      const all = [];
      odd.subscribe("/", handlers, { EventSource: Fake, onEvent: ({ type }) => all.push(type) });
      for (const name of names) Fake.last.message(name, `{"__proto__":"${name}"}`);
      assert.deepEqual(all, names);
      assert.deepEqual(calls.splice(0).map(([name, type]) => [name, type]), expected.map((name) => [name, name]));
    }
  },

  async "keys of the data are its own properties only"() {
    const json = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"hasOwnProperty":1}';
    const { data } = odd.decode("constructor", json);
    // The tag is not part of the payload.
    assert.deepEqual(Object.keys(data), ["constructor", "hasOwnProperty"]);
    assert.equal(Object.getPrototypeOf(data), Object.prototype);
    assert.equal({}.polluted, undefined);
    const tagged = (name) => odd.decode("message", JSON.stringify({ ["__proto__"]: name, hasOwnProperty: 1 }));
    assert.deepEqual(tagged("constructor"), { type: "constructor", data: { hasOwnProperty: 1 }, lastEventId: "" });
    assert.equal(tagged("toString").type, "toString");
    assert.equal(tagged("isPrototypeOf"), undefined);
    // Without the tag there is no event, whatever objects inherit.
    assert.equal(odd.decode("message", "{}"), undefined);
    const { data: raw } = clash.decode("Shape", json);
    assert.deepEqual(Object.keys(raw), ["__proto__", "constructor", "hasOwnProperty"]);
  },

  async "no callback is called after close"() {
    const { subscription, takeLog } = listen(ride, ["position"]);
    Fake.last.open();
    subscription.close();
    subscription.close();
    assert.deepEqual(takeLog(), [["onState", "open"], ...closed("closed")]);
    Fake.last.message("position", POSITION);
    Fake.last.open();
    Fake.last.lose();
    Fake.last.giveUp();
    await settled();
    assert.deepEqual(takeLog(), []);
    assert.equal(subscription.state, "closed");
    // Not even the remaining callbacks of the event that closed it.
    const second = ride.subscribe("/", { position: () => second.close() }, { EventSource: Fake, onEvent: () => assert.fail() });
    Fake.last.message("position", POSITION);
    assert.deepEqual(await second.closed, { reason: "closed", status: undefined });
  },

  async "a signal closes, at once or later, and its listener is removed"() {
    const before = listen(ride, [], { signal: AbortSignal.abort() });
    assert.equal(Fake.created.length, 0);
    assert.deepEqual(before.takeLog(), closed("aborted"));
    const controller = new AbortController();
    const { takeLog, subscription } = listen(ride, [], { signal: controller.signal });
    controller.abort();
    assert.equal(Fake.last.readyState, 2);
    assert.deepEqual(takeLog(), closed("aborted"));
    for await (const event of subscription) assert.fail(event);

    let listeners = 0;
    const signal = { aborted: false, addEventListener: () => (listeners += 1), removeEventListener: () => (listeners -= 1) };
    const third = listen(ride, [], { signal });
    assert.equal(listeners, 1);
    third.subscription.close();
    assert.equal(listeners, 0);
  },

  async "leaving a loop closes, and each loop receives each event"() {
    const { subscription, takeLog } = listen(ride);
    const second = subscription[Symbol.asyncIterator]();
    Fake.last.message("position", POSITION);
    Fake.last.message("position", POSITION);
    Fake.last.message("driver_assigned", "{}");
    const events = [];
    const loop = (async () => {
      for await (const event of subscription) {
        events.push(event.type);
        if (event.type === "driver_assigned") break;
      }
    })();
    // A loop does not receive earlier events.
    Fake.last.message("driver_assigned", "{}");
    await loop;
    assert.deepEqual(events, ["driver_assigned"]);
    assert.deepEqual(takeLog(), closed("closed"));
    // Events before the end are still queued.
    const rest = [];
    for (let next = await second.next(); next.done !== true; next = await second.next()) rest.push(next.value.type);
    assert.deepEqual(rest, ["position", "position", "driver_assigned", "driver_assigned"]);
  },

  async "a loop ends with an error if the server refuses, and without one if the stream is complete"() {
    const refused = listen(ride);
    const loop = (async () => {
      for await (const event of refused.subscription) assert.fail(event);
    })();
    Fake.last.giveUp(403);
    await assert.rejects(loop, /refused: 403/);
    assert.deepEqual(refused.takeLog(), closed("refused", 403));
    const complete = listen(ride);
    Fake.last.giveUp(204);
    for await (const event of complete.subscription) assert.fail(event);
    assert.deepEqual(complete.takeLog(), closed("complete", 204));
  },

  async "without an EventSource and without fetch, subscribe throws"() {
    globalThis.fetch = undefined;
    assert.throws(() => ride.subscribe("/events"), /there is no EventSource here/);
    assert.throws(() => ride.subscribe("/events", {}, { method: "POST" }), /there is no fetch here/);
  },

  async "a custom function can parse JSON"() {
    const calls = [];
    const parse = (json) => JSON.parse(json, (_, value) => (typeof value === "number" ? BigInt(value) : value));
    ride.subscribe("/", { position: (data) => calls.push(data) }, { EventSource: Fake, parse });
    Fake.last.message("position", POSITION);
    assert.deepEqual(calls, [{ lat: 1n, lon: 2n }]);
    assert.deepEqual(ride.decode("position", POSITION, "7", parse), { type: "position", data: { lat: 1n, lon: 2n }, lastEventId: "7" });
  },

  async "decode reads an event that was received in another way"() {
    assert.deepEqual(ride.decode("position", POSITION), { type: "position", data: { lat: 1, lon: 2 }, lastEventId: "" });
    assert.deepEqual(completion.decode("", "[DONE]"), { type: "Done", data: "[DONE]", lastEventId: "" });
    assert.equal(ride.decode("new_kind", "{}"), undefined);
    assert.throws(() => ride.decode("position", "{"), SyntaxError);
    assert.deepEqual(ride.eventTypes, ["driver_assigned", "position", "missed", "completed"]);
    assert.deepEqual(topics.eventTypes, ["Hello", "Bye", "ride.started", "ride.ended", "Said", "error", "open", "Lost", "Over"]);
  },
});
