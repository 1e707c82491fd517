import assert from "node:assert/strict";
import { test } from "node:test";
import { Extension, messagePack } from "../source/msgpack.js";
import { client, settle } from "./harness.js";

const { encode, decode } = messagePack;
const hex = (bytes) => Buffer.from(bytes).toString("hex");
const bytes = (hex) => new Uint8Array(Buffer.from(hex.replaceAll(" ", ""), "hex"));
const text = (length) => "x".repeat(length);

const written = [
  [null, "c0"], [undefined, "c0"], [false, "c2"], [true, "c3"],
  [0, "00"], [127, "7f"], [128, "cc80"], [255, "ccff"], [256, "cd0100"], [65_535, "cdffff"], [65_536, "ce00010000"],
  [2 ** 32 - 1, "ceffffffff"], [2 ** 32, "cf0000000100000000"], [Number.MAX_SAFE_INTEGER, "cf001fffffffffffff"],
  [-1, "ff"], [-32, "e0"], [-33, "d0df"], [-128, "d080"], [-129, "d1ff7f"], [-32_768, "d18000"], [-32_769, "d2ffff7fff"],
  [-(2 ** 31), "d280000000"], [-(2 ** 31) - 1, "d3ffffffff7fffffff"], [Number.MIN_SAFE_INTEGER, "d3ffe0000000000001"],
  [1.5, "cb3ff8000000000000"], [-0, "cb8000000000000000"], [2 ** 53, "cb4340000000000000"], [Infinity, "cb7ff0000000000000"],
  ["", "a0"], ["茶", "a3e88cb6"], [text(31), `bf${"78".repeat(31)}`], [text(32), `d920${"78".repeat(32)}`],
  [text(256), `da0100${"78".repeat(256)}`], [text(65_536), `db00010000${"78".repeat(65_536)}`],
  [new Uint8Array([1, 2]), "c4020102"], [new Uint8Array(256), `c50100${"00".repeat(256)}`], [new Uint8Array(65_536), `c600010000${"00".repeat(65_536)}`],
  [[], "90"], [[1, [2]], "92019102"], [Array(16).fill(0), `dc0010${"00".repeat(16)}`], [Array(65_536).fill(0), `dd00010000${"00".repeat(65_536)}`],
  [{}, "80"], [{ a: 1, b: { c: null } }, "82a16101a16281a163c0"],
  [new Extension(5, new Uint8Array([9])), "d40509"], [new Extension(-1, new Uint8Array(3)), "c703ff000000"],
];
for (const [value, expected] of written) {
  test(`${expected.slice(0, 20)} is written, and read again`, () => {
    assert.equal(hex(encode(value)), expected);
    assert.deepEqual(decode(bytes(expected)), value ?? null);
    assert.deepEqual(decode(bytes(expected).buffer), value ?? null, "out of an ArrayBuffer");
  });
}

test("maps of every width", () => {
  for (const [count, marker] of [[15, "8f"], [16, "de0010"], [65_536, "df00010000"]]) {
    const map = Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, index]));
    assert.equal(hex(encode(map)).slice(0, marker.length), marker);
    assert.deepEqual(decode(encode(map)), map);
  }
});

const readToo = [
  ["ca3fc00000", 1.5], ["d0ff", -1], ["d1ffff", -1], ["d2ffffffff", -1], ["d3ffffffffffffffff", -1], ["cc01", 1], ["cd0001", 1], ["ce00000001", 1],
  ["cf0000000000000001", 1], ["d90161", "a"], ["da000161", "a"], ["db0000000161", "a"], ["c500010a", new Uint8Array([10])],
  ["dc000101", [1]], ["dd0000000101", [1]], ["de0001a16101", { a: 1 }], ["df00000001a16101", { a: 1 }], ["81 05 06", { 5: 6 }],
  ["d5010203", new Extension(1, new Uint8Array([2, 3]))], ["c80001070a", new Extension(7, new Uint8Array([10]))],
  ["c9000000010701", new Extension(7, new Uint8Array([1]))], ["cfffffffffffffffff", 2 ** 64],
];
for (const [data, expected] of readToo) {
  test(`${data} is read`, () => assert.deepEqual(decode(bytes(data)), expected));
}

for (const data of ["", "c1", "a2 61", "81 a1 61", "92 01", "c4 05 00", "00 00", "a1 ff", "dd ffffffff", "df ffffffff", "db ffffffff 00", "cf 00"]) {
  test(`"${data}" is no MessagePack`, () => assert.throws(() => decode(bytes(data)), (error) => error instanceof TypeError));
}

test("nesting is bounded, both ways", () => {
  let value = [];
  for (let depth = 1; depth < 128; depth++) value = [value];
  assert.deepEqual(decode(encode(value)), value);
  assert.throws(() => encode([value]), /deeper than 128/);
  assert.throws(() => decode(bytes("91".repeat(128) + "90")), /deeper than 128/);
  assert.throws(() => decode(bytes("91".repeat(1_000_000))), /deeper than 128/);
  const loop = {};
  loop.self = loop;
  assert.throws(() => encode(loop), /within itself/);
});

test("what JSON says of a value is what travels", () => {
  const value = { when: new Date(0), gone: undefined, call() {}, list: [undefined, () => {}, 1], sign: Symbol("s"), own: { toJSON: () => [1] } };
  assert.deepEqual(decode(encode(value)), JSON.parse(JSON.stringify(value)));
  assert.throws(() => encode({ n: 1n }), /cannot hold a bigint/);
});

test("bytes are bytes, whatever holds them", () => {
  const whole = new Uint8Array([0, 1, 2, 3]);
  for (const value of [whole.subarray(1, 3), whole.slice(1, 3).buffer, Buffer.from([1, 2]), new DataView(whole.buffer, 1, 2)]) {
    assert.equal(hex(encode(value)), "c4020102");
  }
  const read = decode(bytes("92c40101c40102").buffer);
  read[0][0] = 9;
  assert.deepEqual(read[1], new Uint8Array([2]), "a value is not a window on the others");
});

test("a key cannot change what an object is", () => {
  const read = decode(bytes("81a95f5f70726f746f5f5f81a17801"));
  assert.equal(Object.getPrototypeOf(read), Object.prototype);
  assert.deepEqual(Object.entries(read), [["__proto__", { x: 1 }]]);
});

test("a client speaks it: the sub-protocol, binary frames, and what is shown of them", async (t) => {
  const the = client(t, { codec: messagePack });
  const frames = the.events("frame");
  const sent = [];
  the.socket.send = (data) => sent.push(decode(data));
  assert.deepEqual([the.socket.protocol, the.socket.binaryType], ["switchboard.v1+msgpack", "arraybuffer"]);
  the.socket.opens();
  const result = the.board.request("files/size", { data: new Uint8Array([1, 2, 3]) });
  await settle();
  assert.deepEqual(sent, [{ name: "files/size", uid: 1, payload: { data: new Uint8Array([1, 2, 3]) } }]);
  the.socket.says(encode({ name: "files/size", uid: 1, payload: 3 }).buffer);
  assert.equal(await result, 3);
  assert.deepEqual(frames[1], { direction: "in", text: '{"name":"files/size","uid":1,"payload":3}' });
  for (const data of ["text", '{"name":"a"}', new ArrayBuffer(2), encode(5).buffer, encode({ payload: 1 }).buffer]) the.socket.says(data);
  assert.deepEqual([the.board.counts.malformed, the.board.state, frames.at(-5).text], [5, "open", "text"]);
});
