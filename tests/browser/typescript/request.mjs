// One answer as a loop, with a server in this process: node request.mjs CONTRACTS
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { contract } from "./listen.mjs";

const ride = await contract("ride_event_shared");
const inline = await contract("completion");
const reading = await contract("reading");

let answer;
const server = createServer((request, response) => answer(request, response));
server.listen(0, "127.0.0.1");
await once(server, "listening");
const url = new URL(`http://127.0.0.1:${server.address().port}/answers`);

const stream = (text, headers = {}) => (_, response) => {
  response.writeHead(200, { "content-type": "text/event-stream", ...headers });
  response.end(text);
};
const assigned = 'id: 1\nevent: driver_assigned\ndata: {"driver":"Lan","eta_s":3}\n\n';
const all = async (events) => {
  const types = [];
  for await (const { type } of events) types.push(type);
  return types;
};

const tests = {
  async "a POST is answered with events up to the terminal one"() {
    let sent;
    answer = async (request, response) => {
      let body = "";
      for await (const chunk of request) body += chunk;
      sent = [request.method, request.headers.authorization, request.headers["last-event-id"], request.headers.accept, body];
      stream(`${assigned}event: unknown\ndata: 1\n\nevent: completed\ndata: null\n\n${assigned}`)(request, response);
    };
    const headers = async () => ({ authorization: "Bearer 1", "content-type": "application/json" });
    const events = [];
    for await (const event of ride.request(() => url, { headers, body: '{"q":1}', lastEventId: "0" })) events.push(event);
    assert.deepEqual(sent, ["POST", "Bearer 1", "0", "text/event-stream", '{"q":1}']);
    assert.deepEqual(events, [
      { type: "driver_assigned", data: { driver: "Lan", eta_s: 3 }, lastEventId: "1" },
      { type: "completed", data: null, lastEventId: "1" },
    ]);
  },

  async "a function gives the body of a request, also as a stream"() {
    for (const body of [() => "asked", async () => new Blob(["asked"]), () => new Blob(["asked"]).stream()]) {
      let sent = "";
      answer = async (request, response) => {
        for await (const chunk of request) sent += chunk;
        stream("event: completed\ndata: null\n\n")(request, response);
      };
      assert.deepEqual(await all(ride.request(url, { body })), ["completed"]);
      assert.equal(sent, "asked");
    }
  },

  async "an end before the terminal event throws, also within an event"() {
    for (const text of ["", assigned, `${assigned}event: completed\ndata: null\n`]) {
      answer = stream(text);
      const seen = [];
      const loop = async () => {
        for await (const { type } of ride.request(url)) seen.push(type);
      };
      await assert.rejects(loop(), { name: "SseRequestError", message: /ended before its last event/ });
      assert.equal(seen.length, text === "" ? 0 : 1);
    }
    // A connection that is cut is an error of fetch.
    answer = (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(assigned, () => response.destroy());
    };
    await assert.rejects(all(ride.request(url)), TypeError);
    // An event type without a terminal event just ends, and so does a 204.
    answer = stream('id: 1\ndata: {"celsius":1}\n\n');
    assert.deepEqual(await all(reading.request(url)), ["message"]);
    answer = (_, response) => response.writeHead(204).end();
    assert.deepEqual(await all(ride.request(url)), []);
  },

  async "another status throws, with the start of the body"() {
    for (const [status, type, body] of [
      [401, "text/plain", "no token"],
      [500, "text/html", "é".repeat(5000)],
      [200, "application/json", "{}"],
      [503, "text/event-stream", ""],
    ]) {
      answer = (_, response) => response.writeHead(status, { "content-type": type }).end(body);
      const error = await all(ride.request(url)).catch((error) => error);
      assert(error instanceof Error);
      assert.deepEqual([error.name, error.status, error.body, error.message], ["SseRequestError", status, body.slice(0, 1024), `the server answered with ${status}`]);
    }
  },

  async "an event that reports an error throws"() {
    answer = stream('data: {"choices":["a"]}\n\ndata: {"error":"full"}\n\ndata: [DONE]\n\n');
    const seen = [];
    const error = await (async () => {
      for await (const { type } of inline.request(url)) seen.push(type);
    })().catch((error) => error);
    assert.deepEqual(seen, ["Chunk"]);
    assert.equal(error.message, 'the server reports an error: {"error":"full"}');
    assert.deepEqual(error.event, { type: "Failed2", data: { error: "full" }, lastEventId: "" });
  },

  async "data that cannot be read throws, and a custom function parses it"() {
    answer = stream("event: position\ndata: {\n\n");
    await assert.rejects(all(ride.request(url)), SyntaxError);
    answer = stream("event: completed\ndata: null\n\n");
    assert.deepEqual(await all(ride.request(url, { parse: () => assert.fail("a unit has no data") })), ["completed"]);
  },

  async "leaving the loop and the signal abort the request, which starts with the loop"() {
    let requests = 0;
    let left;
    answer = (request, response) => {
      requests += 1;
      left = once(response, "close");
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(assigned);
    };
    const events = ride.request(url);
    assert.equal(requests, 0);
    for await (const { type } of events) {
      assert.equal(type, "driver_assigned");
      break;
    }
    await left;
    const controller = new AbortController();
    const loop = (async () => {
      for await (const _ of ride.request(url, { signal: controller.signal })) controller.abort(new RangeError("enough"));
    })();
    await assert.rejects(loop, RangeError);
    await left;
    assert.equal(requests, 2);
    await assert.rejects(all(ride.request(url, { signal: AbortSignal.abort() })), { name: "AbortError" });
    assert.equal(requests, 2);
  },
};

for (const [name, test] of Object.entries(tests)) {
  try {
    await test();
  } catch (error) {
    error.message = `${name}: ${error.message}`;
    throw error;
  }
  console.log(`passed: ${name}`);
}
server.closeAllConnections();
server.close();
