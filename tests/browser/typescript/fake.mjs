// A fake EventSource that a test controls, and a clock that the test advances.
import assert from "node:assert/strict";

export class Fake {
  /** All instances, in the order of their creation. */
  static created = [];

  static get last() {
    return Fake.created.at(-1);
  }

  readyState = 0;
  listeners = new Map();

  constructor(url, init) {
    this.url = url;
    this.init = init;
    Fake.created.push(this);
  }

  addEventListener(type, listener) {
    this.listeners.set(type, [...(this.listeners.get(type) ?? []), listener]);
  }

  close() {
    this.readyState = 2;
  }

  emit(type, properties = {}) {
    for (const listener of this.listeners.get(type) ?? []) listener({ type, ...properties });
  }

  open() {
    this.readyState = 1;
    this.emit("open");
  }

  /** Dispatches a message, as a browser does: only to listeners of its type. */
  message(type, data, lastEventId = "") {
    this.emit(type, { data, lastEventId });
  }

  /** The connection is lost, and the browser reconnects by itself. */
  lose() {
    this.readyState = 0;
    this.emit("error");
  }

  /** The browser gives up. Some implementations report the status. */
  giveUp(code) {
    this.readyState = 2;
    this.emit("error", code === undefined ? {} : { code });
  }
}

export class Clock {
  now = 0;
  timers = [];

  setTimeout(run, milliseconds) {
    const timer = { run, at: this.now + milliseconds };
    this.timers.push(timer);
    return timer;
  }

  clearTimeout(timer) {
    this.timers = this.timers.filter((other) => other !== timer);
  }

  /** The time until the next timer fires. */
  get next() {
    return Math.min(...this.timers.map(({ at }) => at)) - this.now;
  }

  async pass(milliseconds) {
    this.now += milliseconds;
    const due = this.timers.filter(({ at }) => at <= this.now);
    this.timers = this.timers.filter(({ at }) => at > this.now);
    for (const { run } of due) run();
    await settled();
  }
}

/** Resolves when the callbacks of all resolved promises have run. */
export const settled = () => new Promise((resolve) => setImmediate(resolve));

/** Runs tests one after the other, each with its own clock and fakes. A test sets the response of `fetch`. */
export async function run(tests) {
  const { setTimeout, clearTimeout, fetch, console } = globalThis;
  const { now } = Date;
  const performanceNow = performance.now;
  const { random } = Math;
  for (const [name, test] of Object.entries(tests)) {
    const clock = new Clock();
    const requests = [];
    const warnings = [];
    const world = { clock, requests, warnings, respond: async () => Promise.reject(new TypeError("no network")) };
    Fake.created = [];
    globalThis.setTimeout = (...timer) => clock.setTimeout(...timer);
    globalThis.clearTimeout = (timer) => clock.clearTimeout(timer);
    globalThis.fetch = (url, init) => {
      requests.push({ url, ...init });
      const aborted = new Promise((_, reject) => init.signal.addEventListener("abort", () => reject(init.signal.reason)));
      return Promise.race([world.respond(url), aborted]);
    };
    globalThis.console = { ...console, warn: (...values) => warnings.push(values) };
    Date.now = () => clock.now;
    performance.now = () => clock.now;
    Math.random = () => 0;
    try {
      await test(world);
    } catch (error) {
      error.message = `${name}: ${error.message}`;
      throw error;
    } finally {
      Object.assign(globalThis, { setTimeout, clearTimeout, fetch, console });
      Date.now = now;
      performance.now = performanceNow;
      Math.random = random;
    }
    console.log(`passed: ${name}`);
  }
}

/** A response of `fetch`. */
export const head = (status, headers = {}) => async () => ({ status, headers: { get: (name) => headers[name] ?? null } });

export { assert };
