// Pictures of the examples' pages: desktop and phones, light and dark, and the states when the server stops and starts again.
// cargo build --examples && CHROMIUM=$(command -v chromium) node tests/browser/screenshots.mjs FOLDER [EXAMPLE [QUERY]]
// QUERY is that of the page's URL, such as `?transport=fetch`.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const [, , folder, only, query = ""] = process.argv;
const target = process.env.CARGO_TARGET_DIR ?? fileURLToPath(new URL("../../target", import.meta.url));
const pages = {
  dashboard: {
    args: [],
    async act(page) {
      await page.waitForTimeout(62_000);
    },
    live: (page) => page.locator("#state", { hasText: "Live" }).waitFor(),
    gap: (page) => page.locator("#notice", { hasText: "missing" }).waitFor(),
  },
  notifications: {
    args: ["--pace", "500"],
    async act(page) {
      await page.click("#order-form button");
      await page.locator(".order", { hasText: "Left with" }).waitFor();
      await page.selectOption("#item", "Walking boots");
      await page.click("#order-form button");
      await page.locator(".order", { hasText: /[45] s to go/ }).waitFor();
    },
    live: (page) => page.locator("#log-state", { hasText: "Live" }).waitFor(),
    gap: (page) => page.locator("#log .gap").waitFor(),
  },
  prices: {
    args: [],
    async act(page) {
      for (const symbol of ["silver", "helio_power", "lumen"]) await page.click(`button[data-symbol=${symbol}]`);
      await page.waitForTimeout(2_000);
    },
    live: (page) => page.locator("#state", { hasText: "Live" }).waitFor(),
    gap: (page) => page.locator("#notice", { hasText: "again: the server" }).waitFor(),
  },
  resumable_chat: {
    args: ["--pace", "40"],
    async act(page) {
      await page.click("#suggestions button >> nth=1");
      await page.locator("[data-state=done]").waitFor();
      await page.fill("#question", "Write a long answer");
      await page.keyboard.press("Enter");
      await page.locator(".answer", { hasText: "is its payload" }).waitFor();
    },
    live: (page) => page.locator("#empty").waitFor(),
    // The store was in memory, so the page that asked has started the answer anew.
    gap: (page) => page.locator(".exchange:last-child[data-state=streaming]").waitFor(),
  },
};

async function start(name, port) {
  const server = spawn(resolve(target, "debug/examples", name), ["--port", String(port), ...pages[name].args]);
  const [line] = await once(server.stdout.setEncoding("utf8"), "data");
  return { server, url: /http:\S+/.exec(line)[0] };
}

async function stop(server) {
  server.kill("SIGKILL");
  await once(server, "exit");
}

async function take(browser, name, [width, height], colorScheme) {
  const { act, live, gap } = pages[name];
  let { server, url } = await start(name, 0);
  try {
    const page = await browser.newPage({ viewport: { width, height }, colorScheme, locale: "en-GB" });
    page.on("pageerror", (error) => console.error(error));
    const picture = (state) => page.screenshot({ path: `${folder}/${name}-${width}-${colorScheme}${state}.png`, fullPage: true });
    await page.goto(url + query);
    await live(page);
    await picture("-start");
    await act(page);
    await picture("");
    await stop(server);
    await page.waitForTimeout(4_000);
    await picture("-reconnecting");
    ({ server } = await start(name, new URL(url).port));
    await gap(page);
    await page.waitForTimeout(1_500);
    await picture("-gap");
    await page.close();
  } finally {
    server.kill();
  }
}

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
const looks = [[1180, 800], [390, 844], [320, 640]].flatMap((size) => ["light", "dark"].map((scheme) => [size, scheme]));
for (const name of Object.keys(pages).filter((name) => only === undefined || only === name)) {
  await Promise.all(looks.map(([size, scheme]) => take(browser, name, size, scheme)));
}
await browser.close();
