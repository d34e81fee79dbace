// Validates the AsyncAPI documents that are given, and prints what is wrong with each.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

for (const file of process.argv.slice(2)) {
  const { document, diagnostics } = await new Parser().parse(readFileSync(file, "utf8"));
  const errors = diagnostics.filter(({ severity }) => severity === 0);
  for (const { path, message } of errors) console.log(`${file}: ${path.join("/")}: ${message}`);
  if (!document && errors.length === 0) console.log(`${file}: it cannot be parsed`);
  if (document) console.log(`${document.version()} ${document.allMessages().length}`);
}
