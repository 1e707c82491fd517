/**
 * Connects to a Switchboard server. Returns at once and connects in the background.
 *
 * @param {string | URL} [url] `ws:`, `wss:`, `http:`, `https:`, or relative to the page; default `/switchboard` of its origin
 * @param {Options} [options]
 * @returns {Switchboard}
 * @throws {TypeError} when the address is none of these, or when there is no WebSocket class
 */
export function connect(url?: string | URL, options?: Options): Switchboard;
export { SwitchboardError } from "./words.js";
/**
 * A connection to a Switchboard server that comes back by itself. Made by {@link connect}.
 *
 * It reconnects with exponential back-off and full jitter (0.5 s doubling to 20 s) after the close codes 1001, 1006,
 * 1011, 1012, 1013 and 4000 to 4499, and stays away after every other. A plain 1000 is among those: the server
 * finished with this client on purpose. It does not wait where the machine comes online or the page is shown again.
 */
export class Switchboard extends EventTarget {
    /** The same as {@link connect}. @param {string | URL} [url] @param {Options} [options] */
    constructor(url?: string | URL, options?: Options);
    /** Resolves when the first connection is prepared, rejects if the client is closed before; no duty to listen. @type {Promise<void>} */
    ready: Promise<void>;
    /** Not taken: `malformed` frames, `late` answers that no request waits for, messages `refused` by a full queue or buffer. */
    counts: {
        malformed: number;
        late: number;
        refused: number;
    };
    /** `connecting`, `open`, `waiting` (for the next attempt) or `closed` (for good). */
    get state(): import("./types.js").State;
    /** How many requests are not settled. */
    get pending(): number;
    /**
     * Sends a message that asks for no answer. Without a connection it is queued; what leaves the queue unsent is told by the
     * `unsent` event.
     *
     * @param {string} name
     * @param {any} [payload] anything that the codec can say; left out when undefined
     * @returns {boolean} false when it was refused: the client is closed, or its queue or the connection's buffer is full
     * @throws {TypeError} when the name is none or the payload cannot be written
     */
    send(name: string, payload?: any): boolean;
    /**
     * Sends a message and waits for its result: the first answer, `undefined` when nothing was answered, else a rejection
     * with the first error. Settles exactly once, in every case. A request that is given up is cancelled on the server too.
     *
     * @template [T=any]
     * @param {string} name
     * @param {any} [payload] anything that the codec can say; left out when undefined
     * @param {RequestOptions} [options]
     * @returns {Promise<T>} rejects with a {@link SwitchboardError}, or with a `TypeError` where `send` throws one
     */
    request<T = any>(name: string, payload?: any, options?: RequestOptions): Promise<T>;
    /**
     * Sends a message, at once, and gives all its answers as they come. When the request is settled the iteration ends, with
     * the first error if there was one. To leave the loop cancels the request on the server.
     *
     * @template [T=any]
     * @param {string} name
     * @param {any} [payload] anything that the codec can say; left out when undefined
     * @param {StreamOptions} [options]
     * @returns {AsyncIterableIterator<T, undefined, void>} fails with a {@link SwitchboardError}
     * @throws {TypeError} where `send` throws one
     */
    stream<T = any>(name: string, payload?: any, options?: StreamOptions): AsyncIterableIterator<T, undefined, void>;
    /**
     * Calls `handler` for every delivery (a frame without `uid`) whose name matches. One that throws is reported and holds
     * no other back.
     *
     * @param {string | RegExp} pattern a name, `prefix/*` for one or more segments below `prefix`, `*` for all, or an
     *   expression that must match the whole name
     * @param {Handler} handler
     * @returns {() => void} ends the subscription
     * @throws {TypeError} when the pattern is none of these
     */
    on(pattern: string | RegExp, handler: Handler): () => void;
    /**
     * Says which deliveries this client wants; each call replaces the last. Remembered from now on, even when this call
     * fails, and sent again on every new connection ahead of everything else.
     *
     * @param {Iterable<string>} names names, `prefix/*` or `*`; none at all to hear nothing
     * @returns {Promise<void>}
     */
    accept(names: Iterable<string>): Promise<void>;
    /**
     * Ends the connection for good. Whatever is unsettled rejects with `disconnected`.
     *
     * @param {number} [code] 1000 or 3000 to 4999
     * @param {string} [reason] at most 123 bytes of UTF-8
     */
    close(code?: number, reason?: string): void;
    /**
     * As every `EventTarget`'s; here so that types know the `detail` of each of the {@link Events}.
     *
     * @template {keyof Events} T
     * @param {T} type
     * @param {((event: CustomEvent<Events[T]>) => void) | EventListenerObject | null} listener
     * @param {boolean | AddEventListenerOptions} [options]
     * @override
     */
    override addEventListener<T extends keyof Events>(type: T, listener: ((event: CustomEvent<Events[T]>) => void) | EventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
    #private;
}
export type Codec = import("./types.js").Codec;
export type Events = import("./types.js").Events;
export type Frame = import("./types.js").Frame;
export type Link = import("./types.js").Link;
export type Options = import("./types.js").Options;
export type RequestOptions = import("./types.js").RequestOptions;
export type StreamOptions = import("./types.js").StreamOptions;
import type { Handler } from "./types.js";
