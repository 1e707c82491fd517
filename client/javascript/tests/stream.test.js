import assert from "node:assert/strict";
import { test } from "node:test";
import { client, openClient, settle, watch } from "./harness.js";

/** A stream, and a function with which the server says something of it. */
function stream(the, options) {
  const answers = the.board.stream("ask", 1, options);
  const { uid } = the.socket.sent.findLast(({ name }) => name === "ask");
  return { answers, says: (frame) => the.socket.says({ name: "ask", uid, ...frame }), uid };
}

test("a loop gets every answer in order, and ends with the last", async (t) => {
  const the = openClient(t);
  const { answers, says } = stream(the);
  const seen = [];
  const loop = watch((async () => {
    for await (const answer of answers) seen.push(answer);
  })());
  for (const payload of [1, null, "three"]) {
    says({ payload, more: true });
    await settle();
    assert.equal(seen.at(-1), payload);
  }
  assert.equal(loop.settled, 0);
  says({ payload: 4 });
  await settle();
  assert.deepEqual([seen, loop.settled, loop.error, the.board.pending], [[1, null, "three", 4], 1, undefined, 0]);
});

test("it is sent at once, and answers wait for who takes them", async (t) => {
  const the = openClient(t);
  const { answers, says } = stream(the);
  assert.deepEqual(the.socket.names, ["ask"]);
  says({ payload: 1, more: true });
  says({ payload: 2, more: true });
  says({});
  const seen = [];
  for await (const answer of answers) seen.push(answer);
  assert.deepEqual(seen, [1, 2]);
  assert.deepEqual(await answers.next(), { value: undefined, done: true });
});

test("who leaves the loop cancels the request, and what still comes is late", async (t) => {
  const the = openClient(t);
  const { answers, says, uid } = stream(the);
  says({ payload: 1, more: true });
  says({ payload: 2, more: true });
  for await (const answer of answers) {
    assert.equal(answer, 1);
    break;
  }
  assert.deepEqual(the.socket.sent.slice(1), [{ name: "switchboard/cancel", payload: { uid } }]);
  says({ payload: 3, more: true });
  says({ error: { code: "cancelled", message: "as you asked" } });
  assert.deepEqual([the.board.pending, the.board.counts.late], [0, 2]);
  assert.deepEqual(await answers.next(), { value: undefined, done: true });
});

test("whoever still waits when the stream is left learns that it is over", async (t) => {
  const the = openClient(t);
  const { answers } = stream(the);
  const [first, second] = [watch(answers.next()), watch(answers.next())];
  await answers.return();
  await settle();
  assert.deepEqual([first.value, second.value], [{ value: undefined, done: true }, { value: undefined, done: true }]);
  assert.equal(the.socket.names.at(-1), "switchboard/cancel");
});

test("who leaves a stream that is over cancels nothing", async (t) => {
  const the = openClient(t);
  const { answers, says } = stream(the);
  says({ payload: 1 });
  for await (const _ of answers) break;
  assert.deepEqual(the.socket.names, ["ask"]);
});

const ends = [
  ["the only frame", [{ error: { code: "a" } }], [], "a", []],
  ["after answers", [{ payload: 1, more: true }, { error: { code: "a" } }], [1], "a", []],
  ["with answers behind it", [{ error: { code: "a" }, more: true }, { payload: 1, more: true }, {}], [1], "a", []],
  ["the first of two", [{ payload: 1, more: true }, { error: { code: "a" }, more: true }, { error: { code: "b" } }], [1], "a", ["b"]],
];
for (const [what, frames, answered, code, complained] of ends) {
  test(`an error comes when all answers are taken: ${what}`, async (t) => {
    const the = openClient(t);
    const complaints = the.events("error");
    const { answers, says } = stream(the);
    for (const frame of frames) says(frame);
    const seen = [];
    await assert.rejects(async () => {
      for await (const answer of answers) seen.push(answer);
    }, { code, messageName: "ask" });
    assert.deepEqual([seen, complaints.map(({ code }) => code)], [answered, complained]);
    assert.deepEqual(await answers.next(), { value: undefined, done: true }, "an error is thrown once");
  });
}

test("a stream that nobody takes is given up at its limit, and what it had can be taken", async (t) => {
  const the = openClient(t);
  const { answers, says, uid } = stream(the, { limit: 2 });
  for (const payload of [1, 2, 3, 4]) says({ payload, more: true });
  assert.deepEqual(the.socket.sent.slice(1), [{ name: "switchboard/cancel", payload: { uid } }]);
  const seen = [];
  await assert.rejects(async () => {
    for await (const answer of answers) seen.push(answer);
  }, { code: "overloaded" });
  assert.deepEqual([seen, the.board.counts.late], [[1, 2], 1]);
});

test("each answer starts the time-out anew; silence ends the stream", async (t) => {
  const the = openClient(t);
  const { answers, says } = stream(the, { timeout: 100 });
  for (const payload of [1, 2, 3]) {
    the.tick(99);
    says({ payload, more: true });
    assert.equal((await answers.next()).value, payload);
  }
  the.tick(100);
  await assert.rejects(answers.next(), { code: "timeout", maybeDelivered: true });
  assert.equal(the.socket.names.at(-1), "switchboard/cancel");
});

test("a signal ends the stream with its reason", async (t) => {
  const the = openClient(t);
  const controller = new AbortController();
  const { answers } = stream(the, { signal: controller.signal });
  const next = watch(answers.next());
  controller.abort("enough");
  await settle();
  assert.deepEqual([next.error.code, next.error.cause, the.board.pending], ["cancelled", "enough", 0]);
});

test("a lost connection ends the stream, and nobody needs to listen", async (t) => {
  const unhandled = t.mock.fn();
  process.on("unhandledRejection", unhandled);
  t.after(() => process.off("unhandledRejection", unhandled));
  const the = openClient(t);
  const { answers, says } = stream(the);
  says({ payload: 1, more: true });
  the.socket.ends(1006);
  await settle();
  assert.equal(unhandled.mock.callCount(), 0);
  assert.equal((await answers.next()).value, 1);
  await assert.rejects(answers.next(), { code: "disconnected", maybeDelivered: true });
});

test("a stream that waits for a connection is not lost", async (t) => {
  const the = client(t);
  const answers = the.board.stream("ask");
  the.socket.opens();
  the.socket.says({ name: "ask", uid: the.socket.sent[0].uid, payload: "here" });
  assert.equal((await answers.next()).value, "here");
});
