// What the programs of this folder have in common: where they listen, and the names of the 99 trivial handlers.

import { parseArgs } from "node:util";

/**
 * Lets a server listen where `--bind` says, prints where that is, and ends the process when standard input does, so that
 * no program outlives the benchmark that started it.
 *
 * @param {import("node:http").Server} server
 */
export function listen(server) {
  const { values } = parseArgs({ options: { bind: { type: "string", default: "127.0.0.1:0" } } });
  const { hostname, port } = new URL(`tcp://${values.bind}`);
  server.listen(Number(port), hostname, () => {
    console.log(`listening on ${server.address().address}:${server.address().port}`);
  });
  process.stdin.on("end", () => process.exit(0)).resume();
}

export const otherNames = Array.from({ length: 99 }, (_, n) => `area${n}/command${n}`);
