// Converts TypeScript on standard input to JavaScript on standard output: node strip.mjs
import { readFileSync } from "node:fs";
import { transformSync } from "esbuild";

process.stdout.write(transformSync(readFileSync(0, "utf8"), { loader: "ts", format: "esm", tsconfigRaw: "{}" }).code);
