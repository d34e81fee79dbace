// A subscription that records its callbacks, and the compiled contracts: node SCRIPT CONTRACTS
import { pathToFileURL } from "node:url";
import { Fake } from "./fake.mjs";

export const contract = (name) => import(pathToFileURL(`${process.argv[2]}/${name}.js`).href);

export const POSITION = '{"lat":1,"lon":2}';

/** A subscription that records its callbacks. */
export function listen({ subscribe }, names = [], options = {}, url = "/events") {
  const log = [];
  const handlers = Object.fromEntries(names.map((name) => [name, (data, event) => log.push([name, data, event.lastEventId])]));
  const note = (name) => (...values) => log.push([name, ...values]);
  const hooks = ["onInvalid", "onUnknown", "onState", "onClose"].map((name) => [name, note(name)]);
  const subscription = subscribe(url, handlers, { EventSource: Fake, ...Object.fromEntries(hooks), ...options });
  /** The callbacks since the last call. */
  const takeLog = () => log.splice(0);
  return { subscription, takeLog, log };
}

export const closed = (reason, status) => [["onState", "closed"], ["onClose", { reason, status }]];
