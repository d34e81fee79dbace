// How a subscription comes back, with a fake EventSource and a clock that stands still: node reconnecting.mjs CONTRACTS
import { once } from "node:events";
import { Fake, assert, head, run, settled } from "./fake.mjs";
import { POSITION, closed, contract, listen } from "./listen.mjs";

const ride = await contract("ride_event");

/** Has the browser give up, and the subscription try again at once. */
async function again(clock, code = 503) {
  Fake.last.giveUp(code);
  await settled();
  await clock.pass(clock.next);
}

await run({
  async "the browser's own reconnecting is left alone"({ clock }) {
    const { heard } = listen(ride, ["position"]);
    for (let n = 0; n < 5; n += 1) {
      Fake.last.open();
      Fake.last.message("position", POSITION, `${n}`);
      Fake.last.lose();
      await clock.pass(5000);
    }
    assert.equal(Fake.made.length, 1);
    assert.equal(heard().filter(([name]) => name === "position").length, 5);
  },

  async "a browser that gave up is made anew, behind the last event, and later each time"({ clock }) {
    const { subscription, heard } = listen(ride, ["position"], { withCredentials: true });
    Fake.last.open();
    Fake.last.message("position", POSITION, "a b");
    Fake.last.giveUp(503);
    assert.deepEqual(heard().map(([name, value]) => [name, value]), [
      ["onState", "open"],
      ["position", { lat: 1, lon: 2 }],
      ["onState", "connecting"],
    ]);
    await settled();
    const waits = [];
    for (let n = 0; n < 8; n += 1) {
      waits.push(clock.next);
      await clock.pass(clock.next);
      assert.equal(Fake.made.length, n + 2);
      assert.equal(Fake.last.url, "/events?last_event_id=a%20b");
      assert.deepEqual(Fake.last.init, { withCredentials: true });
      Fake.last.giveUp(503);
      await settled();
    }
    assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
    // An event begins anew, an open connection does not.
    await clock.pass(clock.next);
    Fake.last.open();
    Fake.last.giveUp(503);
    await settled();
    assert.equal(clock.next, 30_000);
    await clock.pass(clock.next);
    Fake.last.message("position", POSITION, "c");
    Fake.last.giveUp(503);
    await settled();
    assert.equal(clock.next, 1000);
    subscription.close();
    assert.deepEqual(clock.timers, []);
  },

  async "waiting has an addition of chance, and limits that can be set"({ clock }) {
    Math.random = () => 0.999;
    const { heard } = listen(ride, [], { recreate: { delay: 100, maxDelay: 150, attempts: 2 } });
    Fake.last.giveUp(500);
    await settled();
    assert(clock.next > 140 && clock.next < 150, `${clock.next}`);
    await clock.pass(clock.next);
    Fake.last.giveUp(502);
    await settled();
    assert(clock.next > 220 && clock.next < 225, `${clock.next}`);
    await clock.pass(clock.next);
    Fake.last.giveUp(429);
    await settled();
    assert.deepEqual(heard(), closed("refused", 429));
    assert.deepEqual(clock.timers, []);
  },

  async "statuses that will stay are final"({ clock }) {
    for (const status of [200, 400, 401, 403, 404, 405, 410, 422]) {
      const { heard } = listen(ride);
      Fake.last.giveUp(status);
      await settled();
      assert.deepEqual(heard(), closed("refused", status), `${status}`);
    }
    assert.deepEqual(clock.timers, []);
    for (const status of [408, 425, 429, 500, 502, 503, 504]) {
      const { subscription } = listen(ride);
      await again(clock, status);
      assert.equal(subscription.state, "connecting", `${status}`);
      subscription.close();
    }
  },

  async "a browser that does not say why is asked for by HEAD"(world) {
    const stream = { "content-type": "text/event-stream; charset=utf-8" };
    for (const [answer, outcome] of [
      [head(204), closed("complete", 204)],
      [head(401), closed("refused", 401)],
      [head(404), closed("refused", 404)],
      [head(200, { "content-type": "text/html" }), closed("refused", 200)],
      [head(200, stream), 1000],
      [head(200), 1000],
      [head(405), 1000],
      [head(501), 1000],
      [head(503), 1000],
      [head(503, { "retry-after": "7" }), 7000],
      [head(503, { "retry-after": "Fri, 31 Dec 1999 23:59:59 GMT" }), 1000],
      [async () => Promise.reject(new TypeError("no network")), 1000],
    ]) {
      world.answer = answer;
      const { heard, subscription } = listen(ride, ["position"], { withCredentials: true });
      Fake.last.message("position", POSITION, "5");
      heard();
      Fake.last.giveUp();
      await settled();
      await settled();
      const { url, method, credentials, cache } = world.requests.at(-1);
      assert.deepEqual([url, method, credentials, cache], ["/events?last_event_id=5", "HEAD", "include", "no-store"]);
      if (typeof outcome === "number") {
        assert.equal(world.clock.next, outcome);
        assert.deepEqual(heard(), []);
      } else {
        assert.deepEqual(heard(), outcome);
      }
      subscription.close();
      assert.deepEqual(world.clock.timers, []);
    }
  },

  async "a server that does not answer HEAD holds nothing up, and close does not wait"(world) {
    world.answer = () => new Promise(() => undefined);
    const { subscription } = listen(ride);
    Fake.last.giveUp();
    await settled();
    assert.equal(world.clock.next, 10_000);
    await world.clock.pass(10_000);
    assert.equal(world.clock.next, 1000);
    await world.clock.pass(1000);
    assert.equal(Fake.made.length, 2);
    Fake.last.giveUp();
    await settled();
    subscription.close();
    await world.clock.pass(60_000);
    assert.equal(Fake.made.length, 2);
    assert.deepEqual(world.clock.timers, []);
  },

  async "without recreating, giving up is the end"({ requests }) {
    const { heard } = listen(ride, [], { recreate: false });
    Fake.last.lose();
    Fake.last.giveUp();
    await settled();
    assert.deepEqual(heard(), closed("refused", undefined));
    assert.deepEqual(requests, []);
  },

  async "the place to resume at goes into any URL"({ clock }) {
    for (const [url, resumed] of [
      ["/events", "/events?last_event_id=7%26%C3%A9"],
      ["/events?a=b%20c", "/events?a=b%20c&last_event_id=7%26%C3%A9"],
      ["/events?last_event_id=1&a&a=?", "/events?a&a=?&last_event_id=7%26%C3%A9"],
      ["https://x.example/#part?", "https://x.example/?last_event_id=7%26%C3%A9#part?"],
      [new URL("https://x.example/?"), "https://x.example/?last_event_id=7%26%C3%A9"],
    ]) {
      const { subscription } = listen(ride, [], {}, url);
      assert.equal(Fake.last.url, typeof url === "string" ? url : url.href);
      Fake.last.message("position", POSITION, "7&é");
      await again(clock);
      assert.equal(Fake.last.url, resumed);
      subscription.close();
    }
    listen(ride, [], { lastEventId: "12" });
    assert.equal(Fake.last.url, "/events?last_event_id=12");
  },

  async "a function gives the URL anew, and its error is the end"({ clock }) {
    let tickets = 0;
    const { subscription, heard } = listen(ride, [], {}, () => {
      tickets += 1;
      if (tickets === 3) throw new RangeError("no more tickets");
      return `/events?ticket=${tickets}`;
    });
    assert.equal(Fake.last.url, "/events?ticket=1");
    await again(clock);
    assert.equal(Fake.last.url, "/events?ticket=2");
    heard();
    Fake.last.giveUp(503);
    await settled();
    assert.throws(() => clock.timers[0].run(), RangeError);
    assert.deepEqual(heard(), closed("refused"));
    assert.equal(subscription.state, "closed");
    // Nor is there one to ask at.
    const asking = listen(ride, [], {}, () => {
      tickets += 1;
      if (tickets === 5) throw new RangeError("no more tickets");
      return "/";
    });
    const thrown = once(process, "unhandledRejection");
    Fake.last.giveUp();
    assert.match((await thrown)[0].message, /no more tickets/);
    assert.deepEqual(asking.heard(), closed("refused"));
    assert.throws(() => listen(ride, [], { EventSource: class { constructor() { throw new SyntaxError("no URL"); } } }), SyntaxError);
  },

  async "an id that the server has the browser forget is not asked for for ever"({ clock }) {
    const { subscription } = listen(ride, ["position"]);
    Fake.last.message("position", POSITION, "old");
    await again(clock);
    assert.equal(Fake.last.url, "/events?last_event_id=old");
    // The server clears the id, which a page cannot see, and ends the stream; the browser comes back to the same URL.
    Fake.last.open();
    Fake.last.lose();
    Fake.last.open();
    Fake.last.lose();
    assert.equal(subscription.lastEventId, "");
    await clock.pass(clock.next);
    assert.equal(Fake.last.url, "/events");
    assert.equal(Fake.made.length, 3);
  },

  async "an empty id clears the last event ID, once the source has said one"({ clock }) {
    const { subscription, heard } = listen(ride, ["position"], { lastEventId: "0" });
    const message = (id) => {
      Fake.last.message("position", POSITION, id);
      const [[, , lastEventId]] = heard();
      assert.equal(lastEventId, subscription.lastEventId);
      return lastEventId;
    };
    // An EventSource says the same of an id that it has never had.
    assert.equal(message(""), "0");
    assert.equal(message("1"), "1");
    assert.equal(message(""), "");
    assert.equal(message(""), "");
    assert.equal(message("2"), "2");
    Fake.last.giveUp(503);
    await settled();
    await clock.pass(clock.next);
    heard();
    // The next one has not said any, either.
    assert.equal(Fake.last.url, "/events?last_event_id=2");
    assert.equal(message(""), "2");
    assert.equal(message("3"), "3");
    assert.equal(message(""), "");
    Fake.last.giveUp(503);
    await settled();
    await clock.pass(clock.next);
    heard();
    assert.equal(Fake.last.url, "/events");
    assert.equal(message(""), "");
    // What says nothing of ids clears none.
    message("4");
    Fake.last.emit("position", { data: POSITION });
    assert.equal(subscription.lastEventId, "4");
  },

  async "a cleared id does not come back with the URL"({ clock }) {
    const { subscription } = listen(ride, ["position"], { lastEventId: "5" });
    Fake.last.open();
    Fake.last.message("position", POSITION, "6");
    Fake.last.lose();
    assert.equal(Fake.made.length, 1, "the browser sends its own id");
    Fake.last.message("position", POSITION, "");
    // The browser would send none, and the URL has the first one.
    Fake.last.lose();
    assert.equal(subscription.state, "connecting");
    await clock.pass(clock.next);
    assert.deepEqual(Fake.made.map(({ url }) => url), ["/events?last_event_id=5", "/events"]);
    Fake.last.message("position", POSITION, "7");
    Fake.last.message("position", POSITION, "");
    Fake.last.lose();
    assert.deepEqual(clock.timers, [], "this URL has none");
  },

  async "a connection that lasted, or that gave an event, is no sign of a lost id"({ clock }) {
    const { subscription } = listen(ride, ["position"], { lastEventId: "5" });
    for (let n = 0; n < 5; n += 1) {
      Fake.last.open();
      await clock.pass(1000);
      Fake.last.lose();
      Fake.last.open();
      Fake.last.lose();
      Fake.last.lose();
      Fake.last.open();
      Fake.last.message("position", POSITION);
      Fake.last.lose();
    }
    assert.equal(subscription.lastEventId, "5");
    assert.equal(Fake.made.length, 1);
    // Nor is any, as long as the URL has none.
    const first = listen(ride).subscription;
    Fake.last.message("position", POSITION, "6");
    for (let n = 0; n < 5; n += 1) {
      Fake.last.open();
      Fake.last.lose();
    }
    assert.equal(first.lastEventId, "6");
    assert.equal(Fake.made.length, 2);
  },
});
