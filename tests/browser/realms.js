/**
 * Where the client runs: in Node, in Deno, in a page of Chromium, and in a worker of that page. `run(act, argument)` calls a function
 * there, which can use nothing but its argument and the global `lab`:
 *
 * - `lab.connect(options)` connects through the network of the test;
 * - `lab.messagePack`;
 * - `lab.until(board, type, fits?)` waits for an event, and gives its `detail`.
 */

import { Deno } from "./deno.js";
import { setUp } from "./lab.js";
import { openWindow } from "./support.js";

/** The console of a browser tells of every connection that fails. */
const LOST = /WebSocket connection|net::ERR|Failed to load resource|switchboard: /;

export const realms = {
  async Node(url) {
    await setUp(url, new URL("../../client/javascript/", import.meta.url).href, "source/msgpack.js");
    return { run: async (act, argument) => act(argument), close: () => delete globalThis.lab };
  },

  async Deno(url) {
    const deno = Deno.start(url, new URL("deno-realm.js", import.meta.url), [url]);
    await deno.says("ready");
    return { run: (act, argument) => deno.ask({ act: `(${act})`, argument }), close: () => deno.stop() };
  },

  async page(url) {
    const { page, context, complaints } = await openWindow(url, { tolerate: LOST });
    await page.evaluate(`(${setUp})(${JSON.stringify(url)}, "/", "switchboard/msgpack.js")`);
    return { run: (act, argument) => page.evaluate(act, argument), close: () => context.close(), complaints };
  },

  async worker(url) {
    const { page, context, complaints } = await openWindow(url, { tolerate: LOST });
    const body = `
      const ready = (${setUp})(${JSON.stringify(url)}, ${JSON.stringify(`${url}/`)}, "switchboard/msgpack.js");
      onmessage = async ({ data: { act, argument }, ports: [port] }) => {
        try {
          await ready;
          port.postMessage({ value: await (0, eval)(act)(argument) });
        } catch (error) {
          port.postMessage({ error: error.stack });
        }
      };`;
    await page.evaluate((body) => {
      self.worker = new Worker(URL.createObjectURL(new Blob([body], { type: "text/javascript" })), { type: "module" });
    }, body);
    const run = async (act, argument) => {
      const { value, error } = await page.evaluate(({ act, argument }) => new Promise((resolve) => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = ({ data }) => resolve(data);
        self.worker.postMessage({ act, argument }, [port2]);
      }), { act: `(${act})`, argument });
      if (error) throw new Error(error);
      return value;
    };
    return { run, close: () => context.close(), complaints };
  },
};
