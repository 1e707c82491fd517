/**
 * MessagePack for a Switchboard client: the sub-protocol `switchboard.v1+msgpack`.
 *
 * ```js
 * import { connect } from "/switchboard.js";
 * import { messagePack } from "/switchboard/msgpack.js";
 *
 * const board = connect(undefined, { codec: messagePack });
 * ```
 *
 * A value is written as JSON would write it (`toJSON` is asked, what is undefined is left out, an array has `null` in its
 * place), but bytes stay bytes: a `Uint8Array`, another view or an `ArrayBuffer` is `bin`, which is read as a `Uint8Array`;
 * and what is not finite stays so. Integers beyond 2^53 lose their last digits when read, as they do in JSON.
 *
 * @module msgpack
 */

/** @import { Codec } from "./types.js" */

/** The deepest nesting of a message, as on the server. */
const DEPTH = 128;

/** A value of an application's own kind, which the server passes on between clients that speak MessagePack. */
export class Extension {
  /** @param {number} type -128 to 127 @param {Uint8Array} bytes */
  constructor(type, bytes) {
    this.type = type;
    this.bytes = bytes;
  }
}

/** For {@link connect}: `connect(url, { codec: messagePack })`. @type {Codec} */
export const messagePack = {
  protocol: "switchboard.v1+msgpack",
  encode: (message) => new Writer().write(message),
  decode: (data) => new Reader(data).read(),
};

class Writer {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  /** @param {unknown} message */
  write(message) {
    this.#value(message, DEPTH);
    return this.#bytes.slice(0, this.#at);
  }

  /** @param {any} value @param {number} depth */
  #value(value, depth) {
    // A `Buffer` of Node's is bytes, though it has a `toJSON`.
    if (typeof value?.toJSON === "function" && !ArrayBuffer.isView(value)) value = value.toJSON();
    if (value == null) this.#head(0xc0);
    else if (typeof value === "boolean") this.#head(value ? 0xc3 : 0xc2);
    else if (typeof value === "number") this.#number(value);
    else if (typeof value === "string") this.#string(value);
    else if (value instanceof ArrayBuffer) this.#bin(new Uint8Array(value));
    else if (ArrayBuffer.isView(value)) this.#bin(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
    else if (value instanceof Extension) this.#extension(value);
    else if (typeof value !== "object") throw new TypeError(`a message cannot hold a ${typeof value}`);
    else if (depth === 0) throw new TypeError(`the message nests deeper than ${DEPTH}, or within itself`);
    else if (Array.isArray(value)) this.#array(value, depth - 1);
    else this.#map(value, depth - 1);
  }

  /** @param {number} value */
  #number(value) {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) this.#float(value);
    else if (value >= 0) this.#unsigned(value);
    else if (value >= -0x20) this.#head(value & 0xff);
    else if (value >= -0x80) this.#head(0xd0, value & 0xff, 1);
    else if (value >= -0x8000) this.#head(0xd1, value & 0xffff, 2);
    else if (value >= -0x8000_0000) this.#head(0xd2, value, 4);
    else this.#long(0xd3, value);
  }

  /** @param {number} value */
  #unsigned(value) {
    if (value < 0x80) this.#head(value);
    else if (value < 0x100) this.#head(0xcc, value, 1);
    else if (value < 0x1_0000) this.#head(0xcd, value, 2);
    else if (value < 0x1_0000_0000) this.#head(0xce, value, 4);
    else this.#long(0xcf, value);
  }

  /** @param {number} value */
  #float(value) {
    const at = this.#take(9);
    this.#bytes[at] = 0xcb;
    this.#view.setFloat64(at + 1, value);
  }

  /** @param {number} marker @param {number} value */
  #long(marker, value) {
    const at = this.#take(9);
    this.#bytes[at] = marker;
    this.#view.setBigInt64(at + 1, BigInt(value));
  }

  /** @param {string} value */
  #string(value) {
    const bytes = new TextEncoder().encode(value);
    this.#length(bytes.length, [0xa0, 0x20, 0xd9, 0xda, 0xdb]);
    this.#raw(bytes);
  }

  /** @param {Uint8Array} bytes */
  #bin(bytes) {
    this.#length(bytes.length, [0, 0, 0xc4, 0xc5, 0xc6]);
    this.#raw(bytes);
  }

  /** @param {Extension} value */
  #extension({ type, bytes }) {
    const fixed = [1, 2, 4, 8, 16].indexOf(bytes.length);
    if (fixed >= 0) this.#head(0xd4 + fixed);
    else this.#length(bytes.length, [0, 0, 0xc7, 0xc8, 0xc9]);
    this.#head(type & 0xff);
    this.#raw(bytes);
  }

  /** @param {any[]} values @param {number} depth */
  #array(values, depth) {
    this.#length(values.length, [0x90, 0x10, 0, 0xdc, 0xdd]);
    for (const value of values) this.#value(isWritten(value) ? value : null, depth);
  }

  /** @param {Record<string, any>} value @param {number} depth */
  #map(value, depth) {
    const entries = Object.entries(value).filter(([, value]) => isWritten(value));
    this.#length(entries.length, [0x80, 0x10, 0, 0xde, 0xdf]);
    for (const [key, value] of entries) {
      this.#string(key);
      this.#value(value, depth);
    }
  }

  /**
   * A length behind its marker: one marker for lengths below a bound, and for those of 8, 16 and 32 bits; 0 where there is none.
   * @param {number} length @param {number[]} markers
   */
  #length(length, [fixed, bound, of8, of16, of32]) {
    if (length < bound) this.#head(fixed | length);
    else if (of8 && length < 0x100) this.#head(of8, length, 1);
    else if (length < 0x1_0000) this.#head(of16, length, 2);
    else this.#head(of32, length, 4);
  }

  /** A marker, and a number of so many bytes. @param {number} marker @param {number} [value] @param {0 | 1 | 2 | 4} [size] */
  #head(marker, value = 0, size = 0) {
    const at = this.#take(1 + size);
    this.#bytes[at] = marker;
    if (size === 1) this.#bytes[at + 1] = value;
    else if (size === 2) this.#view.setUint16(at + 1, value);
    else if (size === 4) this.#view.setUint32(at + 1, value);
  }

  /** @param {Uint8Array} bytes */
  #raw(bytes) {
    const at = this.#take(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** Room for so many bytes more, and where it begins. @param {number} size */
  #take(size) {
    const start = this.#at;
    this.#at += size;
    if (this.#at > this.#bytes.length) {
      const bytes = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at));
      bytes.set(this.#bytes.subarray(0, start));
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer);
    }
    return start;
  }
}

class Reader {
  #bytes;
  #view;
  #at = 0;

  /** @param {ArrayBuffer | Uint8Array} data */
  constructor(data) {
    this.#bytes = data instanceof Uint8Array ? data : new Uint8Array(data instanceof ArrayBuffer ? data : fail("text, where bytes are agreed on"));
    this.#view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.byteLength);
  }

  read() {
    const value = this.#value(DEPTH);
    if (this.#at < this.#bytes.length) fail(`expected the end at byte ${this.#at}`);
    return value;
  }

  /** @param {number} depth @returns {any} */
  #value(depth) {
    const marker = this.#unsigned(1);
    if (marker < 0x80) return marker;
    if (marker < 0x90) return this.#map(marker & 0x0f, depth);
    if (marker < 0xa0) return this.#array(marker & 0x0f, depth);
    if (marker < 0xc0) return this.#string(marker & 0x1f);
    if (marker >= 0xe0) return marker - 0x100;
    // The width of what follows, where markers of one kind stand beside each other.
    const width = (/** @type {number} */ first) => /** @type {1 | 2 | 4 | 8} */ (1 << (marker - first));
    switch (marker) {
      case 0xc0: return null;
      case 0xc2: return false;
      case 0xc3: return true;
      case 0xc4: case 0xc5: case 0xc6: return this.#slice(this.#unsigned(width(0xc4))).slice();
      case 0xc7: case 0xc8: case 0xc9: return this.#extension(this.#unsigned(width(0xc7)));
      case 0xca: return this.#view.getFloat32(this.#skip(4));
      case 0xcb: return this.#view.getFloat64(this.#skip(8));
      case 0xcc: case 0xcd: case 0xce: case 0xcf: return this.#unsigned(width(0xcc));
      case 0xd0: return this.#view.getInt8(this.#skip(1));
      case 0xd1: return this.#view.getInt16(this.#skip(2));
      case 0xd2: return this.#view.getInt32(this.#skip(4));
      case 0xd3: return Number(this.#view.getBigInt64(this.#skip(8)));
      case 0xd4: case 0xd5: case 0xd6: case 0xd7: case 0xd8: return this.#extension(1 << (marker - 0xd4));
      case 0xd9: case 0xda: case 0xdb: return this.#string(this.#unsigned(width(0xd9)));
      case 0xdc: case 0xdd: return this.#array(this.#unsigned(width(0xdb)), depth);
      case 0xde: case 0xdf: return this.#map(this.#unsigned(width(0xdd)), depth);
      default: return fail(`0xc1 at byte ${this.#at - 1} begins no value`);
    }
  }

  /** @param {1 | 2 | 4 | 8} size */
  #unsigned(size) {
    const at = this.#skip(size);
    if (size === 1) return this.#view.getUint8(at);
    if (size === 2) return this.#view.getUint16(at);
    if (size === 4) return this.#view.getUint32(at);
    return Number(this.#view.getBigUint64(at));
  }

  /** @param {number} length */
  #string(length) {
    return UTF8.decode(this.#slice(length));
  }

  /** @param {number} length */
  #extension(length) {
    const type = this.#view.getInt8(this.#skip(1));
    return new Extension(type, this.#slice(length).slice());
  }

  /** @param {number} length @param {number} depth */
  #array(length, depth) {
    if (depth === 0) fail(`arrays and maps nest deeper than ${DEPTH}`);
    const values = [];
    for (let index = 0; index < length; index++) values.push(this.#value(depth - 1));
    return values;
  }

  /** @param {number} length @param {number} depth */
  #map(length, depth) {
    if (depth === 0) fail(`arrays and maps nest deeper than ${DEPTH}`);
    /** @type {Record<string, any>} */ const map = {};
    for (let index = 0; index < length; index++) {
      const key = String(this.#value(depth - 1));
      const value = this.#value(depth - 1);
      // Assigned, this one key would change what the object is.
      if (key === "__proto__") Object.defineProperty(map, key, { value, writable: true, enumerable: true, configurable: true });
      else map[key] = value;
    }
    return map;
  }

  /** @param {number} length */
  #slice(length) {
    const start = this.#skip(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** Passes so many bytes, and says where they begin. @param {number} size */
  #skip(size) {
    const start = this.#at;
    if (size > this.#bytes.length - start) fail("the bytes end inside a value");
    this.#at += size;
    return start;
  }
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What JSON leaves out of an object. @param {unknown} value */
function isWritten(value) {
  return value !== undefined && typeof value !== "function" && typeof value !== "symbol";
}

/** @param {string} why @returns {never} */
function fail(why) {
  throw new TypeError(`not MessagePack: ${why}`);
}
