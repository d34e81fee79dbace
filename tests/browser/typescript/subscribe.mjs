// A subscription and a fake EventSource: node subscribe.mjs CONTRACTS
import { Fake, assert, run, settled } from "./fake.mjs";
import { POSITION, closed, contract, listen } from "./listen.mjs";

const ride = await contract("ride_event");
const form = await contract("form");
const completion = await contract("completion");
const topics = await contract("topics");
const clash = await contract("clash");
const odd = await contract("odd");

await run({
  async "each event goes to its handler, to onEvent and to loops"() {
    const all = [];
    const { subscription, heard } = listen(ride, ["driver_assigned", "position"], { onEvent: (event) => all.push(event) });
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
    assert.deepEqual(heard(), [
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
    const { heard, subscription } = listen(ride, [], {
      onEvent() {
        assert.equal(Fake.last.readyState, 2);
        throw new RangeError("of the page");
      },
    });
    assert.throws(() => Fake.last.message("completed", "null"), RangeError);
    assert.deepEqual(heard(), closed("terminal"));
    Fake.last.message("position", POSITION);
    Fake.last.giveUp();
    await settled();
    assert.deepEqual(heard(), []);
    assert.equal(subscription.state, "closed");
    assert.equal(Fake.made.length, 1);
  },

  async "a terminal event is the reason even if its handler closes"() {
    const events = [];
    const subscription = ride.subscribe("/", { completed: () => subscription.close() }, { EventSource: Fake, onClose: (closed) => events.push(closed) });
    Fake.last.message("completed", "null");
    assert.deepEqual(events, [{ reason: "terminal", status: undefined }]);
  },

  async "a gap goes to its handler and to onGap"() {
    const gaps = [];
    const { heard } = listen(ride, ["missed"], { onGap: (gap, event) => gaps.push([gap, event.type]) });
    Fake.last.message("missed", '{"missed":17,"reason":"trimmed"}', "4");
    assert.deepEqual(heard(), [["missed", { missed: 17, reason: "trimmed" }, "4"]]);
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

  async "invalid data is told, and the subscription goes on"({ warnings }) {
    const { heard } = listen(ride, ["position"]);
    Fake.last.message("position", "{", "8");
    const [[hook, event, error]] = heard();
    assert.equal(hook, "onInvalid");
    assert.deepEqual(event, { eventType: "position", data: "{", lastEventId: "8" });
    assert(error instanceof SyntaxError);
    Fake.last.message("position", POSITION, "8");
    assert.deepEqual(heard(), [["position", { lat: 1, lon: 2 }, "8"]]);
    // Nobody listens: it is a warning.
    listen(ride, [], { onInvalid: undefined });
    Fake.last.message("position", "{");
    assert.equal(warnings.length, 1);
    assert.match(warnings[0][0], /position/);
  },

  async "variants of one event type are told apart"() {
    const { heard } = listen(completion, ["Chunk", "Failed2", "Done", "Sentinel", "Unknown"]);
    Fake.last.message("message", '{"choices":["a"]}');
    Fake.last.message("message", '{"error":"full"}');
    Fake.last.message("message", "[DONE");
    Fake.last.message("Sentinel", 'x\n"');
    Fake.last.message("Sentinel", "y");
    Fake.last.message("message", "[DONE]");
    const events = heard();
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

  async "events without data move the last event ID alone"() {
    const { subscription, heard } = listen(completion, ["Chunk"]);
    Fake.last.message("message", "", "9");
    assert.deepEqual(heard(), []);
    assert.equal(subscription.lastEventId, "9");
  },

  async "text and own codecs arrive as they are, and what is hidden as JSON"() {
    const { heard } = listen(form, ["form.text", "form.csv", "form.own", "form.opaque", 'a "name" with\ttab']);
    Fake.last.message("form.text", " a\nb ");
    Fake.last.message("form.text", "");
    Fake.last.message("form.csv", "1,2");
    Fake.last.message("form.own", "[1,2]");
    Fake.last.message("form.opaque", '"1s"');
    Fake.last.message("old", "true");
    Fake.last.message("form.ping", "");
    const events = heard().map(([name, data]) => [name, data]);
    assert.deepEqual(events, [
      ["form.text", " a\nb "],
      ["form.text", ""],
      ["form.csv", "1,2"],
      ["form.own", [1, 2]],
      ["form.opaque", "1s"],
      ['a "name" with\ttab', true],
    ]);
  },

  async "unknown event types are heard as far as they are listened to"() {
    const raw = (eventType) => ({ eventType, data: "{}", lastEventId: "" });
    const without = listen(ride, [], { otherTypes: ["new_kind"] });
    for (const type of ["new_kind", "newer_kind", "message"]) Fake.last.message(type, "{}");
    assert.deepEqual(without.heard(), [["onUnknown", raw("new_kind")], ["onUnknown", raw("message")]]);
    const with_other = listen(form, ["other"], { otherTypes: ["new_kind"] });
    for (const type of ["new_kind", "newer_kind", "message"]) Fake.last.message(type, "{}");
    assert.deepEqual(with_other.heard(), [
      ["other", { eventType: "new_kind", data: "{}" }, ""],
      ["other", { eventType: "message", data: "{}" }, ""],
    ]);
  },

  async "events that are called as the browser's own are events if they have data"() {
    const { heard } = listen(topics, ["error", "open"]);
    Fake.last.open();
    Fake.last.message("error", '{"kind":"error","code":7}');
    Fake.last.message("open", "null");
    Fake.last.lose();
    assert.deepEqual(heard(), [["onState", "open"], ["error", { code: 7 }, ""], ["open", null, ""], ["onState", "connecting"]]);
    // A type that has no such events is none the wiser.
    const other = listen(ride);
    Fake.last.message("error", "{}");
    assert.deepEqual(other.heard(), [["onUnknown", { eventType: "error", data: "{}", lastEventId: "" }]]);
  },

  async "what handlers inherit is no handler"() {
    const heard = [];
    listen(clash, [], { onEvent: ({ type }) => heard.push(type) });
    Fake.last.message("constructor", "null");
    Fake.last.message("__proto__", "1");
    assert.deepEqual(heard, ["constructor", "__proto__"]);
  },

  async "a handler is called whatever its event is called"() {
    const names = ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf", "__defineGetter__", "name", "call", "temp²", "Ⓐ"];
    const heard = [];
    const note = (name) => (data, event) => heard.push([name, event.type, data === null]);
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
      // In a literal this is no property: it makes the handler the prototype.
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
      assert.deepEqual(heard.splice(0).map(([name, type]) => [name, type]), expected.map((name) => [name, name]));
    }
  },

  async "data has the keys that it has, and gives an object no others"() {
    const json = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"hasOwnProperty":1}';
    const { data } = odd.decode("constructor", json);
    // The tag is not the payload's.
    assert.deepEqual(Object.keys(data), ["constructor", "hasOwnProperty"]);
    assert.equal(Object.getPrototypeOf(data), Object.prototype);
    assert.equal({}.polluted, undefined);
    const tagged = (name) => odd.decode("message", JSON.stringify({ ["__proto__"]: name, hasOwnProperty: 1 }));
    assert.deepEqual(tagged("constructor"), { type: "constructor", data: { hasOwnProperty: 1 }, lastEventId: "" });
    assert.equal(tagged("toString").type, "toString");
    assert.equal(tagged("isPrototypeOf"), undefined);
    // Without the tag there is nothing, whatever objects inherit.
    assert.equal(odd.decode("message", "{}"), undefined);
    const { data: raw } = clash.decode("Shape", json);
    assert.deepEqual(Object.keys(raw), ["__proto__", "constructor", "hasOwnProperty"]);
  },

  async "nothing is heard after close"() {
    const { subscription, heard } = listen(ride, ["position"]);
    Fake.last.open();
    subscription.close();
    subscription.close();
    assert.deepEqual(heard(), [["onState", "open"], ...closed("closed")]);
    Fake.last.message("position", POSITION);
    Fake.last.open();
    Fake.last.lose();
    Fake.last.giveUp();
    await settled();
    assert.deepEqual(heard(), []);
    assert.equal(subscription.state, "closed");
    // Not even the rest of what hears the event that closed it.
    const second = ride.subscribe("/", { position: () => second.close() }, { EventSource: Fake, onEvent: () => assert.fail() });
    Fake.last.message("position", POSITION);
    assert.deepEqual(await second.closed, { reason: "closed", status: undefined });
  },

  async "a signal closes, at once or later, and is let go"() {
    const before = listen(ride, [], { signal: AbortSignal.abort() });
    assert.equal(Fake.made.length, 0);
    assert.deepEqual(before.heard(), closed("aborted"));
    const controller = new AbortController();
    const { heard, subscription } = listen(ride, [], { signal: controller.signal });
    controller.abort();
    assert.equal(Fake.last.readyState, 2);
    assert.deepEqual(heard(), closed("aborted"));
    for await (const event of subscription) assert.fail(event);

    let listeners = 0;
    const signal = { aborted: false, addEventListener: () => (listeners += 1), removeEventListener: () => (listeners -= 1) };
    const third = listen(ride, [], { signal });
    assert.equal(listeners, 1);
    third.subscription.close();
    assert.equal(listeners, 0);
  },

  async "a loop that is left closes, and each loop gets each event"() {
    const { subscription, heard } = listen(ride);
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
    // What came before a loop began is not for it.
    Fake.last.message("driver_assigned", "{}");
    await loop;
    assert.deepEqual(events, ["driver_assigned"]);
    assert.deepEqual(heard(), closed("closed"));
    // What was heard before the end is still there.
    const rest = [];
    for (let next = await second.next(); next.done !== true; next = await second.next()) rest.push(next.value.type);
    assert.deepEqual(rest, ["position", "position", "driver_assigned", "driver_assigned"]);
  },

  async "a loop ends with an error if the server refuses, and without one if it is complete"() {
    const refused = listen(ride);
    const loop = (async () => {
      for await (const event of refused.subscription) assert.fail(event);
    })();
    Fake.last.giveUp(403);
    await assert.rejects(loop, /refused: 403/);
    assert.deepEqual(refused.heard(), closed("refused", 403));
    const complete = listen(ride);
    Fake.last.giveUp(204);
    for await (const event of complete.subscription) assert.fail(event);
    assert.deepEqual(complete.heard(), closed("complete", 204));
  },

  async "where there is no EventSource, that is said"() {
    assert.throws(() => ride.subscribe("/events"), /there is no EventSource here/);
  },

  async "JSON can be read in other ways"() {
    const heard = [];
    const parse = (json) => JSON.parse(json, (_, value) => (typeof value === "number" ? BigInt(value) : value));
    ride.subscribe("/", { position: (data) => heard.push(data) }, { EventSource: Fake, parse });
    Fake.last.message("position", POSITION);
    assert.deepEqual(heard, [{ lat: 1n, lon: 2n }]);
    assert.deepEqual(ride.decode("position", POSITION, "7", parse), { type: "position", data: { lat: 1n, lon: 2n }, lastEventId: "7" });
  },

  async "an event that came by another way is read"() {
    assert.deepEqual(ride.decode("position", POSITION), { type: "position", data: { lat: 1, lon: 2 }, lastEventId: "" });
    assert.deepEqual(completion.decode("", "[DONE]"), { type: "Done", data: "[DONE]", lastEventId: "" });
    assert.equal(ride.decode("new_kind", "{}"), undefined);
    assert.throws(() => ride.decode("position", "{"), SyntaxError);
    assert.deepEqual(ride.eventTypes, ["driver_assigned", "position", "missed", "completed"]);
    assert.deepEqual(topics.eventTypes, ["Hello", "Bye", "ride.started", "ride.ended", "Said", "error", "open", "Lost", "Over"]);
  },
});
