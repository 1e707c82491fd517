/** What is served and what is published. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { declare, join, strip } from "../build.js";

const HERE = fileURLToPath(new URL("..", import.meta.url));
const COMPILER = path.join(HERE, "node_modules/typescript/bin/tsc");
const LARGEST = 6 * 1024;

const read = (file) => readFileSync(path.join(HERE, file), "utf8");
const gzipped = (text) => gzipSync(text, { level: 9 }).length;

function folder(t) {
  const made = mkdtempSync(path.join(tmpdir(), "switchboard-"));
  t.after(() => rmSync(made, { recursive: true }));
  return made;
}

test("the module that is served is what its parts make: if not, `npm run build`", () => {
  assert.equal(read("switchboard.js"), join());
});

test("the types are what TypeScript says of the sources: if not, `npm run build`", (t) => {
  const fresh = folder(t);
  declare(fresh);
  const files = readdirSync(fresh).sort();
  assert.deepEqual(readdirSync(path.join(HERE, "types")).sort(), files);
  for (const file of files) assert.equal(read(`types/${file}`), readFileSync(path.join(fresh, file), "utf8"), file);
});

test(`the module is smaller than ${LARGEST} bytes, gzipped`, (t) => {
  const size = gzipped(strip(join()));
  t.diagnostic(`${size} bytes; msgpack.js ${gzipped(strip(read("source/msgpack.js")))}`);
  assert.ok(size < LARGEST, `${size} bytes`);
});

test("the module needs no other and exports three things", async () => {
  assert.doesNotMatch(join(), /^import|\bimport\(|^\/\*\* @import/m);
  assert.deepEqual(Object.keys(await import("../switchboard.js")).sort(), ["Switchboard", "SwitchboardError", "connect"]);
  assert.doesNotMatch(read("source/msgpack.js"), /^import/m);
});

test("the package, installed, is imported by Node and takes a strict TypeScript program, and no wrong one", async (t) => {
  const app = folder(t);
  const [packed] = JSON.parse(execFileSync("npm", ["pack", "--json", "--silent", "--pack-destination", app], { cwd: HERE, encoding: "utf8" }));
  const installed = path.join(app, "node_modules/switchboard");
  mkdirSync(installed, { recursive: true });
  execFileSync("tar", ["xzf", path.join(app, packed.filename), "--strip-components=1", "-C", installed]);

  const manifest = JSON.parse(readFileSync(path.join(installed, "package.json"), "utf8"));
  assert.deepEqual([manifest.dependencies, manifest.peerDependencies], [undefined, undefined]);
  for (const file of ["switchboard.js", "msgpack.js"]) {
    const module = await import(pathToFileURL(path.join(installed, "dist", file)));
    assert.ok(module.connect ?? module.messagePack, file);
  }

  writeFileSync(path.join(app, "package.json"), '{"type":"module"}');
  const checks = (program) => {
    writeFileSync(path.join(app, "app.ts"), program);
    const options = ["--noEmit", "--strict", "--noUncheckedIndexedAccess", "--exactOptionalPropertyTypes", "--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom"];
    try {
      return execFileSync(process.execPath, [COMPILER, ...options, "app.ts"], { cwd: app, encoding: "utf8" });
    } catch (error) {
      return error.stdout;
    }
  };
  assert.equal(checks(PROGRAM), "");
  const complaints = checks([HEAD, ...WRONG.map(([wrong]) => wrong)].join("\n"));
  for (const [index, [wrong, complaint]] of WRONG.entries()) {
    const line = HEAD.split("\n").length + index + 1;
    const ofLine = complaints.split("\n").filter((text) => text.startsWith(`app.ts(${line},`));
    assert.match(ofLine.join("\n"), complaint, wrong);
  }
});

const HEAD = `import { connect, Switchboard, SwitchboardError } from "switchboard";
import { Extension, messagePack } from "switchboard/msgpack.js";
import type { Codec, Frame, Link, Options } from "switchboard";
const board = connect("ws://localhost/switchboard");`;

const PROGRAM = `${HEAD}
interface Level { channel: number; level: number }
const options: Options = { codec: messagePack, queueAge: 1_000, onConnected: async (link: Link) => void (await link.request("login", { name: "kevin" })) };
const other: Switchboard = connect(new URL("https://example.com"), options);
const codec: Codec = messagePack;
const off: () => void = board.on(/rooms\\/.*/, (payload, frame: Frame) => console.log(frame.name, payload));
board.addEventListener("close", ({ detail }) => console.log(detail.code + 1, detail.unsent[0]?.name.length));
board.addEventListener("unsent", ({ detail }) => detail.every(({ name, payload }) => other.send(name, payload)));
board.addEventListener("error", (event) => console.log(event.detail.code.length));
async function run(signal: AbortSignal): Promise<number> {
  await board.ready;
  await board.accept(new Set(["mixer/*"]));
  const { level } = await board.request<Level>("mixer/volume_up", { channel: 1 }, { timeout: 5_000, signal });
  for await (const found of board.stream<string>("files/find", { ending: ".rs" }, { limit: 10 })) console.log(found.length);
  try {
    await board.request("nothing");
  } catch (error) {
    if (error instanceof SwitchboardError && !error.maybeDelivered) return board.pending + board.counts.late;
  }
  off();
  return level + new Extension(1, new Uint8Array()).type + Number(codec.protocol === "" && board.state === "open");
}
void run(AbortSignal.timeout(1));
`;

const WRONG = [
  ["board.send(5);", /not assignable to parameter of type 'string'/],
  ["board.on(5, () => {});", /'number' is not assignable/],
  ['board.request("a", 1, { timeOut: 5 });', /timeOut/],
  ['connect("", { codec: "msgpack" });', /'string' is not assignable to type 'Codec/],
  ['board.addEventListener("closed", () => {});', /"closed"/],
  ['const level: string = await board.request<number>("a");', /'number' is not assignable to type 'string'/],
];
