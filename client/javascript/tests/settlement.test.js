/**
 * The promise of the client under whatever a network and a server do: every request settles once, with its own answer or with
 * an error that says the truth, and nothing remains. Seeded: a run that fails names its seed, and `SEED` runs that one alone.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { client, settle } from "./harness.js";

const ROUNDS = 400;
const STEPS = 120;
const SEEDS = process.env.SEED ? [Number(process.env.SEED)] : Array.from({ length: ROUNDS }, (_, round) => round + 1);

test(`${SEEDS.length} rounds of cuts, restarts, silence, slow, repeated, swapped and foreign answers`, async (t) => {
  const seen = {};
  for (const seed of SEEDS) {
    await t.test(`seed ${seed}`, async (t) => {
      for (const what of await new Round(t, seed).run()) seen[what] = (seen[what] ?? 0) + 1;
    });
  }
  if (SEEDS.length === 1) return;
  const settled = ["answered", "failed", "timeout", "cancelled", "disconnected, perhaps delivered", "disconnected, not delivered", "overloaded"];
  for (const what of settled) assert.ok(seen[what] > 20, `too few requests end as ${what} to mean anything: ${JSON.stringify(seen)}`);
});

class Round {
  constructor(t, seed) {
    this.random = generator(seed);
    this.seed = seed;
    const isPrepared = this.chance(0.5);
    this.the = client(t, {
      random: this.random,
      queue: 6,
      queueBytes: 600,
      queueAge: 2_000,
      heartbeat: this.chance(0.5) ? 700 : 0,
      patience: 300,
      onConnected: isPrepared ? (link) => this.prepare(link) : undefined,
    });
    /** What was asked, by the number that it carries. */
    this.asked = [];
    this.sent = [];
    this.unsent = [];
    /** Frames that the server has not sent yet, each of one socket. */
    this.frames = [];
    this.the.board.addEventListener("unsent", ({ detail }) => this.unsent.push(...detail.map(({ payload }) => payload)));
    this.the.board.addEventListener("error", (event) => event.preventDefault());
  }

  async run() {
    for (let step = 0; step < STEPS; step++) {
      this.act();
      await settle();
    }
    this.the.board.close();
    await settle();
    this.check();
    return this.asked.map(({ end }) => end);
  }

  act() {
    const { the } = this;
    this.serve();
    const actions = [
      [6, () => this.ask()],
      [2, () => this.send()],
      [1, () => this.stream()],
      [5, () => this.deliverSome()],
      [5, () => the.socket.readyState === 0 && the.socket.opens()],
      [1, () => the.socket.readyState < 3 && the.socket.ends(this.pick([1001, 1006, 1011, 1012, 1013, 4000, 4001, 4002]))],
      [1, () => the.socket.readyState === 1 && (the.socket.readyState = 2)],
      [1, () => (the.socket.bufferedAmount = this.chance(0.5) ? 0 : 2 ** 30)],
      [1, () => this.pick(this.asked.filter(({ abort }) => abort))?.abort.abort()],
      [1, () => the.board.accept(["news"]).catch(() => {})],
      [6, () => the.tick(this.pick([1, 20, 150, 400, 900]))],
    ];
    const all = actions.reduce((sum, [weight]) => sum + weight, 0);
    let at = this.random() * all;
    actions.find(([weight]) => (at -= weight) < 0)[1]();
  }

  ask(request = (...args) => this.the.board.request(...args)) {
    const n = this.asked.length;
    const abort = this.chance(0.3) ? new AbortController() : undefined;
    const asked = { n, abort, settled: 0 };
    this.asked.push(asked);
    const options = { timeout: this.pick([200, 1_000, 5_000]), signal: abort?.signal };
    const result = request("ask", { n }, options);
    result.then(
      (value) => this.settled(asked, value === n ? "answered" : `answered with ${value}`),
      (error) => this.settled(asked, ending(error), error),
    );
    return result;
  }

  stream() {
    const asked = { n: this.asked.length, settled: 0, values: [] };
    this.asked.push(asked);
    const answers = this.the.board.stream("ask", { n: asked.n }, { timeout: 1_000, limit: 3 });
    const leaveAfter = this.pick([1, 2, Infinity]);
    const read = async () => {
      for await (const value of answers) {
        assert.equal(value, asked.n, `seed ${this.seed}: an answer of another request`);
        if (asked.values.push(value) === leaveAfter) break;
      }
    };
    read().then(
      () => this.settled(asked, "answered"),
      (error) => this.settled(asked, ending(error), error),
    );
  }

  send() {
    const n = this.sent.length;
    this.sent.push({ n, taken: this.the.board.send("tell", n) });
  }

  async prepare(link) {
    if (this.chance(0.2)) throw new Error("not today");
    await this.ask((...args) => link.request(...args)).catch(() => {});
    link.send("hello");
  }

  settled(asked, end, error) {
    asked.settled++;
    Object.assign(asked, { end, error });
  }

  /** The server reads what came since, and decides what it will say to it and what not. */
  serve() {
    for (const socket of this.the.sockets) {
      for (const frame of socket.sent.slice(socket.served ?? 0)) {
        if (frame.uid === undefined || this.chance(0.15)) continue;
        const answer = { name: frame.name, uid: frame.uid, payload: frame.payload?.n };
        const more = Array.from({ length: this.pick([0, 0, 1, 4]) }, () => ({ ...answer, more: true }));
        const last = this.pick([answer, answer, { name: frame.name, uid: frame.uid, error: { code: "failed", message: "no" } }]);
        const frames = [...more, last];
        if (this.chance(0.2)) frames.push(last);
        if (this.chance(0.1)) frames.push({ ...answer, uid: this.pick([String(frame.uid), frame.uid + 1_000_000, -frame.uid]), payload: "foreign" });
        for (const text of frames) {
          const at = this.chance(0.7) ? this.frames.length : Math.floor(this.random() * (this.frames.length + 1));
          this.frames.splice(at, 0, { socket, text });
        }
      }
      socket.served = socket.sent.length;
    }
  }

  /** Some of what the server has to say arrives, where its connection still stands. */
  deliverSome() {
    for (const { socket, text } of this.frames.splice(0, this.pick([1, 3, 10]))) socket.says(this.chance(0.03) ? "rubbish" : text);
  }

  check() {
    const { board, sockets } = this.the;
    const where = `seed ${this.seed}`;
    const arrived = (name) => sockets.flatMap(({ sent }) => sent).filter((frame) => frame.name === name);
    assert.equal(board.pending, 0, `${where}: the table is empty`);
    const asks = arrived("ask").map(({ payload }) => payload.n);
    for (const { n, settled, end, error } of this.asked) {
      assert.equal(settled, 1, `${where}: request ${n} settles once`);
      assert.match(end, /^(answered|failed|timeout|cancelled|overloaded|disconnected, .*)$/, `${where}: request ${n}`);
      const times = asks.filter((other) => other === n).length;
      assert.ok(times <= 1, `${where}: request ${n} was sent ${times} times`);
      if (error) assert.equal(error.maybeDelivered, times === 1, `${where}: request ${n}, ${end}, says whether it was delivered`);
    }
    const uids = sockets.flatMap(({ sent }) => sent).map(({ uid }) => uid).filter((uid) => uid !== undefined);
    const repeated = uids.filter((uid, at) => uids.indexOf(uid) !== at);
    const accepts = new Set(arrived("switchboard/accept").map(({ uid }) => uid));
    assert.ok(repeated.every((uid) => accepts.has(uid)), `${where}: only \`accept\` is sent again`);
    const tells = arrived("tell").map(({ payload }) => payload);
    const accounted = [...tells, ...this.unsent].sort((a, b) => a - b);
    assert.deepEqual(accounted, this.sent.filter(({ taken }) => taken).map(({ n }) => n), `${where}: what was taken is sent or handed back, once`);
    assert.deepEqual(tells, tells.toSorted((a, b) => a - b), `${where}: in order`);
  }

  chance(share) {
    return this.random() < share;
  }

  pick(from) {
    return from[Math.floor(this.random() * from.length)];
  }
}

function ending({ code, maybeDelivered }) {
  return code === "disconnected" ? `disconnected, ${maybeDelivered ? "perhaps" : "not"} delivered` : code;
}

/** Mulberry32. */
function generator(seed) {
  let state = seed * 0x9e3779b9;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
