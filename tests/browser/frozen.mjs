// A page that Chromium freezes, as it does to save power: CHROMIUM=path node frozen.mjs MODULE
//
// MODULE is the code of an event type with `moved` events. Chromium is driven without Playwright, whose pages are always
// visible: a visible page is not frozen.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

const page = `<!doctype html><title>x</title><script type="module">
  import { subscribe } from "/module.js";
  document.addEventListener("freeze", () => console.log("freeze"));
  subscribe("/events", { moved: ({ to }) => console.log(to) }, {
    transport: "fetch",
    // The next attempt would be after a day.
    recreate: { delay: 1e8, maxDelay: 1e8 },
    onState: (state) => console.log(state),
  });
</script>`;
const requests = [];
const server = createServer((request, response) => {
  const send = (type, text) => response.writeHead(200, { "content-type": type }).end(text);
  if (request.url === "/module.js") return send("text/javascript", readFileSync(process.argv[2]));
  if (request.url !== "/events") return send("text/html", page);
  requests.push(request);
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write(`id: ${requests.length}\nevent: moved\ndata: {"to":"${requests.length}"}\n\n`);
});
server.listen(0, "127.0.0.1");
await once(server, "listening");

const profile = mkdtempSync(join(tmpdir(), "sse-typed-frozen-"));
const args = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--no-first-run"];
const browser = spawn(process.env.CHROMIUM, [...args, "--remote-debugging-pipe", `--user-data-dir=${profile}`], {
  stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
});
const [input, output] = browser.stdio.slice(3);
const answers = new Map();
/** What the page has logged, and what waits for it. */
const logged = [];
let onLog = () => {};
let buffered = "";
output.setEncoding("utf8").on("data", (data) => {
  const messages = (buffered + data).split("\0");
  buffered = messages.pop();
  for (const { id, method, params, result, error } of messages.map((message) => JSON.parse(message))) {
    if (id !== undefined) answers.get(id)(error ?? result);
    if (method !== "Runtime.consoleAPICalled") continue;
    logged.push(params.args[0].value);
    onLog();
  }
});
const send = (method, params, sessionId) => {
  const id = answers.size + 1;
  input.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
  return new Promise((resolve) => answers.set(id, resolve));
};
/** Waits until the page has logged exactly these texts. */
async function sees(...expected) {
  while (logged.length < expected.length) await new Promise((resolve) => (onLog = resolve));
  assert.deepEqual(logged, expected);
}

try {
  const { targetId } = await send("Target.createTarget", { url: `http://127.0.0.1:${server.address().port}/` });
  const { sessionId } = await send("Target.attachToTarget", { targetId, flatten: true });
  const set = (state) => send("Page.setWebLifecycleState", { state }, sessionId);
  await send("Runtime.enable", {}, sessionId);
  await sees("open", "1");
  requests[0].socket.destroy();
  await sees("open", "1", "connecting");
  await set("frozen");
  await sees("open", "1", "connecting", "freeze");
  await set("active");
  await sees("open", "1", "connecting", "freeze", "open", "2");
  assert.equal(requests[1].headers["last-event-id"], "1");
  console.log("passed: it resumes");
} finally {
  browser.kill("SIGKILL");
  await once(browser, "exit");
  rmSync(profile, { recursive: true, force: true, maxRetries: 10 });
  server.closeAllConnections();
  server.close();
}
