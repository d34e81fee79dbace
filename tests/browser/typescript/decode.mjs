// Decodes events of a contract, each a line `[event type, data]` of the file: node decode.mjs CONTRACT CASES
import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";

const [, , contract, cases] = process.argv;
const { decode } = await import(pathToFileURL(contract).href);
for (const line of (await readFile(cases, "utf8")).trim().split("\n")) {
  const [type, data] = JSON.parse(line);
  try {
    const event = decode(type, data);
    console.log(JSON.stringify(event === undefined ? "none" : [event.type, event.data]));
  } catch {
    console.log(JSON.stringify("invalid"));
  }
}
