// The pages of the examples as pictures, on a desk and on a phone, by day and by night:
// cargo build --examples && CHROMIUM=$(command -v chromium) node tests/browser/screenshots.mjs FOLDER
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const [, , folder] = process.argv;
const pages = {
  async dashboard(page) {
    await page.waitForTimeout(10_000);
  },
  async notifications(page) {
    await page.click("#wish button");
    await page.getByText("it was left with").first().waitFor();
    await page.selectOption("#item", "Walking boots");
    await page.click("#wish button");
    await page.getByText(/on its way, [45] s to go/).waitFor();
  },
};
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
for (const [name, act] of Object.entries(pages)) {
  const program = fileURLToPath(new URL(`../../target/debug/examples/${name}`, import.meta.url));
  const server = spawn(program, ["--port", "0", ...(name === "notifications" ? ["--pace", "500"] : [])]);
  try {
    const [line] = await once(server.stdout.setEncoding("utf8"), "data");
    const url = /http:\S+/.exec(line)[0];
    for (const [width, height] of [[1180, 800], [390, 844]]) {
      for (const colorScheme of ["light", "dark"]) {
        const page = await browser.newPage({ viewport: { width, height }, colorScheme, locale: "en-GB" });
        page.on("pageerror", (error) => console.error(error));
        await page.goto(url);
        await act(page);
        await page.screenshot({ path: `${folder}/${name}-${width}-${colorScheme}.png`, fullPage: true });
        await page.close();
      }
    }
  } finally {
    server.kill();
  }
}
await browser.close();
