// Prints the sizes of bundles for a page, minified and compressed: node sizes.mjs
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

for (const code of [
  'export { subscribe } from "./reading_small.ts";',
  'export * from "./reading.ts";',
  'import * as unused from "./reading.ts"; console.log(1);',
]) {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: fileURLToPath(new URL("../contracts", import.meta.url)), loader: "ts" },
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    target: "es2020",
    tsconfigRaw: "{}",
  });
  console.log(gzipSync(outputFiles[0].contents, { level: 9 }).length);
}
