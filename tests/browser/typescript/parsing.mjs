// The generated `parse`, by the rules of the standard and beside the decoder in Rust: node parsing.mjs CONTRACTS CASES
//
// CASES is a file of JSON: `{ wire, cuts, events }`, where `wire` is hex and an event is `[type, data, lastEventId]`.
import { readFileSync } from "node:fs";
import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";

const { parse } = await import(pathToFileURL(`${process.argv[2]}/ride_event.js`).href);
const shared = await import(pathToFileURL(`${process.argv[2]}/ride_event_shared.js`).href);
assert.equal(typeof shared.parse, "function");

/** The events of bytes that arrive in pieces. */
async function read(bytes, cuts, lastEventId) {
  const pieces = [...cuts, bytes.length].map((end, index) => bytes.subarray(index === 0 ? 0 : cuts[index - 1], end));
  const stream = new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece);
      controller.close();
    },
  });
  const events = [];
  for await (const { eventType, data, lastEventId: id } of parse(stream, lastEventId)) events.push([eventType, data, id]);
  return events;
}

const message = (data, id = "") => ["message", data, id];
const bytes = (...values) => Buffer.concat(values.map((value) => Buffer.from(value)));

/** Each rule: its wire, and the events. */
const rules = [
  ["p1 malformed bytes become U+FFFD", bytes("data: a", [0xff, 0xe2, 0x82], "b\n\n"), [message("a\ufffd\ufffdb")]],
  ["p1 a letter of several bytes is one letter", "data: Đà Nẵng 😀\n\n", [message("Đà Nẵng 😀")]],
  ["p2 one leading BOM is removed", "\ufeffdata: a\n\n", [message("a")]],
  ["p2 a second one is not", "\ufeff\ufeffdata: a\n\ndata: b\n\n", [message("b")]],
  ["p3 a later BOM is text", "data: a\n\n\ufeffdata: b\n\ndata: \ufeffc\n\n", [message("a"), message("\ufeffc")]],
  ["p4 a line ends in CRLF, LF or CR", "data: a\r\ndata: b\rdata: c\ndata: d\r\n\r\ndata: e\r\rdata: f\n\n", [message("a\nb\nc\nd"), message("e"), message("f")]],
  ["p4 LF and CR are two line ends", "data: a\n\rdata: b\n\r", [message("a"), message("b")]],
  ["p5 no other character ends a line", "data: a\u2028b\u2029c\u0085d\ve\ff\n\n", [message("a\u2028b\u2029c\u0085d\ve\ff")]],
  ["p7 a comment is ignored", ":\n: data: x\n:data: y\ndata: a\n\n", [message("a")]],
  ["p8 exactly one space is removed", "data:a\ndata: b\ndata:  c\ndata:\td\ndata: e:f\n\n", [message("a\nb\n c\n\td\ne:f")]],
  ["p9 a line without a colon has an empty value", "data\n\nevent: x\nevent\ndata: a\n\nid: 1\nid\ndata: b\n\nretry\ndata\ndata\n\n", [message(""), message("a"), message("b"), message("\n")]],
  ["p10 names are literal", "Data: a\n data: b\ndata : c\nfoo: d\ndata: e\n\n", [message("e")]],
  ["p11 the last event type counts", "event: a\nevent: b\ndata: 1\n\nevent: a\nevent:\ndata: 2\n\ndata: 3\n\n", [["b", "1", ""], message("2"), message("3")]],
  ["p12 data lines are joined", "data: a\nid: 1\ndata: b\n\n", [message("a\nb", "1")]],
  ["p13 an ID with NUL is ignored", "id: 1\ndata: a\n\nid: 2\0\ndata: b\n\ndata: c\0\nid\n\ndata: d\n\n", [message("a", "1"), message("b", "1"), message("c\0"), message("d")]],
  ["p16 an ID without data counts for later events", "id: 1\n\ndata: a\n\n", [message("a", "1")]],
  ["p18 empty data is an event, no data is not", "data:\n\nevent: x\n\ndata\n\n", [message(""), message("")]],
  ["p19 an unfinished event is discarded", "data: a\n\nid: 1\ndata: b\n", [message("a")]],
  ["p19 an unfinished line is discarded", "data: a\n\nid: 1\ndata: b", [message("a")]],
];

let splits = 0;
for (const [name, wire, expected] of rules) {
  const all = Buffer.from(wire);
  for (let first = 0; first <= all.length; first += 1) {
    for (let second = first; second <= all.length; second += 1) {
      assert.deepEqual(await read(all, [first, second]), expected, `${name}, cut at ${first} and ${second}`);
      splits += 1;
    }
  }
  assert.deepEqual(await read(all, [...all.keys()]), expected, `${name}, byte by byte`);
}
console.log(`passed: ${rules.length} rules under ${splits} splits`);

const cases = JSON.parse(readFileSync(process.argv[3], "utf8"));
for (const { wire, cuts, events } of cases) {
  assert.deepEqual(await read(Buffer.from(wire, "hex"), cuts), events, `${wire} ${cuts}`);
}
console.log(`passed: ${cases.length} cases as in Rust`);

// p20: a CR ends an event at once, without the byte that follows it.
{
  let controller;
  const events = parse(new ReadableStream({ start: (own) => void (controller = own) }));
  controller.enqueue(Buffer.from("data: a\r\r"));
  assert.equal((await events.next()).value.data, "a");
  controller.enqueue(Buffer.from("\ndata: b\r\n\r"));
  assert.equal((await events.next()).value.data, "b");
  console.log("passed: p20");
}

// p21: the ID of the connection before is the first one.
assert.deepEqual(await read(Buffer.from("data: a\n\n"), [], "7"), [message("a", "7")]);
console.log("passed: p21");

// Leaving the loop cancels the stream, also one that fails to be cancelled; an error of the stream is thrown.
{
  let reason = "no";
  const source = { start: (own) => own.enqueue(Buffer.from("data: a\n\ndata: b\n\n")), cancel: () => ((reason = "cancelled"), Promise.reject(new Error("ignored"))) };
  for await (const { data } of parse(new ReadableStream(source))) {
    assert.equal(data, "a");
    break;
  }
  assert.equal(reason, "cancelled");
  const failing = parse(new ReadableStream({ start: (own) => own.error(new RangeError("cut")) }));
  await assert.rejects(failing.next(), RangeError);
  console.log("passed: leaving and failing");
}

// A line of 32 MB in chunks of 1 KiB is read in time that grows with its length: a quadratic reader would take hours.
{
  const chunk = Buffer.alloc(1024, "x");
  let left = 32 * 1024;
  const stream = new ReadableStream({
    start: (own) => own.enqueue(Buffer.from("data: ")),
    pull(own) {
      if (left-- > 0) return own.enqueue(chunk);
      own.enqueue(Buffer.from("\n\n"));
      own.close();
    },
  });
  for await (const { data } of parse(stream)) assert.equal(data.length, 32 * 1024 * 1024);
  console.log("passed: a long line");
}

// A chunk of 8 MB with a million short lines, which end in LF only, is read in time that grows with its length too.
{
  const chunk = Buffer.from("data: x\n\n".repeat(1_000_000));
  const stream = new ReadableStream({ start: (own) => (own.enqueue(chunk), own.close()) });
  let events = 0;
  for await (const { data } of parse(stream)) events += data.length;
  assert.equal(events, 1_000_000);
  console.log("passed: a million lines");
}

// Not every browser's stream is iterable: a reader is enough.
{
  const pieces = [Buffer.from("data: "), Buffer.from("a\n\n")];
  let cancelled = 0;
  const reader = {
    read: async () => (pieces.length > 0 ? { done: false, value: pieces.shift() } : { done: true }),
    cancel: async () => void (cancelled += 1),
  };
  const events = [];
  for await (const { data } of parse({ getReader: () => reader })) events.push(data);
  assert.deepEqual([events, cancelled], [["a"], 1]);
  console.log("passed: a reader");
}
