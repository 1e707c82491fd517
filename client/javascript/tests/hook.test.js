import assert from "node:assert/strict";
import { test } from "node:test";
import { client, settle, watch } from "./harness.js";

/** Answers the last request of this name on a socket. */
const answer = (socket, name, rest = {}) => socket.says({ name, uid: socket.sent.findLast((frame) => frame.name === name).uid, ...rest });

test("onConnected goes ahead of what waits, and the connection is open when it has ended", async (t) => {
  const the = client(t, {
    onConnected: async (link) => {
      await link.request("accounts/login", { name: "kevin" });
      link.send("rooms/lobby/join");
    },
  });
  const opened = the.events("open");
  const ready = watch(the.board.ready);
  the.board.send("first");
  the.board.accept(["rooms/*"]).catch(() => {});
  the.socket.opens();
  await settle();
  the.board.send("second");
  const waiting = watch(the.board.request("third"));
  assert.deepEqual(the.socket.names, ["switchboard/accept", "accounts/login"]);
  assert.deepEqual([the.board.state, opened.length, ready.settled], ["connecting", 0, 0]);
  answer(the.socket, "accounts/login", { payload: true });
  await settle();
  assert.deepEqual(the.socket.names, ["switchboard/accept", "accounts/login", "rooms/lobby/join", "first", "second", "third"]);
  assert.deepEqual([the.board.state, opened.length, ready.settled, waiting.settled], ["open", 1, 1, 0]);
});

test("onConnected runs on every connection, and a plain function will do", async (t) => {
  let runs = 0;
  const the = client(t, { onConnected: (link) => void link.send("login", ++runs) });
  for (const round of [1, 2, 3]) {
    the.board.send("queued", round);
    the.socket.opens();
    await settle();
    assert.deepEqual(the.socket.sent, [{ name: "login", payload: round }, { name: "queued", payload: round }]);
    the.socket.ends(1012);
    the.tick(20_000);
  }
});

test("deliveries are heard while onConnected is at work", async (t) => {
  const the = client(t, { onConnected: () => new Promise(() => {}) });
  const heard = [];
  the.board.on("*", (payload) => heard.push(payload));
  the.socket.opens();
  await settle();
  the.socket.says({ name: "news", payload: 1 });
  assert.deepEqual([heard, the.board.state], [[1], "connecting"]);
});

test("where onConnected fails, that is told, nothing is sent, and the next connection is another attempt", async (t) => {
  const the = client(t, { onConnected: (link) => link.request("login") });
  const [complaints, closed] = [the.events("error"), the.events("close")];
  the.board.send("queued");
  the.socket.opens();
  await settle();
  answer(the.socket, "login", { error: { code: "name_taken", message: "wait a little" } });
  await settle();
  assert.deepEqual(complaints.map(({ code, cause }) => [code, cause.code]), [["hook_failed", "name_taken"]]);
  assert.match(closed[0].reason, /onConnected failed: wait a little/);
  assert.deepEqual([the.board.state, closed[0].willReconnect, the.socket.names], ["waiting", true, ["login"]]);
  the.tick(250);
  the.socket.opens();
  await settle();
  answer(the.socket, "login");
  await settle();
  assert.deepEqual([the.board.state, the.socket.names], ["open", ["login", "queued"]]);
});

test("attempts whose hook fails come at longer and longer intervals", async (t) => {
  const the = client(t, { random: () => 0.998, onConnected: () => Promise.reject(new Error("no")) });
  for (const longest of [500, 1_000, 2_000, 4_000]) {
    const before = the.sockets.length;
    the.socket.opens();
    await settle();
    the.tick(longest * 0.998 - 1);
    assert.equal(the.sockets.length, before);
    the.tick(1);
    assert.equal(the.sockets.length, before + 1);
  }
});

test("what belongs to a connection that is over goes by no other", async (t) => {
  const links = [];
  const the = client(t, { onConnected: (link) => void links.push(link) });
  const complaints = the.events("error");
  the.socket.opens();
  await settle();
  the.socket.ends(1006);
  the.tick(250);
  the.socket.opens();
  await settle();
  const [old] = links;
  assert.equal(old.send("a"), false);
  await assert.rejects(old.request("b"), { code: "disconnected", maybeDelivered: false });
  await assert.rejects(old.stream("c").next(), { code: "disconnected", maybeDelivered: false });
  assert.deepEqual([the.socket.names, the.board.pending, complaints], [[], 0, []]);
});

test("a connection that is lost while onConnected is at work does not count as its failure", async (t) => {
  const the = client(t, { onConnected: (link) => link.request("login") });
  const complaints = the.events("error");
  the.socket.opens();
  await settle();
  the.socket.ends(1006);
  await settle();
  assert.deepEqual([the.board.state, the.board.pending, complaints], ["waiting", 0, []]);
});

test("a link streams, too", async (t) => {
  const seen = [];
  const the = client(t, {
    onConnected: async (link) => {
      for await (const room of link.stream("rooms/mine")) seen.push(room);
    },
  });
  the.socket.opens();
  await settle();
  answer(the.socket, "rooms/mine", { payload: "a", more: true });
  answer(the.socket, "rooms/mine", { payload: "b" });
  await settle();
  assert.deepEqual([seen, the.board.state], [["a", "b"], "open"]);
});
