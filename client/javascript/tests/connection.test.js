import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, SwitchboardError } from "../switchboard.js";
import { client, FakeSocket, openClient, settle, watch } from "./harness.js";

test("connects in the background, offers the dialect, and is ready when the connection stands", async (t) => {
  const { board, socket, events } = client(t);
  const opened = events("open");
  const ready = watch(board.ready);
  await settle();
  assert.deepEqual([board.state, ready.settled, socket.url, socket.protocol], ["connecting", 0, "ws://test/switchboard", "switchboard.v1+json"]);
  socket.opens();
  await settle();
  assert.deepEqual([board.state, ready.settled, ready.error, opened.length], ["open", 1, undefined, 1]);
});

test("the address is the page's own unless told otherwise", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const urls = [];
  class Socket extends FakeSocket {
    constructor(url) {
      super(url);
      urls.push(url);
    }
  }
  const options = { WebSocket: Socket };
  assert.throws(() => connect(undefined, options), TypeError, "without a page there is no default");
  globalThis.location = { href: "https://example.com:8443/chat/?room=a#top" };
  t.after(() => delete globalThis.location);
  for (const url of [undefined, "/board", "http://other/x", "wss://other/y#z", new URL("ws://other/")]) connect(url, options);
  assert.deepEqual(urls, [
    "wss://example.com:8443/switchboard",
    "wss://example.com:8443/board",
    "ws://other/x",
    "wss://other/y",
    "ws://other/",
  ]);
  assert.throws(() => connect("ftp://other/", options), /ftp:\/\/other\/.*ws:/);
});

test("without a WebSocket class it says so", (t) => {
  const { WebSocket } = globalThis;
  delete globalThis.WebSocket;
  t.after(() => WebSocket && (globalThis.WebSocket = WebSocket));
  assert.throws(() => connect("ws://test/"), /no WebSocket here/);
});

test("messages wait for the first connection and go out in order", (t) => {
  const { board, socket } = client(t);
  assert.equal(board.send("a", 1), true);
  board.request("b", 2).catch(() => {});
  assert.equal(board.send("c"), true);
  assert.deepEqual(socket.sent, []);
  socket.opens();
  board.send("d");
  assert.deepEqual(socket.names, ["a", "b", "c", "d"]);
  assert.deepEqual(socket.sent[0], { name: "a", payload: 1 }, "no uid: no answer is asked for");
});

test("ten thousand messages in one turn arrive in order", (t) => {
  const { board, socket } = openClient(t);
  for (let n = 0; n < 10_000; n++) assert.equal(board.send("count", n), true);
  assert.ok(socket.sent.every(({ payload }, n) => payload === n) && socket.sent.length === 10_000);
});

test("the queue is bounded, and so is what an open connection holds; refusals are counted", async (t) => {
  const { board, socket } = client(t, { queue: 2, buffer: 100 });
  const results = [board.send("a"), board.send("b"), board.send("c")];
  assert.deepEqual(results, [true, true, false]);
  await assert.rejects(board.request("d"), { code: "overloaded", maybeDelivered: false });
  socket.opens();
  assert.deepEqual(socket.names, ["a", "b"]);
  socket.bufferedAmount = 99;
  assert.equal(board.send("e"), true);
  socket.bufferedAmount = 100;
  assert.equal(board.send("f"), false);
  await assert.rejects(board.request("g"), { code: "overloaded", maybeDelivered: false });
  assert.deepEqual([socket.names, board.counts.refused], [["a", "b", "e"], 4]);
});

test("what is sent while the connection closes waits for the next one", (t) => {
  const the = openClient(t);
  the.socket.readyState = 2;
  the.board.send("a");
  the.socket.ends(1001);
  the.tick(250);
  the.socket.opens();
  assert.deepEqual([the.sockets.map(({ names }) => names), the.board.state], [[[], ["a"]], "open"]);
});

test("listeners of `open` can log in ahead of what is queued", (t) => {
  const { board, socket } = client(t);
  board.send("rooms/lobby/say");
  board.addEventListener("open", () => board.send("accounts/login"));
  socket.opens();
  assert.deepEqual(socket.names, ["accounts/login", "rooms/lobby/say"]);
});

for (const code of [1001, 1006, 1011, 1012, 1013, 4000, 4250, 4499]) {
  test(`comes back after close code ${code}`, (t) => {
    const the = openClient(t);
    const closed = the.events("close");
    the.socket.ends(code, "later");
    assert.equal(the.board.state, "waiting");
    assert.deepEqual(closed, [{ code, reason: "later", willReconnect: true, unsent: [] }]);
    the.tick(250);
    assert.deepEqual([the.board.state, the.sockets.length], ["connecting", 2]);
  });
}

for (const code of [1000, 1002, 1003, 1005, 1007, 1008, 1009, 1010, 3000, 3999, 4500, 4999]) {
  test(`stays away after close code ${code}`, async (t) => {
    const the = openClient(t);
    const closed = the.events("close");
    const result = watch(the.board.request("ask"));
    the.socket.ends(code, "enough");
    the.tick(1_000_000);
    await settle();
    assert.deepEqual([the.board.state, the.sockets.length, result.error.code], ["closed", 1, "disconnected"]);
    assert.deepEqual(closed, [{ code, reason: "enough", willReconnect: false, unsent: [] }]);
    assert.equal(the.board.send("more"), false);
  });
}

for (const [name, random, share] of [["nothing", 0, 0], ["half", 0.5, 0.5], ["nearly all", 0.998, 0.998]]) {
  test(`waits ${name} of a span that doubles from 0.5 s to 20 s`, (t) => {
    const the = client(t, { random: () => random });
    for (const longest of [500, 1_000, 2_000, 4_000, 8_000, 16_000, 20_000, 20_000, 20_000]) {
      const before = the.sockets.length;
      the.socket.ends(1006);
      if (share > 0) the.tick(longest * share - 1);
      assert.equal(the.sockets.length, before, `not before ${longest * share} ms`);
      the.tick(1);
      assert.equal(the.sockets.length, before + 1, `at ${longest * share} ms`);
    }
  });
}

test("a connection that lived 5 s makes the next wait short again, a shorter one does not", (t) => {
  const the = client(t, { random: () => 0.998 });
  const waits = (longest) => {
    const before = the.sockets.length;
    the.socket.ends(1006);
    the.tick(longest * 0.998 - 1);
    assert.equal(the.sockets.length, before);
    the.tick(1);
    assert.equal(the.sockets.length, before + 1);
  };
  waits(500);
  waits(1_000);
  the.socket.opens();
  the.tick(4_999);
  waits(2_000);
  the.socket.opens();
  the.tick(5_000);
  waits(500);
});

test("a short connection is not taken for a long one afterwards", (t) => {
  const the = client(t, { random: () => 0.998 });
  the.socket.ends(1006);
  the.tick(500);
  the.socket.opens();
  the.socket.ends(1006);
  the.tick(1_000);
  the.tick(5_000);
  the.socket.ends(1006);
  the.tick(1_995);
  assert.equal(the.board.state, "waiting");
  the.tick(1);
  assert.equal(the.board.state, "connecting");
});

test("a handshake that never ends is given up after 10 s", (t) => {
  const the = client(t);
  const closed = the.events("close");
  const [stuck] = the.sockets;
  the.tick(9_999);
  assert.equal(the.board.state, "connecting");
  the.tick(1);
  assert.deepEqual([the.board.state, closed[0].code, closed[0].willReconnect], ["waiting", 1006, true]);
  the.tick(250);
  assert.equal(the.sockets.length, 2);
  stuck.opens();
  stuck.ends(1006);
  assert.deepEqual([the.board.state, the.sockets.length], ["connecting", 2], "the old socket has no say any more");
});

test("silence is answered by a ping; an answer to it keeps the connection", async (t) => {
  const { board, socket, tick } = openClient(t, { heartbeat: 30_000 });
  tick(29_999);
  assert.deepEqual(socket.sent, []);
  tick(1);
  assert.deepEqual(socket.names, ["switchboard/ping"]);
  assert.ok(socket.sent[0].uid, "without a uid nobody would answer");
  tick(9_999);
  socket.says({ name: "switchboard/ping", uid: socket.sent[0].uid });
  tick(29_999);
  await settle();
  assert.deepEqual([board.state, socket.sent.length, board.counts.late], ["open", 1, 0]);
  tick(1);
  assert.equal(socket.sent.length, 2);
});

test("any frame counts as a sign of life, before the ping and instead of its answer", (t) => {
  const { board, socket, tick } = openClient(t, { heartbeat: 30_000 });
  tick(29_999);
  socket.says({ name: "tick" });
  tick(29_999);
  assert.deepEqual(socket.sent, []);
  tick(1);
  socket.says("rubbish");
  tick(10_000);
  assert.deepEqual([board.state, socket.names], ["open", ["switchboard/ping"]]);
});

test("no answer within 10 s: the connection is closed, what was in flight rejects, and it reconnects", async (t) => {
  const the = openClient(t, { heartbeat: 1_000 });
  const result = watch(the.board.request("ask", undefined, { timeout: 60_000 }));
  the.tick(1_000);
  the.tick(9_999);
  assert.equal(the.board.state, "open");
  the.tick(1);
  await settle();
  assert.deepEqual([the.board.state, result.error.code, result.error.maybeDelivered], ["waiting", "disconnected", true]);
  assert.ok(the.socket.closedWith);
  the.tick(250);
  the.socket.opens();
  assert.deepEqual([the.sockets.length, the.board.state, the.socket.sent], [2, "open", []]);
});

test("heartbeat 0 never pings", (t) => {
  const { board, socket, tick } = openClient(t, { heartbeat: 0 });
  tick(10_000_000);
  assert.deepEqual([board.state, socket.sent], ["open", []]);
});

test("close() says goodbye, tells of what was never sent, and nothing comes back", async (t) => {
  const the = openClient(t);
  const closed = the.events("close");
  the.socket.readyState = 2;
  the.board.send("lost", 1);
  the.socket.readyState = 1;
  the.board.close(4321, "bye");
  the.board.close(4322, "again");
  the.tick(1_000_000);
  assert.deepEqual(the.socket.closedWith, { code: 4321, reason: "bye" });
  assert.deepEqual(closed, [{ code: 4321, reason: "bye", willReconnect: false, unsent: [{ name: "lost", payload: 1 }] }]);
  assert.deepEqual([the.board.state, the.sockets.length], ["closed", 1]);
});

test("close() while waiting ends the attempts", (t) => {
  const the = openClient(t);
  the.socket.ends(1006);
  the.board.close();
  the.tick(1_000_000);
  assert.deepEqual([the.board.state, the.sockets.length], ["closed", 1]);
});

test("a close code that no browser takes throws and changes nothing", (t) => {
  const { board } = openClient(t);
  assert.throws(() => board.close(1001), /InvalidAccessError/);
  assert.equal(board.state, "open");
});

test("ready rejects when the client is closed first, and nobody needs to listen", async (t) => {
  const unhandled = t.mock.fn();
  process.on("unhandledRejection", unhandled);
  t.after(() => process.off("unhandledRejection", unhandled));
  const { board } = client(t);
  board.close();
  await settle();
  assert.equal(unhandled.mock.callCount(), 0);
  await assert.rejects(board.ready, (error) => error instanceof SwitchboardError && error.code === "disconnected" && !error.maybeDelivered);
});

test("closing from within any listener stops the rest", (t) => {
  const the = client(t);
  the.board.send("a");
  the.board.send("b");
  const opened = the.events("open");
  const closed = the.events("close");
  const frames = the.events("frame");
  the.board.addEventListener("frame", () => the.board.close());
  the.board.accept([]).catch(() => {});
  the.board.accept(["a"]).catch(() => {});
  the.socket.opens();
  assert.deepEqual([the.socket.names, opened, the.board.state], [["switchboard/accept"], [], "closed"]);
  assert.equal(frames.length, 1, "what is not sent is not shown");
  assert.deepEqual(closed[0].unsent.map(({ name }) => name), ["a", "b"]);
});
