/**
 * The browser's client of a Switchboard server, for pages, workers and Node 22 or newer. It speaks the sub-protocol
 * `switchboard.v1+json`: one JSON object a text frame. Times are in milliseconds throughout.
 *
 * ```js
 * import { connect } from "/switchboard.js";
 *
 * const board = connect();
 * board.on("mixer/level", ({ channel, level }) => console.log(channel, level));
 * const { level } = await board.request("mixer/volume_up", { channel: 1 });
 * ```
 *
 * @module switchboard
 */

const PROTOCOL = "switchboard.v1+json";
const ACCEPT = "switchboard/accept";
const CANCEL = "switchboard/cancel";
const PING = "switchboard/ping";

/** How long a handshake or the answer to a heartbeat may take before the connection counts as lost. */
const PATIENCE = 10_000;
const REQUEST_TIMEOUT = 30_000;
const BACKOFF_BASE = 500;
const BACKOFF_CAP = 20_000;
/** A connection that lived this long was no failed attempt: the next wait is short again. */
const STABLE_AFTER = 5_000;
/** On anything longer `setTimeout` fires at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

const ABNORMAL_CLOSURE = 1006;
const RECONNECT_ON = new Set([1001, ABNORMAL_CLOSURE, 1011, 1012, 1013]);
const SOCKET_OPEN = 1;
const SOCKET_CLOSED = 3;

/**
 * What a server sends. Keys that are not listed are ignored.
 * @typedef {object} Frame
 * @property {string} name the message's name, such as `rooms/lobby/say`
 * @property {string | number} [uid] the request that this frame answers; none in a delivery
 * @property {any} [payload]
 * @property {boolean} [more] more frames follow for this `uid`
 * @property {string} [mailbox] the mailbox that a delivery was sent to
 * @property {Receipt} [receipt]
 * @property {{ code: string, message?: string, details?: any }} [error]
 */

/**
 * Counts what became of a message: routes that matched, controllers that failed, outboxes that took and that refused
 * a delivery.
 * @typedef {{ matched: number, failed: number, delivered: number, dropped: number }} Receipt
 */

/**
 * @typedef {object} Options
 * @property {number} [heartbeat] silence after which the connection is checked; default 30000, 0 for never
 * @property {number} [queue] how many messages may wait for a connection; default 1000
 * @property {number} [buffer] how many bytes may wait in an open connection that the server does not read; default 16 MiB
 * @property {new (url: string, protocol: string) => Socket} [WebSocket] the class to use instead of the global one
 * @property {() => number} [random] used instead of `Math.random` to spread reconnections
 */

/**
 * @typedef {object} RequestOptions
 * @property {number} [timeout] the longest wait for the next frame of the answer, time in the queue included; default
 *   30000, at most 2^31 - 1 (about 25 days)
 * @property {AbortSignal} [signal] gives the request up when it aborts
 * @property {(payload: any, frame: Frame) => void} [onPart] called for every answer, in order, the last one too
 * @property {boolean} [receipt] asks for a receipt; the request then resolves to `{ value, receipt }`
 */

/**
 * The events of a {@link Switchboard} and the `detail` of each.
 * @typedef {object} Events
 * @property {undefined} open a connection stands; what its listeners send goes out before what is queued
 * @property {Closed} close a connection ended, or the attempt to make one
 * @property {SwitchboardError} error the server reported an error that is no request's result; it is also written to the
 *   console, unless a listener calls `preventDefault()`
 * @property {{ direction: "in" | "out", text: string }} frame what travels on the wire
 */

/**
 * @typedef {object} Closed
 * @property {number} code the WebSocket close code
 * @property {string} reason
 * @property {boolean} willReconnect
 * @property {string[]} unsent the messages that were queued and now never leave; empty while `willReconnect`
 */

/** @typedef {Pick<WebSocket, "readyState" | "bufferedAmount" | "send" | "close" | "onopen" | "onmessage" | "onclose">} Socket */
/** @typedef {ReturnType<typeof setTimeout> | undefined} Timer */
/** @typedef {"connecting" | "open" | "waiting" | "closed"} State */
/** @typedef {(payload: any, frame: Frame) => void} Handler */
/** @typedef {{ text: string, sent: boolean, name: string }} Outgoing */

/**
 * A request that is not settled yet.
 * @typedef {Outgoing & {
 *   uid: number, answered: boolean, value?: any, error?: SwitchboardError,
 *   onPart?: Handler, wantsReceipt: boolean,
 *   wait: () => void, release: () => void, resolve: (value: any) => void, reject: (error: SwitchboardError) => void,
 * }} Call
 */

/**
 * Connects to a Switchboard server. Returns at once and connects in the background.
 *
 * @param {string | URL} [url] `ws:`, `wss:`, `http:`, `https:`, or relative to the page; default `/switchboard` of its origin
 * @param {Options} [options]
 * @returns {Switchboard}
 * @throws {TypeError} when the address is none of these, or when there is no WebSocket class
 */
export function connect(url, options) {
  return new Switchboard(url, options);
}

/**
 * Why a request failed, or what the server complained about.
 *
 * `code` is the server's (`not_found`, `bad_payload`, `forbidden`, …, and the application's own) or the client's:
 * `timeout`, `cancelled` (by the signal), `disconnected`, `overloaded` (the client's queue or the connection's buffer is full).
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

/**
 * A connection to a Switchboard server that comes back by itself. Made by {@link connect}.
 *
 * It reconnects with exponential back-off and full jitter (0.5 s doubling to 20 s) after the close codes 1001, 1006,
 * 1011, 1012, 1013 and 4000 to 4499, and stays away after every other. A plain 1000 is among those: the server
 * finished with this client on purpose.
 */
export class Switchboard extends EventTarget {
  /** Resolves when the first connection stands, rejects if the client is closed before; no duty to listen. @type {Promise<void>} */
  ready;

  /** Not taken: `malformed` frames, `late` answers that no request waits for, messages `refused` by a full queue or buffer. */
  counts = { malformed: 0, late: 0, refused: 0 };

  /** @type {State} */ #state = "connecting";
  /** @type {Socket | undefined} */ #socket;
  /** @type {Outgoing[]} */ #queue = [];
  /** @type {Map<unknown, Call>} */ #calls = new Map();
  /** @type {Set<{ matches: (name: string) => boolean, handler: Handler }>} */ #subscriptions = new Set();
  /** @type {string[] | undefined} */ #accepted;
  /** The one wait under way: for the handshake, the next frame or the next attempt. @type {Timer} */ #timer;
  /** @type {Timer} */ #stable;
  #lastUid = 0;
  #attempts = 0;
  #url;
  #options;
  /** @type {{ resolve: () => void, reject: (error: SwitchboardError) => void }} */ #first;

  /** The same as {@link connect}. @param {string | URL} [url] @param {Options} [options] */
  constructor(url, options = {}) {
    super();
    const { heartbeat = 30_000, queue = 1_000, buffer = 16 * 1024 * 1024, random = Math.random } = options;
    const Socket = options.WebSocket ?? globalThis.WebSocket;
    if (!Socket) throw new TypeError("there is no WebSocket here: use Node 22 or newer, or pass `options.WebSocket`");
    this.#options = { heartbeat, queue, buffer, random, Socket };
    this.#url = socketUrl(url);
    this.#first = { resolve() {}, reject() {} };
    this.ready = new Promise((resolve, reject) => (this.#first = { resolve, reject }));
    this.ready.catch(() => {});
    this.#connect();
  }

  /** `connecting`, `open`, `waiting` (for the next attempt) or `closed` (for good). */
  get state() {
    return this.#state;
  }

  /**
   * Sends a message that asks for no answer. Without a connection it is queued.
   *
   * @param {string} name
   * @param {any} [payload] anything that JSON can say; left out when undefined
   * @returns {boolean} false when it was refused: the client is closed, or its queue or the connection's buffer is full
   * @throws {TypeError} when the name is no non-empty string or the payload cannot be written as JSON
   */
  send(name, payload) {
    return this.#post({ name, text: encode(name, { payload }), sent: false });
  }

  /**
   * Sends a message and waits for its result: the first answer, `undefined` when nothing was answered, else a rejection
   * with the first error. Settles exactly once, in every case. A request that is given up is cancelled on the server too.
   *
   * @param {string} name
   * @param {any} [payload] anything that JSON can say; left out when undefined
   * @param {RequestOptions} [options]
   * @returns {Promise<any>} rejects with a {@link SwitchboardError}, or with a `TypeError` where `send` throws one
   */
  request(name, payload, { timeout = REQUEST_TIMEOUT, signal, onPart, receipt = false } = {}) {
    return new Promise((resolve, reject) => {
      if (!(timeout >= 0)) throw new TypeError(`timeout must be a number of milliseconds, not ${timeout}`);
      const uid = ++this.#lastUid;
      const text = encode(name, { uid, receipt: receipt || undefined, payload });
      /** @type {Timer} */ let timer;
      /** @param {string} code @param {string} message @param {unknown} [cause] */
      const giveUp = (code, message, cause) => {
        const { sent } = call;
        this.#fail(call, code, message, cause);
        if (sent && this.#writable) this.#transmit({ name: CANCEL, text: encode(CANCEL, { payload: { uid } }), sent });
      };
      const abort = () => giveUp("cancelled", `${name} was cancelled`, signal?.reason);
      /** @type {Call} */
      const call = {
        name, text, uid, sent: false, answered: false, onPart, wantsReceipt: receipt, resolve, reject,
        wait: () => {
          clearTimeout(timer);
          const expire = () => giveUp("timeout", `${name} was not answered within ${timeout} ms`);
          timer = setTimeout(expire, Math.min(timeout, LONGEST_TIMER));
        },
        release: () => {
          clearTimeout(timer);
          signal?.removeEventListener("abort", abort);
        },
      };
      this.#calls.set(uid, call);
      if (signal?.aborted) return abort();
      signal?.addEventListener("abort", abort);
      call.wait();
      if (this.#post(call)) return;
      if (this.#state === "closed") this.#fail(call, "disconnected", `${name} was not sent: the client is closed`);
      else this.#fail(call, "overloaded", `${name} was not sent: too many messages wait already`);
    });
  }

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
  on(pattern, handler) {
    const subscription = { matches: matcher(pattern), handler };
    this.#subscriptions.add(subscription);
    return () => void this.#subscriptions.delete(subscription);
  }

  /**
   * Says which deliveries this client wants; each call replaces the last. Remembered from now on, even when this call
   * fails, and sent again on every new connection ahead of everything else.
   *
   * @param {Iterable<string>} names names, `prefix/*` or `*`; none at all to hear nothing
   * @returns {Promise<void>}
   */
  async accept(names) {
    this.#accepted = [...names];
    await this.request(ACCEPT, { names: this.#accepted });
  }

  /**
   * Ends the connection for good. Whatever is unsettled rejects with `disconnected`.
   *
   * @param {number} [code] 1000 or 3000 to 4999
   * @param {string} [reason] at most 123 bytes of UTF-8
   */
  close(code = 1000, reason = "") {
    if (this.#state === "closed") return;
    this.#socket?.close(code, reason);
    this.#ended(code, reason, false);
  }

  /**
   * As every `EventTarget`'s; here so that types know the `detail` of each of the {@link Events}.
   *
   * @template {keyof Events} T
   * @param {T} type
   * @param {((event: CustomEvent<Events[T]>) => void) | EventListenerObject | null} listener
   * @param {boolean | AddEventListenerOptions} [options]
   * @override
   */
  addEventListener(type, listener, options) {
    super.addEventListener(type, /** @type {EventListener} */ (listener), options);
  }

  #connect() {
    this.#state = "connecting";
    const socket = new this.#options.Socket(this.#url, PROTOCOL);
    this.#socket = socket;
    this.#timer = setTimeout(() => this.#lost(ABNORMAL_CLOSURE, "the server did not answer in time"), PATIENCE);
    socket.onopen = () => this.#opened();
    socket.onmessage = ({ data }) => this.#received(data);
    socket.onclose = ({ code, reason }) => this.#lost(code, reason);
  }

  #opened() {
    this.#state = "open";
    this.#stable = setTimeout(() => (this.#attempts = 0), STABLE_AFTER);
    this.#watch();
    const accepts = this.#queue.filter(({ name }) => name === ACCEPT);
    this.#queue = this.#queue.filter(({ name }) => name !== ACCEPT);
    for (const message of accepts) if (this.#writable) this.#transmit(message);
    if (!accepts.length && this.#accepted) {
      this.accept(this.#accepted).catch((error) => this.#state === "closed" || this.#complain(error));
    }
    this.#first.resolve();
    if (this.#writable) this.#emit("open", undefined);
    while (this.#writable && this.#queue.length) this.#transmit(/** @type {Outgoing} */ (this.#queue.shift()));
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
    this.#state = willReconnect ? "waiting" : "closed";
    const why = `the connection ended (${code}${reason && `: ${reason}`})`;
    const again = [];
    const unsent = willReconnect ? [] : this.#queue.splice(0).map(({ text }) => text);
    for (const call of [...this.#calls.values()]) {
      if (willReconnect && !call.sent) continue;
      if (willReconnect && call.name === ACCEPT) again.push(Object.assign(call, { sent: false }));
      else this.#fail(call, "disconnected", `${call.name} was not answered: ${why}`);
    }
    this.#queue.unshift(...again);
    if (willReconnect) {
      const longest = Math.min(BACKOFF_CAP, BACKOFF_BASE * 2 ** this.#attempts++);
      this.#timer = setTimeout(() => this.#connect(), this.#options.random() * longest);
    } else {
      this.#first.reject(new SwitchboardError("disconnected", why, { maybeDelivered: false }));
    }
    this.#emit("close", { code, reason, willReconnect, unsent });
  }

  /** A dead connection reports its end minutes late: it is let go of, not waited for. */
  #detach() {
    const socket = this.#socket;
    if (!socket) return;
    this.#socket = undefined;
    socket.onopen = socket.onmessage = socket.onclose = null;
    if (socket.readyState !== SOCKET_CLOSED) socket.close();
  }

  /** Starts the wait for the next frame anew; when none comes, asks for one, and then gives the connection up. */
  #watch() {
    clearTimeout(this.#timer);
    if (!(this.#options.heartbeat > 0)) return;
    const ping = () => {
      this.#timer = setTimeout(() => this.#lost(ABNORMAL_CLOSURE, "the server fell silent"), PATIENCE);
      if (this.#writable) this.request(PING).catch(() => {});
    };
    this.#timer = setTimeout(ping, Math.min(this.#options.heartbeat, LONGEST_TIMER));
  }

  get #writable() {
    return this.#state === "open" && this.#socket?.readyState === SOCKET_OPEN;
  }

  /** @param {Outgoing} message */
  #post(message) {
    if (this.#state === "closed") return false;
    const full = this.#writable
      ? /** @type {Socket} */ (this.#socket).bufferedAmount >= this.#options.buffer
      : this.#queue.length >= this.#options.queue;
    if (full) this.counts.refused++;
    else if (this.#writable) this.#transmit(message);
    else this.#queue.push(message);
    return !full;
  }

  /** @param {Outgoing} message */
  #transmit(message) {
    message.sent = true;
    this.#socket?.send(message.text);
    this.#emit("frame", { direction: "out", text: message.text });
  }

  /** @param {unknown} data */
  #received(data) {
    this.#watch();
    if (typeof data === "string") this.#emit("frame", { direction: "in", text: data });
    const frame = decode(data);
    if (!frame) {
      this.counts.malformed++;
      console.warn("switchboard: ignored a malformed frame", typeof data === "string" ? data.slice(0, 200) : data);
    } else if (frame.uid != null) {
      this.#answered(frame);
    } else if (frame.error) {
      this.#complain(serverError(frame.error, frame.name));
    } else {
      for (const subscription of [...this.#subscriptions]) {
        if (!this.#subscriptions.has(subscription) || !subscription.matches(frame.name)) continue;
        guarded(subscription.handler, frame);
      }
    }
  }

  /** @param {Frame} frame */
  #answered(frame) {
    const call = this.#calls.get(frame.uid);
    if (!call) {
      this.counts.late++;
      return;
    }
    if (frame.error) {
      const error = serverError(frame.error, call.name);
      if (call.answered || call.error) this.#complain(error);
      else call.error = error;
    } else if (Object.hasOwn(frame, "payload")) {
      if (!call.answered) Object.assign(call, { answered: true, value: frame.payload });
      if (call.onPart) guarded(call.onPart, frame);
    }
    if (frame.more) {
      if (this.#calls.has(call.uid)) call.wait();
      return;
    }
    if (!this.#release(call)) return;
    const { value, error, answered, wantsReceipt } = call;
    if (error && !answered) return call.reject(Object.assign(error, { receipt: frame.receipt }));
    call.resolve(wantsReceipt ? { value, receipt: frame.receipt } : value);
    if (error) this.#complain(error);
  }

  /** @param {Call} call @param {string} code @param {string} message @param {unknown} [cause] */
  #fail(call, code, message, cause) {
    if (!this.#release(call)) return;
    this.#queue = this.#queue.filter((waiting) => waiting !== call);
    call.reject(new SwitchboardError(code, message, { maybeDelivered: call.sent, messageName: call.name, cause }));
  }

  /** True once for each call: who gets it settles the call. @param {Call} call */
  #release(call) {
    call.release();
    return this.#calls.delete(call.uid);
  }

  /** @param {SwitchboardError} error */
  #complain(error) {
    if (!this.#emit("error", error)) return;
    console.warn(`switchboard: ${error.messageName ?? "error"}: ${error.code}: ${error.message}`);
  }

  /** @template {keyof Events} T @param {T} type @param {Events[T]} detail */
  #emit(type, detail) {
    return this.dispatchEvent(new CustomEvent(type, { detail, cancelable: true }));
  }
}

/** @param {string | URL} [url] */
function socketUrl(url) {
  const full = new URL(url ?? "/switchboard", globalThis.location?.href);
  full.protocol = full.protocol.replace(/^http/, "ws");
  full.hash = "";
  if (/^wss?:$/.test(full.protocol)) return full.href;
  throw new TypeError(`cannot connect to ${full}: give an address that starts with ws:, wss:, http: or https:`);
}

/** @param {string} name @param {object} rest */
function encode(name, rest) {
  if (typeof name !== "string" || name === "") throw new TypeError("a message's name must be a non-empty string");
  return JSON.stringify({ name, ...rest });
}

/** @param {unknown} data @returns {Frame | undefined} */
function decode(data) {
  if (typeof data !== "string") return undefined;
  try {
    const frame = JSON.parse(data);
    const { name, uid, error } = frame;
    const named = typeof name === "string" || (name == null && (uid != null || error != null));
    if (named && (error == null || typeof error.code === "string")) return frame;
  } catch {}
  return undefined;
}

/** @param {NonNullable<Frame["error"]>} error @param {string} messageName */
function serverError({ code, message, details }, messageName) {
  return new SwitchboardError(code, typeof message === "string" ? message : code, { details, messageName });
}

/** @param {string | RegExp} pattern @returns {(name: string) => boolean} */
function matcher(pattern) {
  if (pattern instanceof RegExp) {
    const whole = new RegExp(`^(?:${pattern.source})$`, pattern.flags.replace(/[gmy]/g, ""));
    return (name) => whole.test(name);
  }
  if (pattern === "*") return () => true;
  const [, prefix, wildcard] = /^([^*]+?)(\/\*)?$/.exec(pattern) ?? [];
  if (!prefix) throw new TypeError(`"${pattern}" is no pattern: give a name, "prefix/*", "*" or a regular expression`);
  if (!wildcard) return (name) => name === prefix;
  return (name) => name.startsWith(`${prefix}/`) && name.length > prefix.length + 1;
}

/** @param {Handler} handler @param {Frame} frame */
function guarded(handler, frame) {
  try {
    handler(frame.payload, frame);
  } catch (error) {
    if (typeof reportError === "function") reportError(error);
    else console.error(error);
  }
}
