// A subscription that `fetch` carries, with a fake server and a paused clock: node fetch.mjs CONTRACTS
import { Fake, assert, run, settled } from "./fake.mjs";
import { POSITION, closed, contract, listen } from "./listen.mjs";

const rides = [await contract("ride_event"), await contract("ride_event_shared")];
const small = await contract("ride_event_small");
const keys = await contract("keys");
const [ride] = rides;

/** A server that answers each request with the next of its answers. Without one, a request waits. */
class Server {
  requests = [];
  answers = [];
  /** The connections, in the order of their requests. */
  streams = [];

  fetch = (url, init) => {
    if (init.signal.aborted) return Promise.reject(init.signal.reason);
    this.requests.push({ url, ...init, headers: Object.fromEntries(init.headers) });
    const answer = this.answers.shift();
    return new Promise((resolve, reject) => {
      init.signal.addEventListener("abort", () => reject(init.signal.reason));
      if (answer !== undefined) resolve(answer(this, init));
    });
  };

  get last() {
    return this.streams.at(-1);
  }

  send(text) {
    this.last.controller.enqueue(Buffer.from(text));
    return settled();
  }

  async end() {
    this.last.controller.close();
    await settled();
  }

  async cut() {
    this.last.controller.error(new TypeError("network error"));
    await settled();
  }
}

const stream = (headers = {}) => (server, { signal }) => {
  const opened = { cancelled: false, pulled: 0 };
  const body = new ReadableStream(
    {
      start: (controller) => void (opened.controller = controller),
      pull: () => void (opened.pulled += 1),
      cancel: () => void (opened.cancelled = true),
    },
    { highWaterMark: 0 },
  );
  signal.addEventListener("abort", () => {
    opened.aborted = true;
    try {
      opened.controller.error(signal.reason);
    } catch {}
  });
  server.streams.push(opened);
  return new Response(body, { headers: { "content-type": "text/event-stream", ...headers } });
};
const status = (code, headers = {}, body = null) => () => new Response(body, { status: code, headers });
const noNetwork = () => Promise.reject(new TypeError("fetch failed"));

/** A subscription to a server with these answers. */
async function follow(answers, options = {}, names = ["position"], from = ride, url = "/events") {
  const server = new Server();
  server.answers.push(...answers);
  const listener = listen(from, names, { transport: "fetch", EventSource: undefined, fetch: server.fetch, ...options }, url);
  await settled();
  return { server, ...listener };
}

/** Runs a test with the events of a page. */
async function inPage(visibilityState, test) {
  const target = new EventTarget();
  const document = Object.assign(new EventTarget(), { visibilityState });
  const methods = { addEventListener: target.addEventListener.bind(target), removeEventListener: target.removeEventListener.bind(target) };
  Object.assign(globalThis, methods, { document });
  const fire = async (on, type) => {
    on.dispatchEvent(new Event(type));
    await settled();
  };
  const show = (visibilityState) => {
    document.visibilityState = visibilityState;
    return fire(document, "visibilitychange");
  };
  try {
    await test({ target, document, fire, show });
  } finally {
    for (const name of ["addEventListener", "removeEventListener", "document"]) delete globalThis[name];
  }
}

const opened = ["onState", "open"];
const lost = ["onState", "connecting"];
const position = (id) => ["position", { lat: 1, lon: 2 }, id];
const block = (id) => `id: ${id}\nevent: position\ndata: ${POSITION}\n\n`;

await run({
  async "events, states and the terminal event are as with an EventSource"() {
    for (const from of rides) {
      const { server, subscription, takeLog } = await follow([stream()], {}, ["position", "completed"], from);
      const loop = (async () => {
        const events = [];
        for await (const event of subscription) events.push([event.type, event.lastEventId]);
        return events;
      })();
      await server.send(`\ufeff: hello\n${block("1")}event: pos`);
      await server.send(`ition\r\ndata: ${POSITION}\r\n\r\n`);
      await server.send(`event: position\ndata: {\n\nevent: new_kind\ndata: x\n\nevent: completed\ndata: null\n\n${block("2")}`);
      const [invalid] = takeLog().filter(([name]) => name === "onInvalid");
      assert.deepEqual(invalid[1], { eventType: "position", data: "{", lastEventId: "1" });
      assert.deepEqual(await subscription.closed, { reason: "terminal", status: undefined });
      assert.deepEqual(await loop, [["position", "1"], ["position", "1"], ["completed", "1"]]);
      assert.equal(server.last.aborted, true);
      assert.equal(server.requests.length, 1);
      const { url, method, headers, cache, credentials, body } = server.requests[0];
      assert.deepEqual([url, method, headers, cache, credentials, body], ["/events", "GET", { accept: "text/event-stream" }, "no-store", "same-origin", undefined]);
      // The request must not outlive the page.
      assert.equal("keepalive" in server.requests[0], false);
    }
  },

  async "fetch is chosen if an EventSource cannot send the request, or if there is none"() {
    const chosen = async (options) => {
      const server = new Server();
      Fake.created = [];
      ride.subscribe("/", {}, { fetch: server.fetch, ...options });
      await settled();
      assert.equal(Fake.created.length + server.requests.length, 1);
      return server.requests.length === 1 ? server.requests[0].method : "eventsource";
    };
    assert.equal(await chosen({ EventSource: Fake }), "eventsource");
    assert.equal(await chosen({ EventSource: Fake, credentials: "omit", transport: "eventsource" }), "eventsource");
    assert.equal(await chosen({}), "GET");
    assert.equal(await chosen({ EventSource: Fake, transport: "fetch" }), "GET");
    assert.equal(await chosen({ EventSource: Fake, method: "QUERY" }), "QUERY");
    assert.equal(await chosen({ EventSource: Fake, headers: {} }), "GET");
    assert.equal(await chosen({ EventSource: Fake, body: "" }), "POST");
    assert.throws(() => ride.subscribe("/", {}, { EventSource: Fake, transport: "eventsource", method: "POST" }), /has no method/);
    assert.throws(() => ride.subscribe("/", {}, { body: new ReadableStream() }), /sent only once/);
    assert.throws(() => ride.subscribe("/", {}, { transport: "eventsource" }), /there is no EventSource here/);
    // A contract without fetch has only the EventSource.
    assert.throws(() => small.subscribe("/", {}, {}), /there is no EventSource here/);
    assert.equal(small.request, undefined);
  },

  async "each request asks for its headers and body, so that a token that has expired is replaced"({ clock }) {
    let token = 0;
    const headers = async () => ({ Authorization: `Bearer ${(token += 1)}`, "content-type": "application/json" });
    const body = () => `{"attempt":${token}}`;
    const { server, subscription, takeLog } = await follow([stream(), stream(), status(401)], { headers, body, credentials: "omit", redirect: "error" });
    await server.send(block("a"));
    await server.cut();
    assert.deepEqual(takeLog(), [opened, position("a"), lost]);
    assert.equal(clock.next, 1000);
    await clock.pass(1000);
    await server.send(block("b"));
    await server.end();
    await clock.pass(1000);
    const sent = server.requests.map(({ method, headers, body, credentials, redirect }) => [method, headers.authorization, headers["last-event-id"], body, credentials, redirect]);
    assert.deepEqual(sent, [
      ["POST", "Bearer 1", undefined, '{"attempt":1}', "omit", "error"],
      ["POST", "Bearer 2", "a", '{"attempt":2}', "omit", "error"],
      ["POST", "Bearer 3", "b", '{"attempt":3}', "omit", "error"],
    ]);
    // A 401 ends the subscription, and the loop with an error.
    assert.deepEqual(await subscription.closed, { reason: "refused", status: 401 });
    await assert.rejects((async () => { for await (const event of subscription) assert.fail(event); })(), /refused: 401/);
    assert.deepEqual(clock.timers, []);
  },

  async "a failure of the page's own function is a warning and a failed attempt"({ clock, warnings }) {
    let asked = 0;
    const headers = () => {
      asked += 1;
      if (asked === 1) throw new RangeError("no token");
      return [["x-n", `${asked}`]];
    };
    const { server } = await follow([stream()], { headers });
    assert.equal(warnings.length, 1);
    assert.match(`${warnings[0][1]}`, /no token/);
    await clock.pass(clock.next);
    assert.equal(server.requests[0].headers["x-n"], "2");
    await server.send(block("1"));
  },

  async "statuses are known at once, and final or retried"({ clock }) {
    for (const [answer, outcome] of [
      [status(204), closed("complete", 204)],
      [status(401), closed("refused", 401)],
      [status(404), closed("refused", 404)],
      [status(200, { "content-type": "text/html" }, "<p>"), closed("refused", 200)],
      [status(200, { "content-type": "text/event-streams" }, "x"), closed("refused", 200)],
      [status(200), closed("refused", 200)],
      [status(429), 1000],
      [status(503), 1000],
      [status(503, { "retry-after": "7" }), 7000],
      [noNetwork, 1000],
    ]) {
      const { server, takeLog, subscription } = await follow([answer]);
      assert.equal(server.requests.length, 1);
      if (typeof outcome === "number") {
        assert.equal(clock.next, outcome);
        assert.deepEqual(takeLog(), []);
      } else assert.deepEqual(takeLog(), outcome);
      subscription.close();
      assert.deepEqual(clock.timers, []);
    }
    const { takeLog } = await follow([status(503)], { recreate: false });
    assert.deepEqual(takeLog(), closed("refused", 503));
    const other = await follow([stream({ "content-type": "Text/Event-Stream;charset=utf-8" })]);
    assert.deepEqual(other.takeLog(), [opened]);
  },

  async "lost connections are replaced with back-off, which an event or a long connection resets"({ clock }) {
    const { server, subscription } = await follow([stream()]);
    const waits = [];
    for (let n = 0; n < 4; n += 1) {
      await server.end();
      waits.push(clock.next);
      server.answers.push(stream());
      await clock.pass(clock.next);
    }
    await server.send(block("1"));
    await server.end();
    waits.push(clock.next);
    server.answers.push(noNetwork, stream());
    await clock.pass(clock.next);
    waits.push(clock.next);
    await clock.pass(clock.next);
    await clock.pass(10_001);
    await server.end();
    waits.push(clock.next);
    assert.deepEqual(waits, [1000, 2000, 4000, 8000, 1000, 2000, 1000]);
    subscription.close();
    // Attempts are limited.
    const limited = await follow([noNetwork, noNetwork], { recreate: { attempts: 1, delay: 10 } });
    await clock.pass(clock.next);
    assert.deepEqual(limited.takeLog(), closed("refused", undefined));
  },

  async "the server's reconnection time is the shortest delay, at once and also without an event"({ clock }) {
    Math.random = () => 0.999;
    const { server } = await follow([stream(), noNetwork, noNetwork, stream()]);
    await server.send("retry: 20\n");
    await server.cut();
    assert(clock.next >= 20 && clock.next < 30, `${clock.next}`);
    await clock.pass(clock.next);
    // It is no reason to hammer a server that is away.
    assert(clock.next >= 2000, `${clock.next}`);
    await clock.pass(clock.next);
    await clock.pass(clock.next);
    await server.send(`retry: 90000\nretry: x\nretry: 1.5\n${block("1")}`);
    await server.end();
    assert(clock.next >= 90_000, `${clock.next}`);
    // A timer with a longer delay would fire at once.
    server.answers.push(stream());
    await clock.pass(clock.next);
    await server.send(`retry: ${"9".repeat(400)}\n${block("2")}`);
    await server.end();
    assert.equal(Math.round(clock.next), 2 ** 31 - 1);
  },

  async "the last event ID is exact, and its bytes are UTF-8"({ clock }) {
    const { server, subscription } = await follow([stream(), stream(), stream(), stream(), stream()], { lastEventId: "é" });
    assert.equal(server.requests[0].headers["last-event-id"], "\u00c3\u00a9");
    // Without an event, and not for an unfinished one.
    await server.send("id: 7 8\n\nid: 9\ndata: x\n");
    assert.equal(subscription.lastEventId, "7 8");
    await server.end();
    await clock.pass(clock.next);
    assert.equal(server.requests[1].headers["last-event-id"], "7 8");
    // An empty one clears it.
    await server.send(`id\nevent: position\ndata: ${POSITION}\n\n`);
    assert.equal(subscription.lastEventId, "");
    await server.end();
    await clock.pass(clock.next);
    assert.equal(server.requests[2].headers["last-event-id"], undefined);
    // A header cannot have control characters.
    await server.send("id: a\u0001b\n\n");
    await server.end();
    await clock.pass(clock.next);
    assert.deepEqual([server.requests[3].url, server.requests[3].headers["last-event-id"]], ["/events?last_event_id=a%01b", undefined]);
    // No header can have these letters as they are.
    const letters = await follow([stream()], { lastEventId: "Đ😀" });
    assert.equal(letters.server.requests[0].headers["last-event-id"], Buffer.from("Đ😀").toString("latin1"));
    const query = await follow([stream()], { lastEventId: "5", resumeBy: "query" });
    assert.deepEqual([query.server.requests[0].url, query.server.requests[0].headers["last-event-id"]], ["/events?last_event_id=5", undefined]);
  },

  async "a null does not select a variant by key"() {
    const { server, takeLog } = await follow([stream()], {}, keys.eventTypes.concat("Answer", "Failure"), keys);
    await server.send('data: {"result":null,"error":1}\n\ndata: {"result":null}\n\n');
    assert.deepEqual(takeLog().slice(1).map(([name]) => name), ["Failure", "Answer"]);
  },

  async "close, abort and leaving the loop end the request, also before its response"({ clock }) {
    const waiting = await follow([]);
    waiting.subscription.close();
    assert.equal(waiting.server.requests[0].signal.aborted, true);
    assert.deepEqual(waiting.takeLog(), closed("closed"));
    const controller = new AbortController();
    const { server, takeLog } = await follow([stream()], { signal: controller.signal });
    controller.abort();
    await settled();
    assert.equal(server.last.aborted, true);
    assert.deepEqual(takeLog(), [opened, ...closed("aborted")]);
    const left = await follow([stream()]);
    const loop = (async () => { for await (const event of left.subscription) if (event.type === "position") break; })();
    await left.server.send(block("1") + block("2"));
    await loop;
    assert.deepEqual(left.takeLog(), [opened, position("1"), position("2"), ...closed("closed")]);
    // Not even the next event of a chunk after `close()` in a handler.
    const handlers = { position: () => closing.close() };
    const inside = new Server();
    inside.answers.push(stream());
    const closing = ride.subscribe("/", handlers, { transport: "fetch", fetch: inside.fetch, onEvent: () => assert.fail() });
    await settled();
    await inside.send(block("1") + block("2"));
    assert.equal(closing.lastEventId, "1");
    // A token that arrives after the end is not sent.
    let give;
    const late = await follow([], { headers: () => new Promise((resolve) => (give = resolve)) });
    late.subscription.close();
    give({});
    await settled();
    assert.equal(late.server.requests.length, 0);
    assert.deepEqual(clock.timers, []);
  },

  async "a handler that throws is reported, and the stream continues"({ clock }) {
    const { server, takeLog } = await follow([stream()], {
      onEvent() {
        throw new RangeError("of the page");
      },
    });
    await server.send(block("1") + block("2"));
    assert.equal(takeLog().filter(([name]) => name === "position").length, 2);
    const thrown = clock.timers.splice(0);
    assert.equal(thrown.length, 2);
    assert.throws(() => thrown[0].run(), RangeError);
  },

  async "a silent connection is replaced after three keep-alives, by the clock"({ clock }) {
    const { server, takeLog } = await follow([stream({ "sse-keep-alive": "15" }), stream()]);
    await clock.pass(44_000);
    await server.send(":\n");
    await clock.pass(44_000);
    assert.deepEqual(takeLog(), [opened]);
    await clock.pass(1000);
    await settled();
    assert.deepEqual(takeLog(), [lost]);
    assert.equal(server.last.aborted, true);
    await clock.pass(clock.next);
    assert.equal(server.requests.length, 2);
    assert.deepEqual(clock.timers, [], "without the header there is no limit");
    const own = await follow([stream({ "sse-keep-alive": "15" })], { idleTimeout: 100 });
    await clock.pass(100);
    await settled();
    assert.deepEqual(own.takeLog(), [opened, lost]);
    const off = await follow([stream({ "sse-keep-alive": "0" })]);
    await clock.pass(10 ** 6);
    assert.deepEqual(off.takeLog(), [opened]);
  },

  async "a slow loop stops the reading, which is not silence"({ clock }) {
    const { server, subscription, takeLog } = await follow([stream({ "sse-keep-alive": "1" })]);
    const loop = subscription[Symbol.asyncIterator]();
    // A loop counts from its first `next`.
    for (let n = 0; n < 300; n += 1) await server.send(block(n));
    assert.equal((await loop.next()).value.lastEventId, "0");
    const { pulled } = server.last;
    await server.send(block(300));
    await server.send(block(301));
    assert(server.last.pulled <= pulled + 1, "it reads on");
    await clock.pass(60_000);
    await settled();
    assert.equal(subscription.state, "open");
    for (let n = 1; n <= 301; n += 1) assert.equal((await loop.next()).value.lastEventId, `${n}`);
    await clock.pass(3000);
    await settled();
    assert.equal(subscription.state, "connecting");
    takeLog();
    // A loop that is full does not outlive the subscription.
    subscription.close();
    assert.deepEqual(takeLog(), closed("closed"));
  },

  async "the page's own events reconnect, pause and resume"({ clock }) {
    await inPage("visible", async ({ target, document, fire, show }) => {
      const { server, subscription, takeLog } = await follow([noNetwork, stream(), stream(), stream(), stream()], { pauseHidden: 5000 });
      assert.equal(clock.next, 1000);
      await fire(target, "online");
      assert.equal(server.requests.length, 2);
      assert.deepEqual(clock.timers, []);
      await fire(target, "online");
      assert.equal(server.requests.length, 2, "it is open");
      await server.send(block("1"));
      takeLog();
      // For the back/forward cache.
      await fire(target, "pagehide");
      assert.equal(server.last.aborted, true);
      assert.deepEqual(takeLog(), [lost]);
      assert.deepEqual(clock.timers, []);
      await fire(target, "online");
      assert.equal(server.requests.length, 2, "it is paused");
      await fire(target, "pageshow");
      assert.equal(server.requests.length, 3);
      assert.equal(server.requests[2].headers["last-event-id"], "1");
      // A page that is hidden for a while.
      await show("hidden");
      await clock.pass(4999);
      await show("visible");
      await clock.pass(5000);
      assert.equal(server.requests.length, 3);
      await show("hidden");
      await clock.pass(5000);
      assert.equal(server.last.aborted, true);
      await show("visible");
      assert.equal(server.requests.length, 4);
      await server.cut();
      await fire(document, "resume");
      assert.equal(server.requests.length, 5);
      subscription.close();
      for (const type of ["online", "pageshow", "pagehide"]) await fire(target, type);
      await show("hidden");
      assert.deepEqual(clock.timers, []);
      assert.equal(server.requests.length, 5);
    });
  },

  async "a page that is hidden from the start is paused too"({ clock }) {
    await inPage("hidden", async ({ show }) => {
      const { server, subscription } = await follow([stream(), stream()], { pauseHidden: 5000 });
      await clock.pass(5000);
      assert.equal(server.last.aborted, true);
      await show("visible");
      assert.equal(server.requests.length, 2);
      subscription.close();
    });
  },

  async "a pause while a loop is slow leaves nothing behind"({ clock }) {
    await inPage("visible", async ({ target, fire }) => {
      const headers = { "sse-keep-alive": "15" };
      const { server, subscription } = await follow([stream(headers), stream(headers)]);
      const loop = subscription[Symbol.asyncIterator]();
      const first = loop.next();
      for (const part of [0, 1]) {
        await server.send(Array.from({ length: 300 }, (_, n) => block(`${part}-${n}`)).join(""));
        if (part === 0) {
          await fire(target, "pagehide");
          assert.deepEqual(clock.timers, []);
          await fire(target, "pageshow");
        }
      }
      assert.equal((await first).value.lastEventId, "0-0");
      assert.equal(server.requests[1].headers["last-event-id"], "0-299");
      assert.equal(clock.timers.length, 1, "the idle timeout of the second connection");
      subscription.close();
      await settled();
      assert.deepEqual(clock.timers, []);
    });
  },

  async "an error of the URL function ends the subscription"({ clock }) {
    let asked = 0;
    const url = () => {
      asked += 1;
      if (asked === 2) throw new RangeError("no ticket");
      return new URL("https://x.example/");
    };
    const { server, takeLog } = await follow([status(503)], {}, [], ride, url);
    assert.equal(server.requests[0].url, "https://x.example/");
    assert.throws(() => clock.timers[0].run(), RangeError);
    assert.deepEqual(takeLog(), closed("refused"));
  },
});
