/** The test vectors of docs/protocol/, against the client. The server runs the same files (tests/protocol.rs). */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { messagePack } from "../source/msgpack.js";
import { client, openClient, settle, watch } from "./harness.js";

const vectors = (file) => JSON.parse(readFileSync(new URL(`../../../docs/protocol/${file}`, import.meta.url), "utf8"));
const bytes = (hex) => new Uint8Array(Buffer.from(hex, "hex"));
const hex = (bytes) => Buffer.from(bytes).toString("hex");

/** What a frame of each kind does to a client whose one request has the uid 1, where `frame` is its content. */
const effects = {
  delivery: ({ name, payload }) => ({ heard: [[name, payload]] }),
  answer: ({ payload, receipt }) => ({ parts: [payload], value: { value: payload, receipt } }),
  part: ({ payload }) => ({ parts: [payload] }),
  done: ({ receipt }) => ({ value: { value: undefined, receipt } }),
  error: ({ error, receipt }) => ({ error: { ...error, receipt } }),
  "partial error": () => ({}),
  report: ({ error }) => ({ reported: [error.code] }),
};

async function effect(t, data, codec) {
  const the = client(t, codec && { codec });
  the.socket.send = () => {};
  the.socket.opens();
  const reported = the.events("error");
  const [heard, parts] = [[], []];
  the.board.on("*", (payload, frame) => heard.push([frame.name, payload]));
  const outcome = watch(the.board.request("ask", undefined, { receipt: true, onPart: (payload) => parts.push(payload) }));
  the.socket.says(data);
  await settle();
  const { code, message, details, receipt } = outcome.error ?? {};
  return {
    malformed: the.board.counts.malformed,
    heard,
    parts,
    value: outcome.value,
    error: outcome.error && { code, message, ...(details === undefined ? {} : { details }), receipt },
    reported: reported.map(({ code }) => code),
  };
}

const nothing = { malformed: 0, heard: [], parts: [], value: undefined, error: undefined, reported: [] };
const { written, read, invalid } = vectors("frames.json");
for (const { kind, json, msgpack } of [...written, ...read]) {
  test(`a frame, ${kind}: ${json}`, async (t) => {
    const expected = { ...nothing, ...effects[kind](JSON.parse(json)) };
    assert.deepEqual(await effect(t, json), expected);
    t.mock.timers.reset();
    if (msgpack) assert.deepEqual(await effect(t, bytes(msgpack).buffer, messagePack), expected);
  });
}

for (const unit of invalid) {
  test(`no frame: ${unit}`, async (t) => assert.deepEqual(await effect(t, unit), { ...nothing, malformed: 1 }));
}

for (const { code, reconnect } of vectors("close-codes.json").codes) {
  test(`close code ${code}`, (t) => {
    const the = openClient(t);
    the.socket.ends(code);
    assert.equal(the.board.state, reconnect ? "waiting" : "closed");
  });
}

const names = vectors("names.json");
test("names", (t) => {
  const { board, socket } = openClient(t);
  for (const name of names.valid) assert.equal(board.send(name), true, name);
  assert.deepEqual(socket.names, names.valid);
  // How long a name may be is the server's to say.
  for (const name of names.invalid.filter(({ length }) => length <= 255)) assert.throws(() => board.send(name), TypeError, JSON.stringify(name));
});

for (const { pattern, accepts, refuses } of names.patterns) {
  test(`pattern ${pattern}`, (t) => {
    const { board, socket } = openClient(t);
    const heard = [];
    board.on(pattern, (_, { name }) => heard.push(name));
    for (const name of [...refuses, ...accepts]) socket.says({ name });
    assert.deepEqual(heard, accepts);
  });
}

test("no patterns", (t) => {
  const { board } = openClient(t);
  for (const pattern of names.no_patterns) assert.throws(() => board.on(pattern, () => {}), TypeError, pattern);
});

test("values in MessagePack", () => {
  const { written, read, bin, invalid } = vectors("msgpack.json");
  for (const { json, hex: expected } of written) assert.equal(hex(messagePack.encode(json)), expected, JSON.stringify(json));
  for (const { json, hex } of [...written, ...read]) assert.deepEqual(messagePack.decode(bytes(hex)), json, hex);
  for (const { base64, hex } of bin) assert.equal(Buffer.from(messagePack.decode(bytes(hex))).toString("base64"), base64);
  for (const hex of invalid) assert.throws(() => messagePack.decode(bytes(hex)), TypeError, hex);
});

test("what the client sends is a valid message and means what was said", async (t) => {
  for (const { means } of vectors("messages.json").valid) {
    const { board, socket } = openClient(t);
    const { name, payload, receipt = false } = means;
    if ("uid" in means) board.request(name, payload, { receipt }).catch(() => {});
    else board.send(name, payload);
    const uid = "uid" in means ? { uid: 1 } : {};
    assert.deepEqual(socket.sent, [{ ...means, ...uid }]);
    board.close();
    await settle();
    t.mock.timers.reset();
    t.mock.restoreAll();
  }
});

/** Of each conversation, the requests that the client can make itself settle as the server's frames say. */
for (const { about, steps } of vectors("conversations.json").conversations) {
  test(`a conversation: ${about}`, async (t) => {
    const { board, socket } = openClient(t);
    const open = new Map();
    for (const { send, receive } of steps) {
      if (send?.uid !== undefined) {
        const outcome = watch(board.request(send.name, send.payload, { receipt: send.receipt }));
        open.set(send.uid, { outcome, uid: socket.sent.at(-1).uid });
      } else if (send) {
        board.send(send.name, send.payload);
      } else {
        const call = open.get(receive.uid);
        socket.says(call ? { ...receive, uid: call.uid } : receive);
        await settle();
        if (call) assert.equal(call.outcome.settled, receive.more ? 0 : 1, about);
        if (call && !receive.more) assert.equal(call.outcome.error?.code, receive.error?.code, about);
      }
    }
    assert.deepEqual([board.pending, board.counts.late, board.counts.malformed], [0, 0, 0]);
  });
}
