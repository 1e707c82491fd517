/**
 * Runs docs/browser.md: each section in a window of its own, a block marked `node` in Node, one marked `deno` in Deno; one
 * marked `worker` is what the server has at /worker.js.
 * What a section prints is what stands behind its arrows.
 */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { Deno } from "./deno.js";
import { pageTest } from "./support.js";

const GUIDE = new URL("../../docs/browser.md", import.meta.url);
const CLIENT = new URL("../../client/javascript/", import.meta.url);
const GUIDES_SERVER = "http://127.0.0.1:8000";
/** Of the section that connects to where nobody is. */
const NOBODY_THERE = /WebSocket connection to 'ws:\/\/127\.0\.0\.1:9\//;

for (const section of (await readFile(GUIDE, "utf8")).split(/^## /m)) {
  const title = section.split("\n", 1)[0].replace(/^# /, "");
  const blocks = [...section.matchAll(/^```js ?(\w*)\n([^]*?)^```$/gm)].map(([, kind, text]) => ({ kind, text }));
  const programs = (kind) => blocks.filter((block) => block.kind === kind).map(({ text }) => text);
  const [main, worker, node, deno] = ["", "worker", "node", "deno"].map((kind) => programs(kind).join("\n"));
  assert.equal(blocks.length, section.split("```js").length - 1, `every block of "${title}" is found`);

  pageTest("guide", `the section "${title}" says the truth`, async ({ server, open }) => {
    const printed = [];
    const page = await open({
      tolerate: NOBODY_THERE,
      prepare: (page) => page.on("console", (message) => message.type() === "log" && printed.push(message.text())),
    });
    if (worker) assert.equal(await (await fetch(`${server.url}/worker.js`)).text(), worker, "the worker is the server's");
    await page.addScriptTag({ type: "module", content: `${main}\nglobalThis.isRun = true;` });
    await page.waitForFunction(() => globalThis.isRun);
    if (node) printed.push(...(await runInNode(node.replaceAll(GUIDES_SERVER, server.url))));
    if (deno) printed.push(...(await runInDeno(deno.replaceAll(GUIDES_SERVER, server.url), server.url)));
    assert.deepEqual(printed, expected(main + node + deno));
    assert.ok(printed.length > 0);
  });
}

function expected(program) {
  return [...program.matchAll(/\/\/ → (.*)$/gm)].map(([, text]) => text);
}

/** What a program prints that may reach this server alone. */
async function runInDeno(program, url) {
  const folder = await mkdtemp(path.join(tmpdir(), "switchboard-guide-"));
  try {
    const file = path.join(folder, "program.js");
    await writeFile(file, program);
    const deno = Deno.start(url, pathToFileURL(file));
    assert.equal(await deno.end(), 0);
    return deno.lines;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** What a program prints where the package is installed. */
async function runInNode(program) {
  const folder = await mkdtemp(path.join(tmpdir(), "switchboard-guide-"));
  try {
    const installed = path.join(folder, "node_modules", "switchboard");
    await mkdir(installed, { recursive: true });
    await copyFile(new URL("switchboard.js", CLIENT), path.join(installed, "index.js"));
    await writeFile(path.join(installed, "package.json"), '{"type":"module","exports":"./index.js"}');
    await writeFile(path.join(folder, "program.mjs"), program);
    const { stdout } = await promisify(execFile)(process.execPath, ["--experimental-websocket", "program.mjs"], { cwd: folder });
    return stdout.trimEnd().split("\n");
  } finally {
    await rm(folder, { recursive: true });
  }
}
