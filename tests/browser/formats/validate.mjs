// Each event of the fixed streams is valid by its author's schema: node validate.mjs FOLDER
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { StreamResponse } from "@a2a-js/sdk";
import { EventSchema } from "@ag-ui/core/schemas";
import * as ai6 from "ai";
import * as ai5 from "ai-5";

/** The data of each event of a stream, whose events have one line of data each. */
function events(name) {
  const lines = readFileSync(`${process.argv[2]}/${name}.txt`, "utf8").split("\n");
  const data = lines.filter((line) => line.startsWith("data: ")).map((line) => line.slice(6));
  return data.filter((data) => data !== "[DONE]").map((data) => JSON.parse(data));
}

for (const [ai, unknown] of [[ai5, ["tool-approval-request", "tool-output-denied"]], [ai6, []]]) {
  for (const chunk of events("vercel_ai")) {
    const { success, error } = await ai.uiMessageChunkSchema().validate(chunk);
    assert.equal(success, !unknown.includes(chunk.type), `${JSON.stringify(chunk)}: ${error}`);
  }
}
console.log("valid: vercel_ai");

for (const event of events("ag_ui")) {
  const { success, error } = EventSchema.safeParse(event);
  assert(success, `${JSON.stringify(event)}: ${error}`);
}
console.log("valid: ag_ui");

for (const event of events("a2a").filter(({ code }) => code === undefined)) {
  // The SDK drops what it does not know.
  assert.deepEqual(StreamResponse.toJSON(StreamResponse.fromJSON(event)), event);
}
console.log("valid: a2a");
