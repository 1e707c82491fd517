/** A value of an application's own kind, which the server passes on between clients that speak MessagePack. */
export class Extension {
    /** @param {number} type -128 to 127 @param {Uint8Array} bytes */
    constructor(type: number, bytes: Uint8Array);
    type: number;
    bytes: Uint8Array<ArrayBufferLike>;
}
/** For {@link connect}: `connect(url, { codec: messagePack })`. @type {Codec} */
export const messagePack: Codec;
import type { Codec } from "./types.js";
