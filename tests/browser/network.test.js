/* global lab */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Proxy } from "./proxy.js";
import { realms } from "./realms.js";
import { Server } from "./support.js";

let server;
after(() => server?.stop("SIGKILL"));

/** A test in every realm, of a client behind a network of its own. */
function networkTest(title, run) {
  for (const [name, enter] of Object.entries(realms)) {
    test(`${name}: ${title}`, { timeout: 60_000 }, async () => {
      server ??= await Server.start("guide");
      const proxy = await Proxy.start(server.url);
      const realm = await enter(proxy.url);
      try {
        await run({ proxy, server, run: realm.run });
        await realm.run(() => lab.board.close());
        assert.equal(await realm.run(() => lab.board.pending), 0, "nothing remains");
        assert.deepEqual(realm.complaints ?? [], []);
      } finally {
        await realm.close();
        await proxy.stop();
      }
    });
  }
}

networkTest("asks and is answered, in JSON and in MessagePack, where bytes are bytes", async ({ run }) => {
  assert.equal(await run(() => lab.connect().request("files/size", { data: "AQL/" })), 3);
  await run(() => lab.board.close());
  const answered = await run(async () => {
    const board = lab.connect({ codec: lab.messagePack });
    const bytes = new Uint8Array(40_000).fill(7);
    const echoed = await board.request("echo/0", { bytes });
    return { size: await board.request("files/size", { data: bytes }), isSame: echoed.bytes.every((byte) => byte === 7) && echoed.bytes.length };
  });
  assert.deepEqual(answered, { size: 40_000, isSame: 40_000 });
});

networkTest("a cut settles what is in flight, and the next connection has what was accepted", async ({ proxy, run }) => {
  await run(async () => {
    const board = lab.connect();
    await board.accept(["news"]);
    lab.heard = [];
    board.on("*", (payload) => lab.heard.push(payload));
    const asked = Array.from({ length: 20 }, (_, n) => board.request("echo/60000", { n }));
    lab.outcomes = Promise.allSettled(asked);
    await board.request("switchboard/ping");
  });
  proxy.cut();
  const outcomes = await run(async () => (await lab.outcomes).map(({ reason }) => [reason.code, reason.maybeDelivered]));
  assert.deepEqual(outcomes, Array(20).fill(["disconnected", true]));
  const after = await run(async () => {
    const { board } = lab;
    const answer = await board.request("echo/0", "again");
    await board.request("mixer/volume_up", { channel: 1 });
    await board.request("news", "extra");
    return { answer, heard: lab.heard, state: board.state };
  });
  assert.deepEqual(after, { answer: "again", heard: ["extra"], state: "open" });
});

networkTest("a peer that is dead is noticed by silence, and left for the next", async ({ proxy, run }) => {
  await run(() => lab.connect({ heartbeat: 100, patience: 200 }).ready);
  proxy.isDead = true;
  const lost = await run(async () => {
    const { board } = lab;
    const closed = lab.until(board, "close");
    const [outcome] = await Promise.allSettled([board.request("echo/0", 1)]);
    return { reason: (await closed).reason, code: outcome.reason.code, maybeDelivered: outcome.reason.maybeDelivered };
  });
  assert.deepEqual(lost, { reason: "the server fell silent", code: "disconnected", maybeDelivered: true });
  await run(() => lab.until(lab.board, "close", ({ reason }) => reason === "the server did not answer in time"));
  proxy.isDead = false;
  assert.equal(await run(() => lab.board.request("echo/0", "alive")), "alive");
});

networkTest("an answer that comes too late goes to nobody", async ({ proxy, run }) => {
  await run(() => lab.connect().ready);
  proxy.delay = 150;
  const late = await run(async () => {
    const { board } = lab;
    const [slow] = await Promise.allSettled([board.request("echo/0", "slow", { timeout: 50 })]);
    const next = await board.request("echo/0", "next", { timeout: 30_000 });
    return { slow: slow.reason.code, next, late: board.counts.late };
  });
  assert.deepEqual(late, { slow: "timeout", next: "next", late: 1 });
});

networkTest("what is said without a connection goes out in order, after the login, once", async ({ proxy, run }) => {
  await run(async () => {
    lab.logins = 0;
    lab.heard = [];
    const board = lab.connect({
      onConnected: async (link) => {
        await link.request("accounts/login", { name: "kevin" });
        await link.request("rooms/lobby/join");
        lab.logins++;
      },
    });
    board.on("rooms/*", ({ from, text }) => lab.heard.push(`${from}: ${text}`));
    await board.ready;
    lab.lost = lab.until(board, "close");
  });
  await proxy.refuse(true);
  await run(async () => {
    await lab.lost;
    lab.said = Promise.all(["a", "b", "c"].map((text) => lab.board.request("rooms/lobby/say", { text })));
    lab.refused = lab.until(lab.board, "close");
  });
  await run(() => lab.refused);
  await proxy.refuse(false);
  await run(() => lab.said);
  assert.deepEqual(await run(() => [lab.logins, lab.heard]), [2, ["kevin: a", "kevin: b", "kevin: c"]]);
});

networkTest("an answer that is cut in its middle is none", async ({ proxy, run }) => {
  await run(() => lab.connect().ready);
  proxy.cutAfter = 10_000;
  const cut = await run(async () => {
    const { board } = lab;
    const [outcome] = await Promise.allSettled([board.request("echo/0", "x".repeat(50_000))]);
    const whole = await board.request("echo/0", "y".repeat(50_000));
    return { code: outcome.reason?.code, whole: whole.length, malformed: board.counts.malformed };
  });
  assert.deepEqual(cut, { code: "disconnected", whole: 50_000, malformed: 0 });
});

networkTest("who leaves a stream stops it on the server", async ({ run }) => {
  const seen = await run(async () => {
    const seen = [];
    for await (const tick of lab.connect().stream("clock/ticks")) if (seen.push(tick) === 3) break;
    return seen;
  });
  assert.deepEqual(seen, [0, 1, 2]);
  // The time-out of the test is how long that may take.
  await run(async () => {
    while ((await lab.board.request("clock/running")) > 0);
  });
});

networkTest("a server that shuts down asks to come back, and is there when it is back", async ({ server, run }) => {
  await run(() => lab.connect().ready);
  const closed = run(() => lab.until(lab.board, "close"));
  await run(() => {});
  await server.stop("SIGTERM");
  const { code, willReconnect } = await closed;
  assert.deepEqual([code, willReconnect], [4000, true]);
  await server.restart();
  assert.equal(await run(() => lab.board.request("echo/0", "back")), "back");
});

networkTest("whatever the network does, every request settles, with its own answer or the truth", async ({ proxy, run }) => {
  await run(() => {
    const board = lab.connect({ heartbeat: 200, patience: 200 });
    lab.wrong = [];
    lab.ends = {};
    lab.ask = (count) => {
      const settle = (n, end) => {
        lab.ends[end] = (lab.ends[end] ?? 0) + 1;
        if (!["answered", "disconnected", "timeout"].includes(end)) lab.wrong.push(`${n}: ${end}`);
      };
      const asked = Array.from({ length: count }, (_, n) =>
        board.request(`echo/${n % 7}`, { n }, { timeout: 1_000 }).then((answer) => settle(n, answer.n === n ? "answered" : "foreign"), ({ code }) => settle(n, code)),
      );
      return (lab.last = Promise.all(asked));
    };
  });
  const troubles = [
    () => proxy.cut(),
    () => (proxy.delay = 30),
    () => (proxy.cutAfter = 500),
    () => (proxy.isDead = true),
    () => (proxy.isDead = false),
    () => (proxy.delay = 0),
    () => proxy.refuse(true),
    () => proxy.refuse(false),
  ];
  for (const cause of [...troubles, ...troubles]) {
    await run(() => void lab.ask(10));
    await cause();
    await run(() => lab.ask(5));
  }
  const { wrong, ends, answer } = await run(async () => {
    await lab.last;
    const answer = await lab.board.request("echo/0", "at last");
    return { wrong: lab.wrong, ends: lab.ends, answer };
  });
  assert.deepEqual([wrong, answer], [[], "at last"]);
  assert.equal(Object.values(ends).reduce((sum, count) => sum + count), 16 * 15);
  assert.ok(ends.answered > 20 && ends.disconnected > 10, JSON.stringify(ends));
});
