// How a subscription reconnects, with a fake EventSource and a paused clock: node reconnecting.mjs CONTRACTS
import { once } from "node:events";
import { Fake, assert, head, run, settled } from "./fake.mjs";
import { POSITION, closed, contract, listen } from "./listen.mjs";

const ride = await contract("ride_event");

/** Lets the browser give up, and the subscription retry. */
async function again(clock, code = 503) {
  Fake.last.giveUp(code);
  await settled();
  await clock.pass(clock.next);
}

await run({
  async "the browser's own reconnecting is not replaced"({ clock }) {
    const { takeLog } = listen(ride, ["position"]);
    for (let n = 0; n < 5; n += 1) {
      Fake.last.open();
      Fake.last.message("position", POSITION, `${n}`);
      Fake.last.lose();
      await clock.pass(5000);
    }
    assert.equal(Fake.created.length, 1);
    assert.equal(takeLog().filter(([name]) => name === "position").length, 5);
  },

  async "after the browser gives up, a new EventSource resumes after the last event, with back-off"({ clock }) {
    const { subscription, takeLog } = listen(ride, ["position"], { withCredentials: true });
    Fake.last.open();
    Fake.last.message("position", POSITION, "a b");
    Fake.last.giveUp(503);
    assert.deepEqual(takeLog().map(([name, value]) => [name, value]), [
      ["onState", "open"],
      ["position", { lat: 1, lon: 2 }],
      ["onState", "connecting"],
    ]);
    await settled();
    const waits = [];
    for (let n = 0; n < 8; n += 1) {
      waits.push(clock.next);
      await clock.pass(clock.next);
      assert.equal(Fake.created.length, n + 2);
      assert.equal(Fake.last.url, "/events?last_event_id=a%20b");
      assert.deepEqual(Fake.last.init, { withCredentials: true });
      Fake.last.giveUp(503);
      await settled();
    }
    assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
    // An event resets the delay, an open connection does not.
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

  async "delays have jitter, and limits that can be set"({ clock }) {
    Math.random = () => 0.999;
    const { takeLog } = listen(ride, [], { recreate: { delay: 100, maxDelay: 150, attempts: 2 } });
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
    assert.deepEqual(takeLog(), closed("refused", 429));
    assert.deepEqual(clock.timers, []);
  },

  async "permanent statuses are final"({ clock }) {
    for (const status of [200, 400, 401, 403, 404, 405, 410, 422]) {
      const { takeLog } = listen(ride);
      Fake.last.giveUp(status);
      await settled();
      assert.deepEqual(takeLog(), closed("refused", status), `${status}`);
    }
    assert.deepEqual(clock.timers, []);
    for (const status of [408, 425, 429, 500, 502, 503, 504]) {
      const { subscription } = listen(ride);
      await again(clock, status);
      assert.equal(subscription.state, "connecting", `${status}`);
      subscription.close();
    }
  },

  async "a status that the browser does not report is requested with HEAD"(world) {
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
      world.respond = answer;
      const { takeLog, subscription } = listen(ride, ["position"], { withCredentials: true });
      Fake.last.message("position", POSITION, "5");
      takeLog();
      Fake.last.giveUp();
      await settled();
      await settled();
      const { url, method, credentials, cache } = world.requests.at(-1);
      assert.deepEqual([url, method, credentials, cache], ["/events?last_event_id=5", "HEAD", "include", "no-store"]);
      if (typeof outcome === "number") {
        assert.equal(world.clock.next, outcome);
        assert.deepEqual(takeLog(), []);
      } else {
        assert.deepEqual(takeLog(), outcome);
      }
      subscription.close();
      assert.deepEqual(world.clock.timers, []);
    }
  },

  async "a server that does not respond to HEAD does not prevent retries, and close does not wait for it"(world) {
    world.respond = () => new Promise(() => undefined);
    const { subscription } = listen(ride);
    Fake.last.giveUp();
    await settled();
    assert.equal(world.clock.next, 10_000);
    await world.clock.pass(10_000);
    assert.equal(world.clock.next, 1000);
    await world.clock.pass(1000);
    assert.equal(Fake.created.length, 2);
    Fake.last.giveUp();
    await settled();
    subscription.close();
    await world.clock.pass(60_000);
    assert.equal(Fake.created.length, 2);
    assert.deepEqual(world.clock.timers, []);
  },

  async "with recreate: false the subscription ends when the browser gives up"({ requests }) {
    const { takeLog } = listen(ride, [], { recreate: false });
    Fake.last.lose();
    Fake.last.giveUp();
    await settled();
    assert.deepEqual(takeLog(), closed("refused", undefined));
    assert.deepEqual(requests, []);
  },

  async "the last event ID can be added to any URL"({ clock }) {
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

  async "a function returns the URL of each request, and its error ends the subscription"({ clock }) {
    let tickets = 0;
    const { subscription, takeLog } = listen(ride, [], {}, () => {
      tickets += 1;
      if (tickets === 3) throw new RangeError("no more tickets");
      return `/events?ticket=${tickets}`;
    });
    assert.equal(Fake.last.url, "/events?ticket=1");
    await again(clock);
    assert.equal(Fake.last.url, "/events?ticket=2");
    takeLog();
    Fake.last.giveUp(503);
    await settled();
    assert.throws(() => clock.timers[0].run(), RangeError);
    assert.deepEqual(takeLog(), closed("refused"));
    assert.equal(subscription.state, "closed");
    // There is no URL for a HEAD request either.
    const asking = listen(ride, [], {}, () => {
      tickets += 1;
      if (tickets === 5) throw new RangeError("no more tickets");
      return "/";
    });
    const thrown = once(process, "unhandledRejection");
    Fake.last.giveUp();
    assert.match((await thrown)[0].message, /no more tickets/);
    assert.deepEqual(asking.takeLog(), closed("refused"));
    assert.throws(() => listen(ride, [], { EventSource: class { constructor() { throw new SyntaxError("no URL"); } } }), SyntaxError);
  },

  async "an ID that the server makes the browser forget is not sent forever"({ clock }) {
    const { subscription } = listen(ride, ["position"]);
    Fake.last.message("position", POSITION, "old");
    await again(clock);
    assert.equal(Fake.last.url, "/events?last_event_id=old");
    // The server clears the ID, which a page cannot see, and ends the stream; the browser reconnects to the same URL.
    Fake.last.open();
    Fake.last.lose();
    Fake.last.open();
    Fake.last.lose();
    assert.equal(subscription.lastEventId, "");
    await clock.pass(clock.next);
    assert.equal(Fake.last.url, "/events");
    assert.equal(Fake.created.length, 3);
  },

  async "an empty ID clears the last event ID if the source has had one"({ clock }) {
    const { subscription, takeLog } = listen(ride, ["position"], { lastEventId: "0" });
    const message = (id) => {
      Fake.last.message("position", POSITION, id);
      const [[, , lastEventId]] = takeLog();
      assert.equal(lastEventId, subscription.lastEventId);
      return lastEventId;
    };
    // An EventSource also reports an empty ID before the first one.
    assert.equal(message(""), "0");
    assert.equal(message("1"), "1");
    assert.equal(message(""), "");
    assert.equal(message(""), "");
    assert.equal(message("2"), "2");
    Fake.last.giveUp(503);
    await settled();
    await clock.pass(clock.next);
    takeLog();
    // The next EventSource has had no ID either.
    assert.equal(Fake.last.url, "/events?last_event_id=2");
    assert.equal(message(""), "2");
    assert.equal(message("3"), "3");
    assert.equal(message(""), "");
    Fake.last.giveUp(503);
    await settled();
    await clock.pass(clock.next);
    takeLog();
    assert.equal(Fake.last.url, "/events");
    assert.equal(message(""), "");
    // An implementation without IDs clears none.
    message("4");
    Fake.last.emit("position", { data: POSITION });
    assert.equal(subscription.lastEventId, "4");
  },

  async "a cleared ID in the URL is not sent again"({ clock }) {
    const { subscription } = listen(ride, ["position"], { lastEventId: "5" });
    Fake.last.open();
    Fake.last.message("position", POSITION, "6");
    Fake.last.lose();
    assert.equal(Fake.created.length, 1, "the browser sends its own id");
    Fake.last.message("position", POSITION, "");
    // The browser would send no ID, and the URL has the first one.
    Fake.last.lose();
    assert.equal(subscription.state, "connecting");
    await clock.pass(clock.next);
    assert.deepEqual(Fake.created.map(({ url }) => url), ["/events?last_event_id=5", "/events"]);
    Fake.last.message("position", POSITION, "7");
    Fake.last.message("position", POSITION, "");
    Fake.last.lose();
    assert.deepEqual(clock.timers, [], "this URL has none");
  },

  async "a connection that lasts or receives an event does not count as a rejected ID"({ clock }) {
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
    assert.equal(Fake.created.length, 1);
    // Nor does any connection while the URL has no ID.
    const first = listen(ride).subscription;
    Fake.last.message("position", POSITION, "6");
    for (let n = 0; n < 5; n += 1) {
      Fake.last.open();
      Fake.last.lose();
    }
    assert.equal(first.lastEventId, "6");
    assert.equal(Fake.created.length, 2);
  },
});
