/**
 * What the client and a server have to agree on: names and patterns, frames, errors.
 */

/** @import { Codec, Frame, Handler, Receipt } from "./types.js" */

/** Segments between slashes, without control characters, halves of surrogate pairs, `<`, `>` and `*`. */
const NAME = /^[^/<>*\p{Cc}\p{Cs}]+(\/[^/<>*\p{Cc}\p{Cs}]+)*$/u;

/** @type {Codec} */
export const json = { protocol: "switchboard.v1+json", encode: JSON.stringify, decode: JSON.parse };

/**
 * Why a request failed, or what the server complained about.
 *
 * `code` is the server's (`not_found`, `bad_payload`, `forbidden`, …, and the application's own) or the client's:
 * `timeout`, `cancelled` (by the signal), `disconnected`, `overloaded` (the queue, the connection's buffer or a stream's is
 * full), `hook_failed` (what `onConnected` threw is the `cause`).
 */
export class SwitchboardError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {{ details?: any, maybeDelivered?: boolean, messageName?: string, receipt?: Receipt, cause?: unknown }} [more]
   */
  constructor(code, message, { details, maybeDelivered = true, messageName, receipt, cause } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "SwitchboardError";
    this.code = code;
    this.details = details;
    /** False when the message certainly never left this client: to send it again is safe. */
    this.maybeDelivered = maybeDelivered;
    /** The name of the message that this is about, where it is known. */
    this.messageName = messageName;
    this.receipt = receipt;
  }
}

/** @param {NonNullable<Frame["error"]>} error @param {string} messageName */
export function serverError({ code, message, details }, messageName) {
  return new SwitchboardError(code, typeof message === "string" ? message : code, { details, messageName });
}

/** @param {string} name */
export function checkName(name) {
  if (typeof name === "string" && NAME.test(name)) return;
  const shown = typeof name === "string" ? JSON.stringify(name) : String(name);
  throw new TypeError(`${shown} is no name: give segments between slashes, without control characters, <, > and *`);
}

/** @param {string | RegExp} pattern @returns {(name: string) => boolean} */
export function matcher(pattern) {
  if (pattern instanceof RegExp) {
    const whole = new RegExp(`^(?:${pattern.source})$`, pattern.flags.replace(/[gmy]/g, ""));
    return (name) => whole.test(name);
  }
  if (pattern === "*") return () => true;
  const [prefix, rest] = String(pattern).split(/(\/\*)$/);
  if (!NAME.test(prefix)) throw new TypeError(`"${pattern}" is no pattern: give a name, "prefix/*", "*" or a regular expression`);
  if (!rest) return (name) => name === prefix;
  return (name) => name.startsWith(`${prefix}/`) && name.length > prefix.length + 1;
}

/** What came, where it is a frame. @param {Codec} codec @param {unknown} data @returns {Frame | undefined} */
export function readFrame(codec, data) {
  try {
    const frame = codec.decode(data);
    const { name, uid, error } = frame;
    const named = typeof name === "string" || (name == null && (uid != null || error != null));
    if (named && (error == null || typeof error.code === "string")) return frame;
  } catch {}
  return undefined;
}

/** Calls a handler of the application's: what it throws is reported, and holds nobody up. @param {Handler} handler @param {Frame} frame */
export function guarded(handler, frame) {
  try {
    handler(frame.payload, frame);
  } catch (error) {
    if (typeof reportError === "function") reportError(error);
    else console.error(error);
  }
}
