// Runs a Chromium for a test: CHROMIUM=path node chromium.mjs [ORIGIN CERTIFICATE]
//
// It speaks HTTP/3 to ORIGIN, a host and a port, and trusts that certificate.
//
// Each line of standard input is a command, `{ id, command, .. }`; each line of standard output is its result,
// `{ id, value }` or `{ id, error }`, or a report of a page, `{ page, report }`. At the end of the input the browser is
// closed, so that it does not outlive the test, however that ends.
import { createHash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";
import { record } from "./recorder.mjs";

const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const [, , origin, certificate] = process.argv;
/** The settings of QUIC, which ignores `ignoreHTTPSErrors`. */
function quic() {
  if (origin === undefined) return ["--disable-quic"];
  const key = new X509Certificate(readFileSync(certificate)).publicKey.export({ type: "spki", format: "der" });
  const hash = createHash("sha256").update(key).digest("base64");
  return ["--enable-quic", `--origin-to-force-quic-on=${origin}`, `--ignore-certificate-errors-spki-list=${hash}`];
}

// A new profile for each run, and only requests of the page.
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  headless: true,
  args: ["--no-sandbox", "--disable-gpu", ...quic(), "--disable-background-networking", "--no-first-run"],
  // Playwright turns the cache off. Pages have it.
  ignoreDefaultArgs: ["--disable-back-forward-cache"],
});
const context = await browser.newContext({ ignoreHTTPSErrors: true, reducedMotion: "reduce" });
await context.exposeBinding("report", ({ page }, report) => print({ page: names.get(page), report }));
await context.addInitScript(`globalThis.record = ${record};`);
const pages = new Map();
const names = new Map();

const commands = {
  async open({ page: name, url, width = 1180, height = 800, scheme = "light" }) {
    const page = await context.newPage();
    pages.set(name, page);
    names.set(page, name);
    page.on("pageerror", (error) => print({ page: name, report: { uncaught: String(error) } }));
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme: scheme });
    await page.goto(url);
  },
  // The value of an expression in the page, awaited if it is a promise.
  evaluate: ({ page, code }) => pages.get(page).evaluate(code),
  // Waits until an expression in the page is true.
  until: async ({ page, code }) => void (await pages.get(page).waitForFunction(code, null, { polling: 50 })),
  offline: ({ offline }) => context.setOffline(offline),
  async close({ page }) {
    await pages.get(page).close();
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, command, ...parameters } = JSON.parse(line);
  // Commands run concurrently: some wait for the effect of others.
  commands[command](parameters).then(
    (value) => print({ id, value: value ?? null }),
    (error) => print({ id, error: String(error) }),
  );
}
await browser.close();
