/**
 * Three at once in the chat, two windows and a client in Rust (the example chatter), while the server is restarted three times:
 * every request is settled, everyone is back in the room, and no line is heard twice.
 */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { pageTest, program, sees } from "./support.js";

/** What the browser itself writes when nobody listens at the address. */
const NOBODY_THERE = /WebSocket connection to|ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE/;
/** Lines of each in a phase: all together are fewer than a window keeps. */
const LINES = 15;
const LONGEST = 60_000;

pageTest("chat", "two windows and a client in Rust are back after each of three restarts, and hear no line twice", async ({ server, open }) => {
  const people = [
    await Window.enter(open, "Ada"),
    await Window.enter(open, "Bob"),
    await Chatter.enter(server.url, "Rust"),
  ];
  try {
    await allAreIn(people);
    // However it ends: told to, or killed in the middle of whatever it does.
    for (const signal of ["SIGTERM", "SIGKILL", "SIGTERM"]) {
      const talking = people.map((person) => talk(person, signal));
      await Promise.race(talking.map(({ begun }) => begun));
      await server.stop(signal);
      await server.restart();
      await Promise.all(talking.map(({ ended }) => ended));
      await allAreIn(people);
    }
    await Promise.all(people.map((person) => person.say(`${person.name}: the last`)));

    const answered = people.flatMap((person) => person.answered);
    assert.ok(answered.length > people.length * LINES, `${answered.length} lines were answered`);
    for (const person of people) {
      const heard = await person.heard(people.map(({ name }) => `${name}: the last`));
      assert.deepEqual(heard.filter((line, at) => heard.indexOf(line) !== at), [], `${person.name} hears a line again`);
      assert.deepEqual(person.answered.filter((line) => !heard.includes(line)), [], `${person.name} does not hear what was answered`);
      await person.isSettled();
    }
  } finally {
    await people.at(-1).end();
  }
});

/** Says one line after the other. `begun` is when some of them were settled, `ended` when all are. */
function talk(person, phase) {
  let begin;
  const begun = new Promise((resolve) => (begin = resolve));
  const ended = (async () => {
    for (let line = 1; line <= LINES; line++) {
      await person.say(`${person.name}: line ${line} before ${phase} ${person.phases}`);
      if (line === 4) begin();
    }
    person.phases++;
  })();
  return { begun, ended };
}

/** Waits until each sees all. */
async function allAreIn(people) {
  const names = people.map(({ name }) => name).sort();
  for (const person of people) await person.seesAll(names);
}

/** Somebody in front of a window. */
class Window {
  answered = [];
  phases = 0;
  /** The lines that left it. */
  #sent = [];

  static async enter(open, name) {
    const window = Object.assign(new Window(), { name });
    const sent = ({ payload }) => {
      const frame = JSON.parse(payload);
      if (frame.name === "rooms/lobby/say") window.#sent.push(frame.payload.text);
    };
    const prepare = (page) => page.on("websocket", (socket) => socket.on("framesent", sent));
    const page = await open({ tolerate: NOBODY_THERE, prepare });
    page.setDefaultTimeout(LONGEST);
    await page.getByLabel("Your name").fill(name);
    await page.getByRole("button", { name: "Plug in" }).click();
    await sees(page, "#talk-title", "# lobby");
    return Object.assign(window, { page });
  }

  /** Says a line and waits until that is settled. What was not said is in the field again. */
  async say(line) {
    const { page } = this;
    await page.getByLabel("Message").fill(line);
    await page.getByRole("button", { name: "Send", exact: true }).click();
    await page.waitForFunction(() => globalThis.board.pending === 0);
    // What is shown follows in a task of its own.
    const isBack = await page.evaluate(async () => {
      await new Promise((resolve) => setTimeout(resolve));
      return document.getElementById("text").value !== "";
    });
    if (!isBack) this.answered.push(line);
  }

  async seesAll(names) {
    await sees(this.page, "#talk-note", `${names.length} people here`);
    const members = await this.page.locator("#members .line > span:nth-child(2)").evaluateAll((spans) => spans.map((span) => span.firstChild.data));
    assert.deepEqual(members.sort(), names);
  }

  /** All lines that are shown, once those are. */
  async heard(last) {
    for (const line of last) await sees(this.page, ".said p", line);
    return this.page.locator(".log:visible .said p").allInnerTexts();
  }

  async isSettled() {
    const { pending, counts, state } = await this.page.evaluate(() => {
      const { pending, counts, state } = globalThis.board;
      return { pending, counts, state };
    });
    assert.deepEqual({ pending, counts, state }, { pending: 0, counts: { malformed: 0, late: 0, refused: 0 }, state: "open" });
    assert.deepEqual(this.#sent.filter((line, at) => this.#sent.indexOf(line) !== at), [], "no line is sent twice");
    assert.deepEqual(this.answered.filter((line) => !this.#sent.includes(line)), [], "what is answered was sent");
  }
}

/** Somebody at a terminal. */
class Chatter {
  answered = [];
  phases = 0;
  /** What it prints. */
  #lines = [];
  #waiting = new Set();

  static async enter(url, name) {
    const chatter = Object.assign(new Chatter(), { name });
    const address = url.replace("http:", "ws:");
    chatter.child = spawn(program("chatter"), ["--name", name, "--server", address], { stdio: ["pipe", "pipe", "inherit"] });
    createInterface({ input: chatter.child.stdout }).on("line", (line) => {
      chatter.#lines.push(line);
      for (const look of chatter.#waiting) look();
    });
    await chatter.#prints(0, (line) => line === "* you are in");
    return chatter;
  }

  async say(line) {
    const from = this.#lines.length;
    this.child.stdin.write(`${line}\n`);
    // It hears its own line before the answer, which is silent: who is there is asked behind it, and answered when it is settled.
    this.child.stdin.write("/who\n");
    await this.#prints(from, (printed) => printed.startsWith("* here: ") || printed.startsWith("! cannot look"));
    const failed = this.#lines.slice(from).find((printed) => printed.startsWith("! ") && printed.includes(line));
    if (!failed) this.answered.push(line);
  }

  async seesAll(names) {
    for (;;) {
      const from = this.#lines.length;
      this.child.stdin.write("/who\n");
      const here = await this.#prints(from, (line) => line.startsWith("* here: ") || line.startsWith("! cannot look"));
      if (here === `* here: ${names.join(", ")}`) return;
    }
  }

  async heard(last) {
    for (const line of last) await this.#prints(0, (printed) => printed.endsWith(line));
    return this.#lines.filter((line) => /^\w+: /.test(line)).map((line) => line.replace(/^\w+: /, ""));
  }

  /** It leaves when all it was told is done. */
  async isSettled() {
    const ended = once(this.child, "exit");
    this.child.stdin.end();
    assert.deepEqual(await ended, [0, null]);
  }

  async end() {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, "exit");
    this.child.kill("SIGKILL");
    await ended;
  }

  /** The first line from there on that fits. */
  #prints(from, fits) {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`${this.name} does not print that: ${this.#lines.slice(from).join("\n")}`)), LONGEST);
      const look = () => {
        const line = this.#lines.slice(from).find(fits);
        if (line === undefined) return;
        clearTimeout(late);
        this.#waiting.delete(look);
        resolve(line);
      };
      this.#waiting.add(look);
      look();
    });
  }
}
