import assert from "node:assert/strict";
import { test } from "node:test";
import { client, openClient, settle, watch } from "./harness.js";

test("the queue is bounded in bytes: what does not fit is refused, what is smaller still fits", async (t) => {
  const size = JSON.stringify({ name: "a", payload: "x".repeat(50) }).length;
  const { board, socket } = client(t, { queueBytes: 2 * size });
  assert.equal(board.send("a", "x".repeat(50)), true);
  assert.equal(board.send("a", "y".repeat(51)), false);
  await assert.rejects(board.request("ask", "z".repeat(51)), { code: "overloaded", maybeDelivered: false });
  assert.equal(board.send("a", "z".repeat(50)), true);
  assert.equal(board.send("b"), false);
  socket.opens();
  assert.deepEqual([socket.names, board.counts.refused], [["a", "a"], 3]);
});

test("what has left the queue makes room, however it left", async (t) => {
  const the = client(t, { queue: 2, queueBytes: 200, queueAge: 1_000 });
  const controller = new AbortController();
  const outcome = watch(the.board.request("aborted", "x".repeat(100), { signal: controller.signal }));
  the.board.send("old");
  assert.equal(the.board.send("no room"), false);
  controller.abort();
  await settle();
  assert.equal(outcome.error.code, "cancelled");
  assert.equal(the.board.send("b", "x".repeat(100)), true);
  the.tick(1_000);
  assert.deepEqual([the.board.send("c", "x".repeat(100)), the.board.send("d")], [true, true]);
  the.socket.opens();
  assert.deepEqual(the.socket.names, ["c", "d"]);
});

test("what waits too long is handed back: messages by an event, requests by their rejection", async (t) => {
  const the = client(t, { queueAge: 1_000 });
  const unsent = the.events("unsent");
  const payload = { text: "hi" };
  the.board.send("old", payload);
  const request = watch(the.board.request("asked", 1, { timeout: Infinity }));
  the.tick(500);
  the.board.send("young");
  the.tick(499);
  assert.deepEqual(unsent, []);
  the.tick(1);
  await settle();
  assert.deepEqual(unsent, [[{ name: "old", payload }]]);
  assert.deepEqual([request.error.code, request.error.maybeDelivered, the.board.pending], ["disconnected", false, 0]);
  assert.match(request.error.message, /asked was not sent: no connection came in time/);
  the.socket.opens();
  assert.deepEqual(the.socket.names, ["young"]);
  the.tick(1_000_000);
  assert.equal(unsent.length, 1, "what was sent is not handed back later");
});

test("what waits outlives attempts that fail", async (t) => {
  const the = client(t);
  the.board.send("told");
  const result = the.board.request("asked");
  for (let attempt = 0; attempt < 3; attempt++) {
    the.socket.ends(1006);
    the.tick(2_000);
  }
  the.socket.opens();
  assert.deepEqual(the.socket.names, ["told", "asked"]);
  the.socket.says({ name: "asked", uid: the.socket.sent[1].uid, payload: 1 });
  assert.equal(await result, 1);
});

test("without a bound on age a message waits for as long as it takes", (t) => {
  const the = client(t, { queueAge: Infinity, patience: 1_000_000 });
  the.board.send("kept");
  the.tick(999_999);
  the.socket.opens();
  assert.deepEqual(the.socket.names, ["kept"]);
});

test("a client that is closed hands back all that waited, once", async (t) => {
  const the = openClient(t);
  const [unsent, closed] = [the.events("unsent"), the.events("close")];
  the.socket.ends(1006);
  the.board.send("a", 1);
  const request = watch(the.board.request("b"));
  the.board.send("c");
  the.tick(250);
  the.socket.ends(4500, "who are you?");
  await settle();
  const expected = [{ name: "a", payload: 1 }, { name: "c", payload: undefined }];
  assert.deepEqual([unsent, closed.at(-1).unsent], [[expected], expected]);
  assert.deepEqual([request.error.code, request.error.maybeDelivered], ["disconnected", false]);
  assert.match(request.error.message, /b was not sent: .*4500: who are you\?/);
  the.tick(1_000_000);
  assert.equal(unsent.length, 1);
});

test("what is sent from within a listener of `unsent` is refused where the client is closed", (t) => {
  const the = client(t);
  the.board.send("a");
  const again = [];
  the.board.addEventListener("unsent", ({ detail }) => again.push(...detail.map(({ name, payload }) => the.board.send(name, payload))));
  the.board.close();
  assert.deepEqual(again, [false]);
});

for (const name of ["", "/", "/a", "a/", "a//b", "a*", "*", "a/*", "<a>", "a\nb", "a\u0085", "\ud800"]) {
  test(`${JSON.stringify(name)} is no name, and nothing is sent`, async (t) => {
    const { board, socket } = openClient(t);
    assert.throws(() => board.send(name), (error) => error instanceof TypeError && error.message.includes("is no name"));
    assert.throws(() => board.stream(name), TypeError);
    await assert.rejects(board.request(name), TypeError);
    assert.deepEqual([socket.sent, board.pending], [[], 0]);
  });
}
