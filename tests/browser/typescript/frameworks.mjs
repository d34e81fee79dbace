// The TypeScript of the manual, compiled with the types of each framework, and run once: node frameworks.mjs FOLDER MANUAL
//
// FOLDER is for the extracted files.
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build, transform } from "esbuild";
import { compileModule } from "svelte/compiler";
import { Fake, assert, settled } from "./fake.mjs";

const [, , folder, manual] = process.argv;
const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));

/** Of each block in the manual: its file, and a part of its text. */
const files = {
  "page.ts": "for await (const event of request(",
  "ride_worker.ts": "new SharedWorker(",
  "use_ride_react.ts": 'from "react"',
  "ride.svelte.ts": "$state",
  "use_ride_vue.ts": 'from "vue"',
};

/** Code that mounts each framework's block: `mount` returns what a test does with a component. */
const components = {
  "mount_react.ts": `
import { createElement } from "react";
import { act, create, type ReactTestRenderer } from "react-test-renderer";
import { useRide } from "./use_ride_react.ts";

(globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true;

export async function mount(id: string) {
  let position: ReturnType<typeof useRide>;
  const Ride = ({ id }: { id: string }) => {
    position = useRide(id);
    return null;
  };
  let root!: ReactTestRenderer;
  await act(async () => void (root = create(createElement(Ride, { id }))));
  return {
    run: (change: () => void) => act(async () => change()),
    position: () => position,
    setId: (id: string) => act(async () => root.update(createElement(Ride, { id }))),
    unmount: () => act(async () => root.unmount()),
  };
}`,
  "mount_svelte.svelte.ts": `
import { flushSync } from "svelte";
import { ride } from "./ride.svelte.ts";

export async function mount(first: string) {
  let id = $state(first);
  let state!: ReturnType<typeof ride>;
  const unmount = $effect.root(() => {
    state = ride(() => id);
  });
  flushSync();
  return {
    run: async (change: () => void) => change(),
    position: () => $state.snapshot(state.position),
    setId: async (next: string) => flushSync(() => (id = next)),
    unmount: async () => unmount(),
  };
}`,
  "mount_vue.ts": `
import { effectScope, nextTick, ref } from "vue";
import { useRide } from "./use_ride_vue.ts";

export async function mount(first: string) {
  const id = ref(first);
  const scope = effectScope();
  const position = scope.run(() => useRide(id));
  return {
    run: async (change: () => void) => change(),
    position: () => position?.value,
    setId: (next: string) => {
      id.value = next;
      return nextTick();
    },
    unmount: async () => scope.stop(),
  };
}`,
};

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
symlinkSync(path("../node_modules"), `${folder}/node_modules`, "junction");
copyFileSync(path("../contracts/ride_event.ts"), `${folder}/ride_event.ts`);
const blocks = [...readFileSync(manual, "utf8").replaceAll("\r\n", "\n").matchAll(/^```tsx?\n(.*?)^```$/gms)].map(([, code]) => code);
assert.equal(blocks.length, Object.keys(files).length, "each block has a file here");
for (const [file, part] of Object.entries(files)) {
  const found = blocks.filter((code) => code.includes(part));
  assert.equal(found.length, 1, `one block has ${part}`);
  writeFileSync(`${folder}/${file}`, found[0]);
}
for (const [file, code] of Object.entries(components)) writeFileSync(`${folder}/${file}`, code);
// What the reader's page has.
writeFileSync(
  `${folder}/reader.d.ts`,
  "declare function show(of: unknown): void;\ndeclare function token(): Promise<string>;\ndeclare const question: { readonly text: string };\n",
);
// There are no types of the renderer for React 19.
writeFileSync(
  `${folder}/renderer.d.ts`,
  `declare module "react-test-renderer" {
  export interface ReactTestRenderer { update(element: unknown): void; unmount(): void }
  export function create(element: unknown): ReactTestRenderer;
  export function act(run: () => Promise<void>): Promise<void>;
}
`,
);
const compilerOptions = {
  target: "es2022",
  lib: ["es2022", "dom", "dom.iterable"],
  module: "esnext",
  moduleResolution: "bundler",
  allowImportingTsExtensions: true,
  noEmit: true,
  types: ["react", "svelte"],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noUnusedLocals: true,
  noUnusedParameters: true,
  verbatimModuleSyntax: true,
};
writeFileSync(`${folder}/tsconfig.json`, JSON.stringify({ compilerOptions, include: ["*.ts"] }));
const tsc = spawnSync(process.execPath, [path("../node_modules/typescript/bin/tsc"), "-p", folder, "--pretty", "false"], { encoding: "utf8" });
assert.equal(tsc.status, 0, tsc.stdout + tsc.stderr);
console.log(`passed: ${blocks.length} blocks compile`);

/** Compiles the runes of Svelte. */
const svelte = {
  name: "svelte",
  setup: ({ onLoad }) =>
    onLoad({ filter: /\.svelte\.ts$/ }, async ({ path }) => {
      const { code } = await transform(readFileSync(path, "utf8"), { loader: "ts", target: "es2022" });
      return { contents: compileModule(code, { filename: path.replace(/ts$/, "js"), generate: "client" }).js.code };
    }),
};
globalThis.EventSource = Fake;
for (const file of Object.keys(components)) {
  const outfile = `${folder}/${file.replace(/\.ts$/, ".mjs")}`;
  await build({
    entryPoints: [`${folder}/${file}`],
    outfile,
    bundle: true,
    format: "esm",
    platform: "browser",
    conditions: ["browser"],
    define: { "process.env.NODE_ENV": '"development"' },
    logLevel: "error",
    plugins: [svelte],
    tsconfigRaw: "{}",
  });
  Fake.created = [];
  const { mount } = await import(pathToFileURL(outfile).href);
  const component = await mount("7");
  const urls = () => Fake.created.map(({ url }) => url);
  assert.deepEqual(urls(), ["/rides/7"], file);
  assert.equal(component.position(), undefined);
  await component.run(() => Fake.last.message("position", '{"lat":1,"lon":2}'));
  assert.deepEqual(component.position(), { lat: 1, lon: 2 }, file);
  await component.setId("8");
  await settled();
  assert.deepEqual(urls(), ["/rides/7", "/rides/8"], file);
  assert.equal(Fake.created[0].readyState, 2, "the stream of the first ride is closed");
  await component.unmount();
  assert.equal(Fake.last.readyState, 2, "the stream ends with the component");
  console.log(`passed: ${file}`);
}
process.exit();
