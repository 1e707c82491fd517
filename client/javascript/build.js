/**
 * Makes what is used of what is worked on.
 *
 * - `switchboard.js`: the parts in source/ one after the other, as one readable module. The server holds it and serves it.
 * - `dist/`: the same and `msgpack.js` without comments and indentation. This is published.
 * - `types/`: what TypeScript says of source/. Published too.
 *
 * `switchboard.js` and `types/` are under version control, so that neither Cargo nor an editor needs Node; tests/package.test.js
 * checks that they are current. `npm run build` writes everything.
 */

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ts from "typescript";

/** In an order in which each stands behind what it uses. */
const PARTS = ["words", "queue", "call", "connection", "switchboard"];
const HEADER = `/**
 * The browser's client of a Switchboard server, for pages, workers, Deno, and Node 22 or newer: one module without
 * dependencies. Times are in milliseconds throughout. Put together from source/, where it is worked on, by \`npm run build\`.
 *
 * \`\`\`js
 * import { connect } from "/switchboard.js";
 *
 * const board = connect();
 * board.on("mixer/level", ({ channel, level }) => console.log(channel, level));
 * const { level } = await board.request("mixer/volume_up", { channel: 1 });
 * \`\`\`
 *
 * @module switchboard
 */
`;

const read = (path) => readFileSync(new URL(path, import.meta.url), "utf8");
const write = (path, text) => writeFileSync(new URL(path, import.meta.url), text);

/** The parts as one module, which exports what the last of them exports. */
export function join() {
  const last = PARTS.at(-1);
  const bodies = PARTS.map((part) => {
    const text = read(`source/${part}.js`)
      .replace(/^\/\*\* @(import|typedef) .*\n+/gm, "")
      .replace(/^import .*\n+/gm, "")
      .replace(/^export (\{.*\}) from .*$/gm, "export $1;");
    return part === last ? text : text.replace(/^export /gm, "");
  });
  return [HEADER, ...bodies].join("\n");
}

/** A module without comments and indentation. */
export function strip(text) {
  const compilerOptions = { removeComments: true, target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ES2022 };
  return ts.transpileModule(text, { compilerOptions }).outputText.replace(/^ +/gm, "");
}

/** What TypeScript says of the sources, into a folder. */
export function declare(folder) {
  const compiler = fileURLToPath(new URL("node_modules/typescript/bin/tsc", import.meta.url));
  const options = ["--noEmit", "false", "--declaration", "--emitDeclarationOnly", "--outDir", folder];
  execFileSync(process.execPath, [compiler, ...options], { cwd: fileURLToPath(new URL(".", import.meta.url)), stdio: "inherit" });
}

function build() {
  const joined = join();
  write("switchboard.js", joined);
  rmSync(new URL("dist", import.meta.url), { recursive: true, force: true });
  mkdirSync(new URL("dist", import.meta.url));
  write("dist/switchboard.js", strip(joined));
  write("dist/msgpack.js", strip(read("source/msgpack.js")));
  rmSync(new URL("types", import.meta.url), { recursive: true, force: true });
  declare("types");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) build();
