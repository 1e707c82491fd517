/**
 * Starts an example's server and opens windows on its page. A window that reports an error in its console, or that throws,
 * fails its test.
 *
 * `CHROMIUM` is the browser to run (default `/usr/bin/chromium`); the examples are taken from `debug/examples` in
 * `CARGO_TARGET_DIR` (default: the workspace's `target`).
 */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const WORKSPACE = fileURLToPath(new URL("../../", import.meta.url));
const TARGET = path.resolve(WORKSPACE, process.env.CARGO_TARGET_DIR ?? "target");
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const ARGUMENTS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
/** How long anything may take that a test waits for, in milliseconds. */
const PATIENCE = 15_000;

export const PHONE = { viewport: { width: 375, height: 667 }, isMobile: true, hasTouch: true };

let browser;
after(() => browser?.close());

/**
 * A test of one example's page, with a server of its own. `run` is given `{ server, open }`: the running example, and a
 * function that opens a window of its own, with nothing shared with the others.
 */
export function pageTest(example, title, run) {
  test(`${example}: ${title}`, async () => {
    const server = await Server.start(example);
    const windows = [];
    const open = async (options) => {
      const window = await openWindow(server.url, options);
      windows.push(window);
      return window.page;
    };
    try {
      await run({ server, open });
      assert.deepEqual(windows.flatMap(({ complaints }) => complaints), [], "no window complains");
    } finally {
      await Promise.all(windows.map(({ context }) => context.close()));
      await server.stop("SIGTERM");
    }
  });
}

/** Waits until an element that fits is shown. */
export async function sees(page, selector, text) {
  const found = page.locator(selector).filter(text === undefined ? {} : { hasText: text });
  await found.filter({ visible: true }).first().waitFor();
}

/** Waits until no element that fits is shown. */
export async function seesNo(page, selector, text) {
  const found = page.locator(selector).filter(text === undefined ? {} : { hasText: text });
  await found.filter({ visible: true }).first().waitFor({ state: "hidden" });
}

/** By how many pixels something sticks out: of the window, or of a box that scrolls. */
export function overflow(page) {
  return page.evaluate(() => {
    const scrolls = (node) => ["auto", "scroll"].includes(getComputedStyle(node).overflowX);
    const within = [...document.querySelectorAll("*")].filter(scrolls).map((node) => node.scrollWidth - node.clientWidth);
    const outside = [...document.querySelectorAll("p, button, input, textarea")].flatMap((node) => {
      const { left, right } = node.getBoundingClientRect();
      return [-left, right - window.innerWidth];
    });
    return Math.max(0, document.documentElement.scrollWidth - window.innerWidth, ...within, ...outside);
  });
}

/** The buttons and fields that a screen reader could not name. */
export function unnamed(page) {
  return page.evaluate(() => {
    const isNamed = (node) => node.ariaLabel || node.labels?.length || node.textContent.trim();
    return [...document.querySelectorAll("button, input, textarea, [role=slider]")].filter((node) => !isNamed(node)).map((node) => node.outerHTML);
  });
}

/** The program that an example was built as. */
export function program(example) {
  const binary = path.join(TARGET, "debug", "examples", example);
  if (!existsSync(binary)) throw new Error(`there is no ${binary}: build it first with \`cargo build --examples\``);
  return binary;
}

/** An example's process. */
export class Server {
  static async start(example, bind = "127.0.0.1:0") {
    const child = spawn(program(example), ["--bind", bind], { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, RUST_LOG: "info" } });
    const output = [];
    const url = await new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`${example} named no address:\n${output.join("\n")}`)), PATIENCE);
      child.once("error", reject);
      child.once("exit", () => reject(new Error(`${example} ended at once:\n${output.join("\n")}`)));
      for (const stream of [child.stdout, child.stderr]) {
        createInterface({ input: stream }).on("line", (line) => {
          output.push(line);
          const address = /listening on (http:\/\/[\w.:[\]]+)/.exec(line);
          if (!address) return;
          clearTimeout(late);
          resolve(address[1]);
        });
      }
    });
    return new Server(example, child, url, output);
  }

  constructor(example, child, url, output) {
    Object.assign(this, { example, child, url, output });
  }

  async stop(signal) {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const end = once(this.child, "exit");
    this.child.kill(signal);
    await end;
  }

  /** Starts the example again where it listened before. */
  async restart() {
    Object.assign(this, await Server.start(this.example, new URL(this.url).host));
  }
}

/** `tolerate` fits what the console may say; `prepare` is given the page before it loads; the rest is for the browser. */
export async function openWindow(url, { tolerate, prepare, ...options } = {}) {
  browser ??= await chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS });
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    const text = message.text();
    if (["error", "warning"].includes(message.type()) && !tolerate?.test(text)) complaints.push(text);
  });
  await prepare?.(page);
  await page.goto(url);
  return { context, page, complaints };
}
