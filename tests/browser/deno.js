/**
 * Programs in Deno, of the npm package `deno`. They may reach one server, and nothing else: no file, no other address.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** How long it may take to start and to import the client, in milliseconds. */
const PATIENCE = 30_000;

export class Deno {
  /** All lines that it has printed. */
  lines = [];

  #child;
  #ended;
  #cache = mkdtempSync(path.join(tmpdir(), "switchboard-deno-"));
  #lastId = 0;
  /** Who waits for what came of a call. */
  #calls = new Map();
  /** Who waits for a line. */
  #looks = new Set();

  /** Starts a program that may talk to the server at `url`. */
  static start(url, program, args = []) {
    return new Deno(url, program, args);
  }

  constructor(url, program, args) {
    const { host } = new URL(url);
    const options = ["run", "--quiet", "--no-lock", "--no-config", "--no-prompt", `--allow-import=${host}`, `--allow-net=${host}`];
    const env = { ...process.env, DENO_DIR: this.#cache, DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" };
    this.#child = spawn(binary(), [...options, fileURLToPath(program), ...args], { stdio: ["pipe", "pipe", "inherit"], env });
    this.#ended = once(this.#child, "close");
    createInterface({ input: this.#child.stdout }).on("line", (line) => this.#take(line));
  }

  /** Waits until it prints this. */
  async says(wanted) {
    let look;
    let late;
    const said = new Promise((resolve, reject) => {
      look = () => this.lines.includes(wanted) && resolve();
      late = setTimeout(() => reject(new Error(`it does not say ${wanted}: ${this.lines.join("\n")}`)), PATIENCE);
    });
    this.#looks.add(look);
    look();
    await Promise.race([said, this.#ended]).finally(() => {
      clearTimeout(late);
      this.#looks.delete(look);
    });
    if (!this.lines.includes(wanted)) throw new Error(`it ended before it said ${wanted}`);
  }

  /** Has it call a function, and waits for what comes of that. */
  ask(call) {
    const id = ++this.#lastId;
    this.#child.stdin.write(`${JSON.stringify({ id, ...call })}\n`);
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject });
      void this.#ended.then(() => reject(new Error("the program in Deno ended")));
    });
  }

  /** Waits until it ends by itself; gives its exit code. */
  async end() {
    const [code] = await this.#ended;
    this.#clear();
    return code;
  }

  async stop() {
    this.#child.kill("SIGKILL");
    await this.#ended;
    this.#clear();
  }

  #take(line) {
    if (line.startsWith('{"id":')) {
      const { id, value, error } = JSON.parse(line);
      const { resolve, reject } = this.#calls.get(id);
      this.#calls.delete(id);
      if (error === undefined) resolve(value);
      else reject(new Error(error));
      return;
    }
    this.lines.push(line);
    for (const look of this.#looks) look();
  }

  #clear() {
    rmSync(this.#cache, { recursive: true, force: true });
  }
}

/** The program itself, which the package has for each system. Its script in `bin` would be a process between us and Deno. */
function binary() {
  const system = process.platform === "linux" ? `linux-${process.arch}-glibc` : `${process.platform}-${process.arch}`;
  return createRequire(createRequire(import.meta.url).resolve("deno/bin.cjs")).resolve(`@deno/${system}/deno`);
}
