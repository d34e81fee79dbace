// A subscription whose callbacks throw, close it, or are slow: node callbacks.mjs CONTRACTS
import { pathToFileURL } from "node:url";
import { Fake, assert, head, run, settled } from "./fake.mjs";

const ride = await import(pathToFileURL(`${process.argv[2]}/ride_event.js`).href);

const POSITION = '{"lat":1,"lon":2}';
const MAX_TIMER = 2 ** 31 - 1;

await run({
  async "closing in the URL function opens no connection"({ clock }) {
    let asked = 0;
    const subscription = ride.subscribe(
      () => {
        asked += 1;
        if (asked === 2) subscription.close();
        return "/events";
      },
      { position: () => assert.fail("closed") },
      { EventSource: Fake },
    );
    Fake.last.giveUp(503);
    await settled();
    await clock.pass(clock.next);
    assert.deepEqual(await subscription.closed, { reason: "closed", status: undefined });
    assert.equal(asked, 2);
    assert.equal(Fake.created.length, 1);
  },

  async "closing in onState after a loss sends no HEAD request"({ requests }) {
    const onState = (state) => state === "connecting" && subscription.close();
    const subscription = ride.subscribe("/", {}, { EventSource: Fake, onState });
    Fake.last.open();
    Fake.last.giveUp();
    await settled();
    assert.deepEqual(requests, []);
    assert.equal(subscription.state, "closed");
  },

  async "an onState that throws prevents neither reconnecting nor the end"({ clock }) {
    const closed = [];
    const onState = (state) => {
      if (state !== "open") throw new RangeError(state);
    };
    const subscription = ride.subscribe("/", {}, { EventSource: Fake, onState, onClose: ({ reason }) => closed.push(reason) });
    Fake.last.open();
    assert.throws(() => Fake.last.giveUp(503), RangeError);
    await settled();
    await clock.pass(clock.next);
    assert.equal(Fake.created.length, 2);
    assert.throws(() => subscription.close(), RangeError);
    assert.deepEqual(closed, ["closed"]);
    assert.equal(Fake.last.readyState, 2);
  },

  async "no delay is longer than the longest timer"({ clock }) {
    // A longer timer would fire at once.
    const options = { EventSource: Fake, recreate: { delay: 10 ** 9, maxDelay: Infinity } };
    Math.random = () => 0.999;
    for (let n = 0; n < 3; n += 1) {
      const subscription = ride.subscribe("/", {}, options);
      for (let m = 0; m <= n; m += 1) {
        Fake.last.giveUp(503);
        await settled();
        assert(clock.next >= 10 ** 9 && clock.next <= MAX_TIMER, `${clock.next}`);
        await clock.pass(clock.next);
      }
      subscription.close();
    }
  },

  async "a retry-after of a year does not retry at once"(world) {
    world.respond = head(503, { "retry-after": `${365 * 24 * 3600}` });
    const subscription = ride.subscribe("/", {}, { EventSource: Fake });
    Fake.last.giveUp();
    await settled();
    await settled();
    assert.equal(world.clock.next, MAX_TIMER);
    subscription.close();
  },

  async "a content type is compared without regard to case"(world) {
    world.respond = head(200, { "content-type": "Text/Event-Stream" });
    const subscription = ride.subscribe("/", {}, { EventSource: Fake });
    Fake.last.giveUp();
    await settled();
    await settled();
    assert.equal(subscription.state, "connecting");
    subscription.close();
  },

  async "a HEAD request without a response is aborted"(world) {
    world.respond = () => new Promise(() => undefined);
    const subscription = ride.subscribe("/", {}, { EventSource: Fake });
    Fake.last.giveUp();
    await settled();
    assert.equal(world.requests[0].signal.aborted, false);
    await world.clock.pass(10_000);
    assert.equal(world.requests[0].signal.aborted, true);
    await world.clock.pass(1000);
    Fake.last.giveUp();
    await settled();
    subscription.close();
    assert.equal(world.requests[1].signal.aborted, true);
    await settled();
    assert.deepEqual(world.clock.timers, []);
  },

  async "methods of a class instance are called on the instance"() {
    class Page {
      seen = [];
      position({ lat }) {
        this.seen.push(lat);
      }
    }
    class Wide extends Page {}
    const page = new Wide();
    ride.subscribe("/", page, { EventSource: Fake });
    Fake.last.message("position", POSITION);
    assert.deepEqual(page.seen, [1]);
  },

  async "an iterator can be closed while it waits, and before its first next"() {
    const waiting = ride.subscribe("/", {}, { EventSource: Fake });
    const loop = waiting[Symbol.asyncIterator]();
    const next = loop.next();
    const left = loop.return();
    await settled();
    assert.equal(waiting.state, "closed");
    assert.deepEqual(await next, { done: true, value: undefined });
    assert.deepEqual(await left, { done: true, value: undefined });
    const early = ride.subscribe("/", {}, { EventSource: Fake });
    await early[Symbol.asyncIterator]().return();
    assert.equal(early.state, "closed");
  },

  async "a handler may subscribe, and the event reaches only earlier subscriptions"() {
    const calls = [];
    const inner = { position: () => calls.push("inner") };
    const position = () => {
      calls.push("outer");
      if (calls.length === 1) ride.subscribe("/inner", inner, { EventSource: Fake });
    };
    ride.subscribe("/outer", { position }, { EventSource: Fake });
    const [outer] = Fake.created;
    outer.message("position", POSITION);
    Fake.last.message("position", POSITION);
    outer.message("position", POSITION);
    assert.deepEqual(calls, ["outer", "inner", "outer"]);
  },
});
