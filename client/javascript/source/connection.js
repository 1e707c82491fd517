/**
 * One WebSocket after the other to the same server.
 */

/** @import { Codec, Socket, State, Timer } from "./types.js" */

import { after } from "./queue.js";

const BACKOFF_BASE = 500;
const BACKOFF_CAP = 20_000;
/** A connection that lived this long was no failed attempt: the next wait is short again. */
const STABLE_AFTER = 5_000;

const ABNORMAL_CLOSURE = 1006;
const RECONNECT_ON = new Set([1001, ABNORMAL_CLOSURE, 1011, 1012, 1013]);
const SOCKET_OPEN = 1;
const SOCKET_CLOSED = 3;

/** A connection that is made, watched, lost, and made again. */
export class Connection {
  /** @type {State} */ state = "connecting";
  /** @type {Socket | undefined} */ socket;

  #url;
  #options;
  #events;
  #attempts = 0;
  /** The one wait under way: for the handshake, the next frame or the next attempt. @type {Timer} */ #timer;
  /** @type {Timer} */ #stable;
  #isProbing = false;
  #page = new AbortController();

  /**
   * @param {string} url
   * @param {{ WebSocket: new (url: string, protocol: string) => Socket, codec: Codec, heartbeat: number, patience: number, random: () => number }} options
   * @param {{ connected: () => void, received: (data: unknown) => void, probe: () => void,
   *   ended: (code: number, reason: string, willReconnect: boolean) => void }} events `probe` asks for any frame
   */
  constructor(url, options, events) {
    this.#url = url;
    this.#options = options;
    this.#events = events;
    this.#connect();
    this.#watchPage();
  }

  /** Whether what is sent now leaves. */
  get isUp() {
    return this.socket?.readyState === SOCKET_OPEN;
  }

  /** The connection is prepared. */
  opened() {
    this.state = "open";
    this.#stable = setTimeout(() => (this.#attempts = 0), STABLE_AFTER);
  }

  /** The connection is of no use: the next one may be. @param {string} reason */
  fail(reason) {
    this.#lost(ABNORMAL_CLOSURE, reason);
  }

  /** @param {number} code @param {string} reason */
  close(code, reason) {
    if (this.state === "closed") return;
    this.socket?.close(code, reason);
    this.#ended(code, reason, false);
  }

  #connect() {
    this.state = "connecting";
    const { WebSocket, codec, patience } = this.#options;
    const socket = new WebSocket(this.#url, codec.protocol);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.#watch();
      this.#events.connected();
    };
    socket.onmessage = ({ data }) => {
      this.#watch();
      this.#events.received(data);
    };
    // Deno gives no code where the stream just ends: 0 stands for 1006.
    socket.onclose = ({ code, reason }) => this.#lost(code || 1006, reason);
    this.socket = socket;
    this.#timer = after(patience, () => this.fail("the server did not answer in time"));
  }

  /** @param {number} code @param {string} reason */
  #lost(code, reason) {
    this.#ended(code, reason, RECONNECT_ON.has(code) || (code >= 4000 && code <= 4499));
  }

  /** @param {number} code @param {string} reason @param {boolean} willReconnect */
  #ended(code, reason, willReconnect) {
    this.#detach();
    clearTimeout(this.#timer);
    clearTimeout(this.#stable);
    if (willReconnect) {
      this.state = "waiting";
      const longest = Math.min(BACKOFF_CAP, BACKOFF_BASE * 2 ** this.#attempts++);
      this.#timer = setTimeout(() => this.#connect(), this.#options.random() * longest);
    } else {
      this.state = "closed";
      this.#page.abort();
    }
    this.#events.ended(code, reason, willReconnect);
  }

  /** A dead connection reports its end minutes late: it is let go of, not waited for. */
  #detach() {
    const { socket } = this;
    if (!socket) return;
    this.socket = undefined;
    socket.onopen = socket.onmessage = socket.onclose = null;
    if (socket.readyState !== SOCKET_CLOSED) socket.close();
  }

  /** Starts the wait for the next frame anew. */
  #watch() {
    clearTimeout(this.#timer);
    this.#isProbing = false;
    const { heartbeat } = this.#options;
    if (heartbeat > 0) this.#timer = after(heartbeat, () => this.#probe());
  }

  /** Asks for a frame, and gives the connection up when none comes. */
  #probe() {
    if (this.#isProbing) return;
    clearTimeout(this.#timer);
    this.#isProbing = true;
    this.#timer = after(this.#options.patience, () => this.fail("the server fell silent"));
    if (this.isUp) this.#events.probe();
  }

  /** A machine that slept or changed its network is not to wait for timers that stood still with it. */
  #watchPage() {
    const { document } = globalThis;
    const { signal } = this.#page;
    const wake = () => {
      if (this.isUp && this.#options.heartbeat > 0) this.#probe();
      if (this.state !== "waiting") return;
      clearTimeout(this.#timer);
      this.#connect();
    };
    for (const type of ["online", "offline", "pageshow"]) globalThis.addEventListener?.(type, wake, { signal });
    document?.addEventListener("visibilitychange", () => document.visibilityState === "visible" && wake(), { signal });
  }
}
