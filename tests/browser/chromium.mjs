// A page in Chromium reads a stream: CHROMIUM=path node chromium.mjs PAGE STREAM
import { chromium } from "playwright-core";
import { record } from "./recorder.mjs";

const [, , page_url, url] = process.argv;
// A new profile each time, and no request that the page has not made.
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  headless: true,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--no-first-run"],
});
try {
  const page = await browser.newPage();
  await page.exposeFunction("report", (line) => console.log(JSON.stringify(line)));
  await page.goto(page_url);
  await page.evaluate(record, url);
} finally {
  await browser.close();
}
