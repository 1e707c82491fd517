import assert from "node:assert/strict";
import { test } from "node:test";
import { client, openClient, settle, watch } from "./harness.js";

const patterns = [
  ["mixer/level", ["mixer/level"], ["mixer/levels", "mixer", "mixer/level/x", "a/mixer/level", "Mixer/level"]],
  ["mixer/*", ["mixer/level", "mixer/a/b"], ["mixer", "mixer/", "mixers/a", "a/mixer/b"]],
  ["a.b/*", ["a.b/c"], ["axb/c"]],
  ["*", ["a", "a/b/c", "日本/語"], []],
  [/mixer\/volume_(up|down)/, ["mixer/volume_up", "mixer/volume_down"], ["mixer/volume_upper", "my/mixer/volume_up"]],
  [/a|b/g, ["a", "b"], ["ab", "ax", "xb"]],
  [/^lobby$/iy, ["lobby", "Lobby"], ["lobby/x"]],
];
for (const [pattern, yes, no] of patterns) {
  test(`on(${pattern}) hears ${yes} and not ${no}`, (t) => {
    const { board, socket } = openClient(t);
    const heard = [];
    board.on(pattern, (payload, frame) => heard.push([frame.name, payload]));
    for (const name of [...yes, ...no, ...yes]) socket.says({ name, payload: 1 });
    assert.deepEqual(heard, [...yes, ...yes].map((name) => [name, 1]));
  });
}

for (const pattern of ["", "*/a", "a/*/b", "a/**", "a*", "/*", "**"]) {
  test(`on(${JSON.stringify(pattern)}) is refused`, (t) => {
    const { board } = openClient(t);
    assert.throws(() => board.on(pattern, () => {}), TypeError);
  });
}

test("a handler gets the payload and the whole frame; keys nobody knows do not matter", (t) => {
  const { board, socket } = openClient(t);
  const heard = [];
  board.on("rooms/*", (...args) => heard.push(args));
  const frame = { name: "rooms/lobby/say", payload: { text: "hi" }, mailbox: "rooms/lobby", unheardOf: [1] };
  socket.says(frame);
  socket.says({ name: "rooms/lobby/left" });
  assert.deepEqual(heard, [[{ text: "hi" }, frame], [undefined, { name: "rooms/lobby/left" }]]);
});

test("answers are no deliveries", (t) => {
  const { board, socket } = openClient(t);
  const heard = t.mock.fn();
  board.on("*", heard);
  board.request("ask");
  socket.says({ name: "ask", uid: socket.sent[0].uid, payload: 1 });
  socket.says({ name: "ask", uid: "nobody's", payload: 1 });
  assert.equal(heard.mock.callCount(), 0);
  socket.says({ name: "ask", uid: null, payload: 1 });
  assert.equal(heard.mock.callCount(), 1, "null is an absent uid");
});

test("one handler that throws holds no other back", (t) => {
  const { board, socket } = openClient(t);
  const reports = t.mock.method(console, "error", () => {}).mock;
  const heard = [];
  board.on("a", () => heard.push(1));
  board.on("a", () => { throw new Error("mine"); });
  board.on("*", () => heard.push(3));
  socket.says({ name: "a" });
  socket.says({ name: "a" });
  assert.deepEqual(heard, [1, 3, 1, 3]);
  assert.deepEqual(reports.calls.map(({ arguments: [error] }) => error.message), ["mine", "mine"]);
});

test("subscriptions end, also from within a handler; new ones begin with the next frame", (t) => {
  const { board, socket } = openClient(t);
  const heard = [];
  const offFirst = board.on("a", () => {
    heard.push("first");
    offFirst();
    offSecond();
    board.on("a", () => heard.push("third"));
  });
  const offSecond = board.on("a", () => heard.push("second"));
  socket.says({ name: "a" });
  assert.deepEqual(heard, ["first"]);
  socket.says({ name: "a" });
  assert.deepEqual(heard, ["first", "third"]);
  offFirst();
});

test("the same handler twice is two subscriptions", (t) => {
  const { board, socket } = openClient(t);
  const handler = t.mock.fn();
  const off = board.on("a", handler);
  board.on("a", handler);
  off();
  socket.says({ name: "a" });
  assert.equal(handler.mock.callCount(), 1);
});

const malformed = ["", "not json", "null", "1", '"text"', "[]", "{}", '{"name":1}', '{"payload":1}', '{"name":{"a":1},"uid":1}',
  '{"name":"a","error":"text"}', '{"name":"a","error":{"message":"no code"}}', '{"name":"a","error":{"code":{"toString":1}}}', new ArrayBuffer(3)];
for (const frame of malformed) {
  test(`a malformed frame is ignored, told and counted: ${typeof frame === "string" ? frame : "binary"}`, (t) => {
    const { board, socket, warnings, events } = openClient(t);
    const complaints = events("error");
    const heard = [];
    board.on("*", (payload) => heard.push(payload));
    socket.says(frame);
    socket.says({ name: "after", payload: "still here" });
    assert.deepEqual([board.counts.malformed, warnings.callCount(), heard, complaints], [1, 1, ["still here"], []]);
    assert.equal(board.state, "open");
  });
}

test("the warning of a long malformed frame is short", (t) => {
  const { socket, warnings } = openClient(t);
  socket.says("x".repeat(60_000));
  assert.ok(warnings.calls[0].arguments.join(" ").length < 300);
});

test("no frame can pollute or break the client", (t) => {
  const { board, socket } = openClient(t);
  const heard = [];
  board.on("*", (payload) => heard.push(payload));
  socket.says('{"name":"a","payload":{"__proto__":{"polluted":true}},"__proto__":{"uid":1}}');
  socket.says(`{"name":"a","payload":${"[".repeat(200_000)}${"]".repeat(200_000)}}`);
  socket.says({ name: "b", error: { code: "internal", message: { toString: 1 } } });
  socket.says({ name: "c", payload: 2 });
  assert.equal({}.polluted, undefined);
  assert.equal(heard.at(-1), 2);
});

test("a uid that no request has is ignored and counted, also one of another type", async (t) => {
  const { board, socket } = openClient(t);
  const outcome = watch(board.request("ask"));
  const [{ uid }] = socket.sent;
  for (const wrong of [String(uid), uid + 1, { uid }, [uid], true]) socket.says({ name: "ask", uid: wrong, payload: "wrong" });
  await settle();
  assert.deepEqual([outcome.settled, board.counts.late], [0, 5]);
});

test("an error without uid is an event, and a warning unless somebody took it", (t) => {
  const { board, socket, warnings } = openClient(t);
  const heard = t.mock.fn();
  board.on("*", heard);
  const frame = { name: "rooms/a/say", error: { code: "forbidden", message: "join first" } };
  socket.says(frame);
  assert.match(warnings.calls[0].arguments[0], /rooms\/a\/say.*forbidden.*join first/);
  let seen;
  board.addEventListener("error", (event) => {
    seen = event.detail;
    event.preventDefault();
  });
  socket.says(frame);
  socket.says({ error: { code: "bad_message" } });
  assert.equal(warnings.callCount(), 1);
  assert.deepEqual([seen.code, seen.message, heard.mock.callCount()], ["bad_message", "bad_message", 0]);
});

test("accept asks the server, and settles by its answer", async (t) => {
  const { board, socket } = openClient(t);
  const good = board.accept(new Set(["mixer/*", "activity"]));
  const bad = board.accept(["<"]);
  assert.deepEqual(socket.sent.map(({ name, payload }) => [name, payload]), [
    ["switchboard/accept", { names: ["mixer/*", "activity"] }],
    ["switchboard/accept", { names: ["<"] }],
  ]);
  socket.says({ name: "switchboard/accept", uid: socket.sent[0].uid });
  socket.says({ name: "switchboard/accept", uid: socket.sent[1].uid, error: { code: "bad_payload", message: "<" } });
  await good;
  await assert.rejects(bad, { code: "bad_payload" });
});

test("accept goes out once and ahead of the queue, even when it was said last", async (t) => {
  const { board, socket } = client(t);
  board.send("a");
  const first = board.accept(["x"]);
  const second = board.accept(["y"]);
  board.addEventListener("open", () => board.send("login"));
  socket.opens();
  assert.deepEqual(socket.names, ["switchboard/accept", "switchboard/accept", "login", "a"]);
  assert.deepEqual(socket.sent[1].payload, { names: ["y"] }, "the last one counts");
  for (const { name, uid } of socket.sent.slice(0, 2)) socket.says({ name, uid });
  await Promise.all([first, second]);
});

test("the accepted names are sent again on every connection, before anything queued", async (t) => {
  const the = openClient(t);
  const accepted = the.board.accept(["mixer/*"]);
  the.socket.says({ name: "switchboard/accept", uid: the.socket.sent[0].uid });
  await accepted;
  for (let round = 0; round < 3; round++) {
    the.socket.ends(1012);
    the.board.send("queued");
    the.tick(20_000);
    the.socket.opens();
    assert.deepEqual(the.socket.names, ["switchboard/accept", "queued"]);
    assert.deepEqual(the.socket.sent[0].payload, { names: ["mixer/*"] });
    the.socket.says({ name: "switchboard/accept", uid: the.socket.sent[0].uid });
  }
});

test("an accept in flight when the connection is lost is settled by the next one", async (t) => {
  const the = openClient(t);
  const outcome = watch(the.board.accept(["a"]));
  the.socket.ends(1006);
  the.board.send("queued");
  the.tick(250);
  the.socket.opens();
  assert.deepEqual(the.socket.names, ["switchboard/accept", "queued"]);
  await settle();
  assert.equal(outcome.settled, 0);
  the.socket.says({ name: "switchboard/accept", uid: the.socket.sent[0].uid });
  await settle();
  assert.deepEqual([outcome.settled, outcome.error], [1, undefined]);
});

test("an accept said while the connection goes away comes after the one that was in flight", (t) => {
  const the = openClient(t);
  the.board.accept(["old"]).catch(() => {});
  the.socket.readyState = 2;
  the.board.accept(["new"]).catch(() => {});
  the.socket.ends(1006);
  the.tick(250);
  the.socket.opens();
  assert.deepEqual(the.socket.sent.map(({ payload }) => payload.names), [["old"], ["new"]]);
});

test("names that the server refuses on a new connection are told, not lost", async (t) => {
  const the = openClient(t);
  const first = the.board.accept(["a"]);
  the.socket.says({ name: "switchboard/accept", uid: the.socket.sent[0].uid });
  await first;
  const complaints = the.events("error");
  the.socket.ends(1006);
  the.tick(250);
  the.socket.opens();
  the.socket.says({ name: "switchboard/accept", uid: the.socket.sent[0].uid, error: { code: "forbidden", message: "no" } });
  await settle();
  assert.deepEqual(complaints.map(({ code }) => code), ["forbidden"]);
});

test("a client that never called accept sends none", (t) => {
  const { socket } = openClient(t);
  assert.deepEqual(socket.sent, []);
});

test("the frame event shows what travels, both ways", (t) => {
  const the = openClient(t);
  const frames = the.events("frame");
  the.board.send("a", { n: 1 });
  the.socket.says('{"name":"b"}');
  assert.deepEqual(frames, [
    { direction: "out", text: '{"name":"a","payload":{"n":1}}' },
    { direction: "in", text: '{"name":"b"}' },
  ]);
});
