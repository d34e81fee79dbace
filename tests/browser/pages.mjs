// Compiles and bundles the pages of the examples: node pages.mjs [--write]
//
// The bundles are committed, so that the examples do not need Node. Without `--write` this lists the outdated bundles.
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const tsc = spawnSync(process.execPath, [path("node_modules/typescript/bin/tsc"), "-p", path("tsconfig.pages.json")], { stdio: "inherit" });
if (tsc.status !== 0) process.exit(1);

for (const example of ["dashboard", "notifications", "prices", "resumable_chat"]) {
  const folder = path(`../../examples/${example}/page`);
  const { outputFiles } = await build({
    absWorkingDir: folder,
    entryPoints: ["app.ts"],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2022",
    charset: "utf8",
    logLevel: "warning",
    tsconfigRaw: "{}",
    banner: { js: `// Bundled from examples/${example}/page/app.ts, by tests/browser/pages.mjs.` },
  });
  const bundle = outputFiles[0].text;
  const committed = () => readFileSync(`${folder}/app.js`, "utf8").replaceAll("\r\n", "\n");
  if (process.argv.includes("--write")) writeFileSync(`${folder}/app.js`, bundle);
  else if (committed() !== bundle) {
    console.error(`examples/${example}/page/app.js is outdated: node tests/browser/pages.mjs --write`);
    process.exitCode = 1;
  }
}
