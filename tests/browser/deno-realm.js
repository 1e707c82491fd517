/**
 * Runs in Deno, with the client as the server serves it: calls what comes by its standard input, a function and its argument in a
 * line of JSON each, and says in a line what came of it.
 */

import { setUp } from "./lab.js";

const [url] = Deno.args;
await setUp(url, `${url}/`, "switchboard/msgpack.js");
console.log("ready");

let rest = "";
for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  const lines = (rest + text).split("\n");
  rest = lines.pop();
  for (const line of lines) void call(JSON.parse(line));
}

async function call({ id, act, argument }) {
  try {
    console.log(JSON.stringify({ id, value: await (0, eval)(act)(argument) }));
  } catch (error) {
    console.log(JSON.stringify({ id, error: error.stack }));
  }
}
