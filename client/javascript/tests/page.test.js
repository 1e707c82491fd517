import assert from "node:assert/strict";
import { test } from "node:test";
import { client, openClient } from "./harness.js";

/** A page's events, for as long as a test takes. */
function page(t) {
  const [self, document] = [new EventTarget(), Object.assign(new EventTarget(), { visibilityState: "visible" })];
  globalThis.addEventListener = self.addEventListener.bind(self);
  globalThis.document = document;
  t.after(() => {
    delete globalThis.addEventListener;
    delete globalThis.document;
  });
  return {
    is: (type) => self.dispatchEvent(new Event(type)),
    turns: (visibilityState) => {
      Object.assign(document, { visibilityState });
      document.dispatchEvent(new Event("visibilitychange"));
    },
  };
}

const wakes = [
  ["the machine comes online", ({ is }) => is("online")],
  ["the page comes back from the cache", ({ is }) => is("pageshow")],
  ["the page is shown again", ({ turns }) => turns("visible")],
];
for (const [what, wake] of wakes) {
  test(`when ${what}, the next attempt is made at once`, (t) => {
    const events = page(t);
    const the = openClient(t);
    the.socket.ends(1006);
    assert.equal(the.board.state, "waiting");
    wake(events);
    assert.deepEqual([the.board.state, the.sockets.length], ["connecting", 2]);
    the.tick(250);
    assert.equal(the.sockets.length, 2, "the wait that was under way is over");
  });

  test(`when ${what}, an open connection is checked at once`, (t) => {
    const events = page(t);
    const the = openClient(t, { heartbeat: 30_000, patience: 10_000 });
    wake(events);
    wake(events);
    assert.deepEqual(the.socket.names, ["switchboard/ping"]);
    the.tick(9_999);
    wake(events);
    the.tick(1);
    assert.equal(the.board.state, "waiting", "asking again does not make it live longer");
  });
}

test("when the network is gone, an open connection is checked, and not given up before that", (t) => {
  const events = page(t);
  const the = openClient(t, { heartbeat: 30_000 });
  events.is("offline");
  assert.deepEqual([the.board.state, the.socket.names], ["open", ["switchboard/ping"]]);
  the.socket.says({ name: "switchboard/ping", uid: the.socket.sent[0].uid });
  the.tick(29_999);
  assert.equal(the.board.state, "open");
});

test("a page that is hidden changes nothing", (t) => {
  const events = page(t);
  const the = openClient(t, { heartbeat: 30_000 });
  events.turns("hidden");
  assert.deepEqual(the.socket.names, []);
  the.socket.ends(1006);
  events.turns("hidden");
  assert.equal(the.board.state, "waiting");
});

test("a handshake under way is left alone", (t) => {
  const events = page(t);
  const the = client(t);
  events.is("online");
  assert.deepEqual([the.board.state, the.sockets.length], ["connecting", 1]);
});

test("a client that never checks its connection is not made to", (t) => {
  const events = page(t);
  const the = openClient(t, { heartbeat: 0 });
  events.is("online");
  assert.deepEqual(the.socket.names, []);
});

test("a closed client has let go of the page", (t) => {
  const events = page(t);
  const the = openClient(t);
  the.socket.ends(4500);
  events.is("online");
  events.turns("visible");
  assert.deepEqual([the.board.state, the.sockets.length], ["closed", 1]);
});
