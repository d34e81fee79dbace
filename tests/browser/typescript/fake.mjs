// An EventSource that does as the test says, and a clock that stands still until it is moved.
import assert from "node:assert/strict";

export class Fake {
  /** All that were made, in their order. */
  static made = [];

  static get last() {
    return Fake.made.at(-1);
  }

  readyState = 0;
  listeners = new Map();

  constructor(url, init) {
    this.url = url;
    this.init = init;
    Fake.made.push(this);
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

  /** As a browser tells it: nothing is heard under names that nobody listens to. */
  message(type, data, lastEventId = "") {
    this.emit(type, { data, lastEventId });
  }

  /** The connection is lost, and the browser comes back by itself. */
  lose() {
    this.readyState = 0;
    this.emit("error");
  }

  /** The browser will not come back. Some implementations say why. */
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

  /** How long until the next timer runs. */
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

/** Promises that are kept have been heard of. */
export const settled = () => new Promise((resolve) => setImmediate(resolve));

/** Runs tests one after the other, each with a clock and a fake of its own. `fetch` answers as the test says. */
export async function run(tests) {
  const { setTimeout, clearTimeout, fetch, console } = globalThis;
  const { now } = Date;
  const { random } = Math;
  for (const [name, test] of Object.entries(tests)) {
    const clock = new Clock();
    const requests = [];
    const warnings = [];
    const world = { clock, requests, warnings, answer: async () => Promise.reject(new TypeError("no network")) };
    Fake.made = [];
    globalThis.setTimeout = (...timer) => clock.setTimeout(...timer);
    globalThis.clearTimeout = (timer) => clock.clearTimeout(timer);
    globalThis.fetch = (url, init) => {
      requests.push({ url, ...init });
      const aborted = new Promise((_, reject) => init.signal.addEventListener("abort", () => reject(init.signal.reason)));
      return Promise.race([world.answer(url), aborted]);
    };
    globalThis.console = { ...console, warn: (...values) => warnings.push(values) };
    Date.now = () => clock.now;
    Math.random = () => 0;
    try {
      await test(world);
    } catch (error) {
      error.message = `${name}: ${error.message}`;
      throw error;
    } finally {
      Object.assign(globalThis, { setTimeout, clearTimeout, fetch, console });
      Date.now = now;
      Math.random = random;
    }
    console.log(`passed: ${name}`);
  }
}

/** What `fetch` answers. */
export const head = (status, headers = {}) => async () => ({ status, headers: { get: (name) => headers[name] ?? null } });

export { assert };
