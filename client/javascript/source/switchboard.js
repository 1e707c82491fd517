/**
 * What an application uses.
 */

/** @import { Handler, Outgoing, Socket, Unsent } from "./types.js" */
/** @typedef {import("./types.js").Codec} Codec */
/** @typedef {import("./types.js").Events} Events */
/** @typedef {import("./types.js").Frame} Frame */
/** @typedef {import("./types.js").Link} Link */
/** @typedef {import("./types.js").Options} Options */
/** @typedef {import("./types.js").RequestOptions} RequestOptions */
/** @typedef {import("./types.js").StreamOptions} StreamOptions */

import { Answers, Call } from "./call.js";
import { Connection } from "./connection.js";
import { Queue } from "./queue.js";
import { SwitchboardError, checkName, guarded, json, matcher, readFrame, serverError } from "./words.js";

export { SwitchboardError } from "./words.js";

const ACCEPT = "switchboard/accept";
const CANCEL = "switchboard/cancel";
const PING = "switchboard/ping";

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
 * A connection to a Switchboard server that comes back by itself. Made by {@link connect}.
 *
 * It reconnects with exponential back-off and full jitter (0.5 s doubling to 20 s) after the close codes 1001, 1006,
 * 1011, 1012, 1013 and 4000 to 4499, and stays away after every other. A plain 1000 is among those: the server
 * finished with this client on purpose. It does not wait where the machine comes online or the page is shown again.
 */
export class Switchboard extends EventTarget {
  /** Resolves when the first connection is prepared, rejects if the client is closed before; no duty to listen. @type {Promise<void>} */
  ready;

  /** Not taken: `malformed` frames, `late` answers that no request waits for, messages `refused` by a full queue or buffer. */
  counts = { malformed: 0, late: 0, refused: 0 };

  #options;
  #connection;
  #queue;
  /** The requests that are not settled. @type {Map<unknown, Call>} */ #calls = new Map();
  /** @type {Set<{ matches: (name: string) => boolean, handler: Handler }>} */ #subscriptions = new Set();
  /** @type {string[] | undefined} */ #accepted;
  #lastUid = 0;
  /** @type {{ resolve: () => void, reject: (error: SwitchboardError) => void }} */ #first;

  /** The same as {@link connect}. @param {string | URL} [url] @param {Options} [options] */
  constructor(url, options = {}) {
    super();
    this.#options = {
      codec: json,
      heartbeat: 30_000,
      patience: 10_000,
      queue: 1_000,
      queueBytes: 1024 * 1024,
      queueAge: 60_000,
      buffer: 16 * 1024 * 1024,
      WebSocket: globalThis.WebSocket,
      random: Math.random,
      ...options,
    };
    if (!this.#options.WebSocket) throw new TypeError("there is no WebSocket here: use Node 22 or newer, or pass `options.WebSocket`");
    this.#first = { resolve() {}, reject() {} };
    this.ready = new Promise((resolve, reject) => (this.#first = { resolve, reject }));
    this.ready.catch(() => {});
    this.#queue = new Queue(this.#options, (message) => this.#handBack([message], "no connection came in time"));
    this.#connection = new Connection(socketUrl(url), this.#options, {
      connected: () => this.#prepare(),
      received: (data) => this.#received(data),
      probe: () => void this.#begin(PING, undefined, { timeout: Infinity }, this.#connection.socket).result.catch(() => {}),
      ended: (code, reason, willReconnect) => this.#ended(code, reason, willReconnect),
    });
  }

  /** `connecting`, `open`, `waiting` (for the next attempt) or `closed` (for good). */
  get state() {
    return this.#connection.state;
  }

  /** How many requests are not settled. */
  get pending() {
    return this.#calls.size;
  }

  /**
   * Sends a message that asks for no answer. Without a connection it is queued; what leaves the queue unsent is told by the
   * `unsent` event.
   *
   * @param {string} name
   * @param {any} [payload] anything that the codec can say; left out when undefined
   * @returns {boolean} false when it was refused: the client is closed, or its queue or the connection's buffer is full
   * @throws {TypeError} when the name is none or the payload cannot be written
   */
  send(name, payload) {
    return this.#post(this.#write(name, payload));
  }

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
  async request(name, payload, options) {
    return this.#begin(name, payload, options).result;
  }

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
  stream(name, payload, options) {
    return new Answers(this.#begin(name, payload, options), options?.limit);
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
    await this.#begin(ACCEPT, { names: this.#accepted }, {}, "next").result;
  }

  /**
   * Ends the connection for good. Whatever is unsettled rejects with `disconnected`.
   *
   * @param {number} [code] 1000 or 3000 to 4999
   * @param {string} [reason] at most 123 bytes of UTF-8
   */
  close(code = 1000, reason = "") {
    this.#connection.close(code, reason);
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

  /** A connection stands. What is accepted goes first, then what `onConnected` sends, then all that waited. */
  #prepare() {
    this.#sendAccepted();
    if (!this.#connection.isUp) return;
    const { onConnected } = this.#options;
    if (!onConnected) return this.#opened();
    const { socket } = this.#connection;
    const ifStill = (/** @type {(cause: unknown) => void} */ act) => (/** @type {unknown} */ cause) => {
      if (socket === this.#connection.socket) act(cause);
    };
    const failed = (/** @type {unknown} */ cause) => {
      const why = `onConnected failed: ${cause instanceof Error ? cause.message : cause}`;
      this.#complain(new SwitchboardError("hook_failed", why, { cause }));
      this.#connection.fail(why);
    };
    Promise.resolve(this.#link(socket)).then(onConnected).then(ifStill(() => this.#opened()), ifStill(failed));
  }

  #sendAccepted() {
    const waiting = [...this.#queue].filter(({ via }) => via);
    // One that was in flight when the last connection was lost was said before the others.
    waiting.sort((a, b) => Number(a.uid) - Number(b.uid));
    for (const message of waiting) if (this.#connection.isUp) this.#transmit(message);
    if (waiting.length || !this.#accepted) return;
    this.accept(this.#accepted).catch((error) => this.state === "closed" || this.#complain(error));
  }

  /** @param {Socket | undefined} socket @returns {Link} */
  #link(socket) {
    return {
      send: (name, payload) => this.#post(this.#write(name, payload, {}, socket)),
      request: async (name, payload, options) => this.#begin(name, payload, options, socket).result,
      stream: (name, payload, options) => new Answers(this.#begin(name, payload, options, socket), options?.limit),
    };
  }

  #opened() {
    this.#connection.opened();
    this.#first.resolve();
    if (this.#connection.isUp) this.#emit("open", undefined);
    for (const message of this.#queue) if (this.#connection.isUp) this.#transmit(message);
  }

  /** @param {number} code @param {string} reason @param {boolean} willReconnect */
  #ended(code, reason, willReconnect) {
    const why = `the connection ended (${code}${reason && `: ${reason}`})`;
    for (const call of [...this.#calls.values()]) {
      const { message } = call;
      if (!message.sent) continue;
      if (willReconnect && message.name === ACCEPT) this.#queue.add(Object.assign(message, { sent: false }));
      else call.fail("disconnected", `${message.name} was not answered: ${why}`);
    }
    const unsent = willReconnect ? [] : this.#handBack([...this.#queue], why);
    if (!willReconnect) this.#first.reject(new SwitchboardError("disconnected", why, { maybeDelivered: false }));
    this.#emit("close", { code, reason, willReconnect, unsent });
  }

  /**
   * @param {string} name @param {any} payload @param {RequestOptions} [options] @param {Outgoing["via"]} [via]
   * @returns {Call}
   */
  #begin(name, payload, options = {}, via) {
    const uid = ++this.#lastUid;
    const message = this.#write(name, payload, { uid, receipt: options.receipt || undefined }, via);
    const call = new Call(message, options, (isGivenUp) => {
      this.#calls.delete(uid);
      this.#queue.take(message);
      if (isGivenUp && message.sent && this.#connection.isUp) this.#transmit(this.#write(CANCEL, { uid }));
    });
    this.#calls.set(uid, call);
    call.begin();
    if (call.isSettled || this.#post(message)) return call;
    const [code, why] = this.#isOver(message) ? ["disconnected", "the connection is closed"] : ["overloaded", "too many messages wait already"];
    call.fail(code, `${name} was not sent: ${why}`);
    return call;
  }

  /** @param {string} name @param {any} payload @param {{ uid?: number, receipt?: boolean }} [rest] @param {Outgoing["via"]} [via] @returns {Outgoing} */
  #write(name, payload, rest = {}, via = undefined) {
    checkName(name);
    const data = this.#options.codec.encode({ name, ...rest, payload });
    return { name, payload, data, via, uid: rest.uid, sent: false };
  }

  /** True where it is on its way, or will be. @param {Outgoing} message */
  #post(message) {
    if (this.#isOver(message)) return false;
    const { socket, isUp } = this.#connection;
    const goes = isUp && (message.via || this.state === "open");
    const hasRoom = goes ? /** @type {Socket} */ (socket).bufferedAmount < this.#options.buffer : this.#queue.hasRoomFor(message);
    if (!hasRoom) this.counts.refused++;
    else if (goes) this.#transmit(message);
    else this.#queue.add(message);
    return hasRoom;
  }

  /** Whether there is no connection any more that it could go by. @param {Outgoing} message */
  #isOver({ via }) {
    if (via === undefined || via === "next") return this.state === "closed";
    return via !== this.#connection.socket || !this.#connection.isUp;
  }

  /** @param {Outgoing} message */
  #transmit(message) {
    this.#queue.take(message);
    message.sent = true;
    this.#connection.socket?.send(message.data);
    this.#show("out", message.data);
  }

  /** Gives up what was not sent: requests reject, the others are told. @param {Outgoing[]} messages @param {string} why */
  #handBack(messages, why) {
    /** @type {Unsent[]} */ const unsent = [];
    for (const message of messages) {
      this.#queue.take(message);
      if (message.uid === undefined) unsent.push({ name: message.name, payload: message.payload });
      else this.#calls.get(message.uid)?.fail("disconnected", `${message.name} was not sent: ${why}`);
    }
    if (unsent.length) this.#emit("unsent", unsent);
    return unsent;
  }

  /** @param {unknown} data */
  #received(data) {
    this.#show("in", data);
    const frame = readFrame(this.#options.codec, data);
    if (!frame) {
      this.counts.malformed++;
      console.warn("switchboard: ignored a malformed frame", typeof data === "string" ? data.slice(0, 200) : data);
    } else if (frame.uid != null) {
      const call = this.#calls.get(frame.uid);
      if (call) call.take(frame, (error) => this.#complain(error));
      else this.counts.late++;
    } else if (frame.error) {
      this.#complain(serverError(frame.error, frame.name));
    } else {
      this.#deliver(frame);
    }
  }

  /** @param {Frame} frame */
  #deliver(frame) {
    for (const subscription of [...this.#subscriptions]) {
      if (!this.#subscriptions.has(subscription) || !subscription.matches(frame.name)) continue;
      guarded(subscription.handler, frame);
    }
  }

  /** @param {SwitchboardError} error */
  #complain(error) {
    if (!this.#emit("error", error)) return;
    console.warn(`switchboard: ${error.messageName ?? "error"}: ${error.code}: ${error.message}`);
  }

  /** @param {"in" | "out"} direction @param {unknown} data */
  #show(direction, data) {
    const { codec } = this.#options;
    this.#emit("frame", {
      direction,
      get text() {
        return shown(data, codec);
      },
    });
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

/** What travels, as a text. @param {unknown} data @param {Codec} codec */
function shown(data, codec) {
  if (typeof data === "string") return data;
  try {
    return JSON.stringify(codec.decode(data));
  } catch {
    return "(no frame)";
  }
}
