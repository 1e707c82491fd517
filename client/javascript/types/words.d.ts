/** @param {NonNullable<Frame["error"]>} error @param {string} messageName */
export function serverError({ code, message, details }: NonNullable<Frame["error"]>, messageName: string): SwitchboardError;
/** @param {string} name */
export function checkName(name: string): void;
/** @param {string | RegExp} pattern @returns {(name: string) => boolean} */
export function matcher(pattern: string | RegExp): (name: string) => boolean;
/** What came, where it is a frame. @param {Codec} codec @param {unknown} data @returns {Frame | undefined} */
export function readFrame(codec: Codec, data: unknown): Frame | undefined;
/** Calls a handler of the application's: what it throws is reported, and holds nobody up. @param {Handler} handler @param {Frame} frame */
export function guarded(handler: Handler, frame: Frame): void;
/** @type {Codec} */
export const json: Codec;
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
    constructor(code: string, message: string, { details, maybeDelivered, messageName, receipt, cause }?: {
        details?: any;
        maybeDelivered?: boolean;
        messageName?: string;
        receipt?: Receipt;
        cause?: unknown;
    });
    code: string;
    details: any;
    /** False when the message certainly never left this client: to send it again is safe. */
    maybeDelivered: boolean;
    /** The name of the message that this is about, where it is known. */
    messageName: string | undefined;
    receipt: Receipt | undefined;
}
import type { Frame } from "./types.js";
import type { Codec } from "./types.js";
import type { Handler } from "./types.js";
import type { Receipt } from "./types.js";
