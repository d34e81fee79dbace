// A subscription whose page throws, closes, or waits in odd places: node callbacks.mjs CONTRACTS
import { pathToFileURL } from "node:url";
import { Fake, assert, head, run, settled } from "./fake.mjs";

const ride = await import(pathToFileURL(`${process.argv[2]}/ride_event.js`).href);

const POSITION = '{"lat":1,"lon":2}';
const MOST = 2 ** 31 - 1;

await run({
  async "a page that closes while it is asked for a URL gets no connection"({ clock }) {
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
    assert.equal(Fake.made.length, 1);
  },

  async "a page that closes as it hears of a loss is not asked for"({ requests }) {
    const onState = (state) => state === "connecting" && subscription.close();
    const subscription = ride.subscribe("/", {}, { EventSource: Fake, onState });
    Fake.last.open();
    Fake.last.giveUp();
    await settled();
    assert.deepEqual(requests, []);
    assert.equal(subscription.state, "closed");
  },

  async "an onState that throws holds up neither coming back nor the end"({ clock }) {
    const closed = [];
    const onState = (state) => {
      if (state !== "open") throw new RangeError(state);
    };
    const subscription = ride.subscribe("/", {}, { EventSource: Fake, onState, onClose: ({ reason }) => closed.push(reason) });
    Fake.last.open();
    assert.throws(() => Fake.last.giveUp(503), RangeError);
    await settled();
    await clock.pass(clock.next);
    assert.equal(Fake.made.length, 2);
    assert.throws(() => subscription.close(), RangeError);
    assert.deepEqual(closed, ["closed"]);
    assert.equal(Fake.last.readyState, 2);
  },

  async "no wait is longer than a timer can be"({ clock }) {
    // One that is runs out at once.
    const patient = { EventSource: Fake, recreate: { delay: 10 ** 9, maxDelay: Infinity } };
    Math.random = () => 0.999;
    for (let n = 0; n < 3; n += 1) {
      const subscription = ride.subscribe("/", {}, patient);
      for (let m = 0; m <= n; m += 1) {
        Fake.last.giveUp(503);
        await settled();
        assert(clock.next >= 10 ** 9 && clock.next <= MOST, `${clock.next}`);
        await clock.pass(clock.next);
      }
      subscription.close();
    }
  },

  async "a server that says to come back in a year is not asked at once"(world) {
    world.answer = head(503, { "retry-after": `${365 * 24 * 3600}` });
    const subscription = ride.subscribe("/", {}, { EventSource: Fake });
    Fake.last.giveUp();
    await settled();
    await settled();
    assert.equal(world.clock.next, MOST);
    subscription.close();
  },

  async "a content type is read in any case"(world) {
    world.answer = head(200, { "content-type": "Text/Event-Stream" });
    const subscription = ride.subscribe("/", {}, { EventSource: Fake });
    Fake.last.giveUp();
    await settled();
    await settled();
    assert.equal(subscription.state, "connecting");
    subscription.close();
  },

  async "a question that is not answered is taken back"(world) {
    world.answer = () => new Promise(() => undefined);
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

  async "an instance of a class has its methods called on it"() {
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

  async "a loop by hand can be left while it waits, and before it begins"() {
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

  async "handlers may subscribe, and an event reaches only those that were there"() {
    const heard = [];
    const inner = { position: () => heard.push("inner") };
    const position = () => {
      heard.push("outer");
      if (heard.length === 1) ride.subscribe("/inner", inner, { EventSource: Fake });
    };
    ride.subscribe("/outer", { position }, { EventSource: Fake });
    const [outer] = Fake.made;
    outer.message("position", POSITION);
    Fake.last.message("position", POSITION);
    outer.message("position", POSITION);
    assert.deepEqual(heard, ["outer", "inner", "outer"]);
  },
});
