// A subscription whose words are written down, and the contracts that are compiled: node SCRIPT CONTRACTS
import { pathToFileURL } from "node:url";
import { Fake } from "./fake.mjs";

export const contract = (name) => import(pathToFileURL(`${process.argv[2]}/${name}.js`).href);

export const POSITION = '{"lat":1,"lon":2}';

/** A subscription that writes down all that it hears. */
export function listen({ subscribe }, names = [], options = {}, url = "/events") {
  const log = [];
  const handlers = Object.fromEntries(names.map((name) => [name, (data, event) => log.push([name, data, event.lastEventId])]));
  const note = (name) => (...values) => log.push([name, ...values]);
  const hooks = ["onInvalid", "onUnknown", "onState", "onClose"].map((name) => [name, note(name)]);
  const subscription = subscribe(url, handlers, { EventSource: Fake, ...Object.fromEntries(hooks), ...options });
  /** What was heard since the last time. */
  const heard = () => log.splice(0);
  return { subscription, heard, log };
}

export const closed = (reason, status) => [["onState", "closed"], ["onClose", { reason, status }]];
