import assert from "node:assert/strict";
import { test } from "node:test";
import { SwitchboardError } from "../switchboard.js";
import { client, openClient, settle, watch } from "./harness.js";

const failure = (code) => ({ code, message: `it is ${code}` });

test("an answer is the result, and the frame asked for it by uid", async (t) => {
  const { board, socket } = openClient(t);
  const result = board.request("mixer/volume_up", { channel: 1 });
  const [{ uid }] = socket.sent;
  assert.deepEqual(socket.sent, [{ name: "mixer/volume_up", uid, payload: { channel: 1 } }]);
  assert.ok(Number.isSafeInteger(uid));
  socket.says({ name: "mixer/volume_up", uid, payload: { level: 5 }, unheardOf: true });
  assert.deepEqual(await result, { level: 5 });
});

test("an absent payload stays absent, null is a payload, and so is a falsy answer", async (t) => {
  const { board, socket } = openClient(t);
  const results = [undefined, null, 0, false, ""].map((payload) => board.request("echo", payload));
  assert.equal(Object.hasOwn(socket.sent[0], "payload"), false);
  assert.equal(socket.sent[1].payload, null);
  for (const frame of socket.sent) socket.says(frame);
  assert.deepEqual(await Promise.all(results), [undefined, null, 0, false, ""]);
});

test("answers reach their own requests in any order, and uids are never used twice", async (t) => {
  const { board, socket } = openClient(t);
  const results = Array.from({ length: 50 }, (_, n) => board.request("double", n));
  assert.equal(new Set(socket.sent.map(({ uid }) => uid)).size, 50);
  assert.deepEqual(socket.sent.map(({ payload }) => payload), Array.from({ length: 50 }, (_, n) => n));
  for (const { uid, payload } of socket.sent.toReversed()) socket.says({ name: "double", uid, payload: payload * 2 });
  assert.deepEqual(await Promise.all(results), Array.from({ length: 50 }, (_, n) => n * 2));
});

const settlements = [
  ["a bare final frame", [{}], { value: undefined, parts: [] }],
  ["an answer after parts: the first wins", [{ payload: 1, more: true }, { payload: 2, more: true }, { payload: 3 }], { value: 1, parts: [1, 2, 3] }],
  ["parts, then a bare end", [{ payload: 1, more: true }, { payload: 2, more: true }, {}], { value: 1, parts: [1, 2] }],
  ["a first answer of null is an answer", [{ payload: null, more: true }, { payload: 2 }], { value: null, parts: [null, 2] }],
  ["an error", [{ error: failure("forbidden") }], { code: "forbidden", parts: [] }],
  ["the first of two errors", [{ error: failure("a"), more: true }, { error: failure("b") }], { code: "a", parts: [], complaints: ["b"] }],
  ["an error, then a bare end", [{ error: failure("a"), more: true }, {}], { code: "a", parts: [] }],
  ["an answer, then an error", [{ payload: 1, more: true }, { error: failure("b") }], { value: 1, parts: [1], complaints: ["b"] }],
  ["an error, then an answer", [{ error: failure("a"), more: true }, { payload: 2 }], { value: 2, parts: [2], complaints: ["a"] }],
  ["an error wins over a payload in one frame", [{ error: failure("a"), payload: 1 }], { code: "a", parts: [] }],
];
for (const [what, frames, expected] of settlements) {
  test(`settles once by ${what}; no error is lost`, async (t) => {
    const the = openClient(t);
    const complaints = the.events("error");
    const parts = [];
    const outcome = watch(the.board.request("ask", undefined, { onPart: (payload) => parts.push(payload) }));
    const [{ uid }] = the.socket.sent;
    for (const [index, frame] of frames.entries()) {
      await settle();
      assert.equal(outcome.settled, 0, `before frame ${index}`);
      the.socket.says({ name: "ask", uid, ...frame });
    }
    the.socket.says({ name: "ask", uid, payload: "once more" });
    await settle();
    assert.equal(outcome.settled, 1);
    assert.deepEqual(parts, expected.parts);
    assert.deepEqual(complaints.map(({ code }) => code), expected.complaints ?? []);
    assert.equal(outcome.error?.code, expected.code);
    if (!expected.code) assert.equal(outcome.value, expected.value);
    assert.equal(the.board.counts.late, 1);
  });
}

test("an error carries what the server said", async (t) => {
  const { board, socket } = openClient(t);
  const result = board.request("accounts/login", { name: "" });
  socket.says({ name: "accounts/login", uid: socket.sent[0].uid, error: { code: "bad_name", message: "too short", details: { least: 1 } } });
  await assert.rejects(result, (error) => {
    assert.ok(error instanceof SwitchboardError && error instanceof Error);
    const { name, code, message, details, messageName, maybeDelivered } = error;
    assert.deepEqual(
      { name, code, message, details, messageName, maybeDelivered },
      { name: "SwitchboardError", code: "bad_name", message: "too short", details: { least: 1 }, messageName: "accounts/login", maybeDelivered: true },
    );
    return true;
  });
});

test("a time-out rejects, cancels on the server, and a late answer is only counted", async (t) => {
  const { board, socket, tick } = openClient(t);
  const outcome = watch(board.request("slow", undefined, { timeout: 100 }));
  const [{ uid }] = socket.sent;
  tick(99);
  await settle();
  assert.equal(outcome.settled, 0);
  tick(1);
  await settle();
  assert.deepEqual([outcome.error.code, outcome.error.maybeDelivered], ["timeout", true]);
  assert.deepEqual(socket.sent.slice(1), [{ name: "switchboard/cancel", payload: { uid } }]);
  socket.says({ name: "slow", uid, payload: 1 });
  await settle();
  assert.deepEqual([outcome.settled, board.counts.late], [1, 1]);
});

test("each part starts the time-out anew, so that a long stream is no time-out", async (t) => {
  const { board, socket, tick } = openClient(t);
  const outcome = watch(board.request("stream", undefined, { timeout: 100 }));
  const [{ uid }] = socket.sent;
  for (let part = 0; part < 5; part++) {
    tick(99);
    socket.says({ name: "stream", uid, payload: part, more: true });
  }
  await settle();
  assert.equal(outcome.settled, 0);
  tick(100);
  await settle();
  assert.equal(outcome.error.code, "timeout");
});

test("the default time-out is 30 s, and a boundless one is no immediate one", async (t) => {
  const { board, tick } = openClient(t);
  const usual = watch(board.request("usual"));
  const patient = watch(board.request("patient", undefined, { timeout: Infinity }));
  tick(29_999);
  await settle();
  assert.deepEqual([usual.settled, patient.settled], [0, 0]);
  tick(1);
  await settle();
  assert.deepEqual([usual.error?.code, patient.settled], ["timeout", 0]);
});

test("an abort rejects with its reason and cancels on the server", async (t) => {
  const { board, socket } = openClient(t);
  const controller = new AbortController();
  const outcome = watch(board.request("search", undefined, { signal: controller.signal }));
  controller.abort("typed on");
  await settle();
  assert.deepEqual([outcome.error.code, outcome.error.cause, outcome.error.maybeDelivered], ["cancelled", "typed on", true]);
  assert.deepEqual(socket.sent.slice(1), [{ name: "switchboard/cancel", payload: { uid: socket.sent[0].uid } }]);
});

test("an abort before sending sends nothing, one after settling does nothing", async (t) => {
  const { board, socket } = openClient(t);
  const outcome = watch(board.request("a", undefined, { signal: AbortSignal.abort() }));
  await settle();
  assert.deepEqual([outcome.error.code, outcome.error.maybeDelivered, socket.sent.length], ["cancelled", false, 0]);

  const controller = new AbortController();
  const result = board.request("b", undefined, { signal: controller.signal });
  socket.says({ name: "b", uid: socket.sent[0].uid, payload: 1 });
  controller.abort();
  assert.equal(await result, 1);
  assert.deepEqual(socket.names, ["b"]);
});

test("a handler of parts that gives the request up leaves no timer behind", async (t) => {
  const { board, socket, tick } = openClient(t);
  const controller = new AbortController();
  const options = { signal: controller.signal, onPart: () => controller.abort(), timeout: 100 };
  const outcome = watch(board.request("stream", undefined, options));
  socket.says({ name: "stream", uid: socket.sent[0].uid, payload: 1, more: true });
  tick(1_000);
  await settle();
  assert.deepEqual([outcome.settled, outcome.error.code], [1, "cancelled"]);
  assert.deepEqual(socket.names, ["stream", "switchboard/cancel"]);
});

test("a handler of parts that throws is reported, and the request settles", async (t) => {
  const { board, socket } = openClient(t);
  const reports = t.mock.method(console, "error", () => {}).mock;
  const result = board.request("ask", undefined, { onPart: () => { throw new Error("mine"); } });
  socket.says({ name: "ask", uid: socket.sent[0].uid, payload: 1 });
  assert.equal(await result, 1);
  assert.equal(reports.calls[0].arguments[0].message, "mine");
});

test("a receipt comes with the value, and with the error", async (t) => {
  const { board, socket } = openClient(t);
  const receipt = { matched: 2, failed: 1, delivered: 3, dropped: 0 };
  const good = board.request("say", "hi", { receipt: true });
  const bad = board.request("say", "ho", { receipt: true });
  assert.deepEqual(socket.sent.map((frame) => frame.receipt), [true, true]);
  socket.says({ name: "say", uid: socket.sent[0].uid, payload: "said", more: true });
  socket.says({ name: "say", uid: socket.sent[0].uid, receipt });
  socket.says({ name: "say", uid: socket.sent[1].uid, error: failure("internal"), receipt });
  assert.deepEqual(await good, { value: "said", receipt });
  await assert.rejects(bad, { code: "internal", receipt });
});

test("what was sent when the connection is lost may have been delivered; what was not sent stays queued", async (t) => {
  const the = openClient(t);
  const sent = watch(the.board.request("sent"));
  the.socket.ends(1006);
  const waiting = the.board.request("waiting");
  await settle();
  assert.deepEqual([sent.error.code, sent.error.maybeDelivered], ["disconnected", true]);
  assert.match(sent.error.message, /sent.*1006/);
  the.tick(250);
  the.socket.opens();
  assert.deepEqual(the.socket.names, ["waiting"]);
  the.socket.says({ name: "waiting", uid: the.socket.sent[0].uid, payload: "served" });
  assert.equal(await waiting, "served");
});

test("parts are no result when the connection is lost before the last", async (t) => {
  const { board, socket } = openClient(t);
  const outcome = watch(board.request("stream"));
  socket.says({ name: "stream", uid: socket.sent[0].uid, payload: 1, more: true });
  socket.ends(1006);
  await settle();
  assert.equal(outcome.error.code, "disconnected");
});

test("what waits for a connection until its time-out was certainly not delivered, and is never sent", async (t) => {
  const { board, socket, tick } = client(t);
  const controller = new AbortController();
  const late = watch(board.request("late", undefined, { timeout: 100 }));
  const aborted = watch(board.request("aborted", undefined, { signal: controller.signal }));
  board.send("kept");
  controller.abort();
  tick(100);
  await settle();
  assert.deepEqual([late.error.code, late.error.maybeDelivered], ["timeout", false]);
  assert.deepEqual([aborted.error.code, aborted.error.maybeDelivered], ["cancelled", false]);
  socket.opens();
  assert.deepEqual(socket.names, ["kept"]);
});

test("close() settles what was sent and what was not", async (t) => {
  const the = openClient(t);
  const sent = watch(the.board.request("sent"));
  the.socket.readyState = 2;
  const queued = watch(the.board.request("queued"));
  the.board.close();
  const after = watch(the.board.request("after"));
  await settle();
  assert.deepEqual([sent, queued, after].map(({ settled, error }) => [settled, error.code, error.maybeDelivered]), [
    [1, "disconnected", true],
    [1, "disconnected", false],
    [1, "disconnected", false],
  ]);
});

test("mistakes in the call are TypeErrors and send nothing", async (t) => {
  const { board, socket } = openClient(t);
  const loop = {};
  loop.self = loop;
  for (const [name, payload, options] of [["", 1], [undefined, 1], [7, 1], ["a", loop], ["a", 1n], ["a", 1, { timeout: NaN }], ["a", 1, { timeout: -1 }]]) {
    await assert.rejects(board.request(name, payload, options), TypeError);
    if (!options) assert.throws(() => board.send(name, payload), TypeError);
  }
  assert.deepEqual(socket.sent, []);
});
