/**
 * The browser's client of a Switchboard server, for pages, workers, Deno, and Node 22 or newer: one module without
 * dependencies. Times are in milliseconds throughout. Put together from source/, where it is worked on, by `npm run build`.
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

/**
 * What the client and a server have to agree on: names and patterns, frames, errors.
 */

/** Segments between slashes, without control characters, halves of surrogate pairs, `<`, `>` and `*`. */
const NAME = /^[^/<>*\p{Cc}\p{Cs}]+(\/[^/<>*\p{Cc}\p{Cs}]+)*$/u;

/** @type {Codec} */
const json = { protocol: "switchboard.v1+json", encode: JSON.stringify, decode: JSON.parse };

/**
 * Why a request failed, or what the server complained about.
 *
 * `code` is the server's (`not_found`, `bad_payload`, `forbidden`, …, and the application's own) or the client's:
 * `timeout`, `cancelled` (by the signal), `disconnected`, `overloaded` (the queue, the connection's buffer or a stream's is
 * full), `hook_failed` (what `onConnected` threw is the `cause`).
 */
class SwitchboardError extends Error {
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
function serverError({ code, message, details }, messageName) {
  return new SwitchboardError(code, typeof message === "string" ? message : code, { details, messageName });
}

/** @param {string} name */
function checkName(name) {
  if (typeof name === "string" && NAME.test(name)) return;
  const shown = typeof name === "string" ? JSON.stringify(name) : String(name);
  throw new TypeError(`${shown} is no name: give segments between slashes, without control characters, <, > and *`);
}

/** @param {string | RegExp} pattern @returns {(name: string) => boolean} */
function matcher(pattern) {
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
function readFrame(codec, data) {
  try {
    const frame = codec.decode(data);
    const { name, uid, error } = frame;
    const named = typeof name === "string" || (name == null && (uid != null || error != null));
    if (named && (error == null || typeof error.code === "string")) return frame;
  } catch {}
  return undefined;
}

/** Calls a handler of the application's: what it throws is reported, and holds nobody up. @param {Handler} handler @param {Frame} frame */
function guarded(handler, frame) {
  try {
    handler(frame.payload, frame);
  } catch (error) {
    if (typeof reportError === "function") reportError(error);
    else console.error(error);
  }
}

/**
 * What waits for a connection.
 */

/** On anything longer `setTimeout` fires at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** @param {number} milliseconds up to 25 days; longer is as long as that @param {() => void} act */
function after(milliseconds, act) {
  return setTimeout(act, Math.min(milliseconds, LONGEST_TIMER));
}

/** Messages in the order of the calls, bounded in number, in size and in age. */
class Queue {
  /** Each with the timer that gives it up. @type {Map<Outgoing, Timer>} */ #messages = new Map();
  #size = 0;
  #bounds;
  #expired;

  /**
   * @param {{ queue: number, queueBytes: number, queueAge: number }} bounds
   * @param {(message: Outgoing) => void} expired is given a message that waited too long and is taken out
   */
  constructor(bounds, expired) {
    this.#bounds = bounds;
    this.#expired = expired;
  }

  /** @param {Outgoing} message */
  hasRoomFor({ data }) {
    return this.#messages.size < this.#bounds.queue && this.#size + data.length <= this.#bounds.queueBytes;
  }

  /** @param {Outgoing} message */
  add(message) {
    const expire = () => this.take(message) && this.#expired(message);
    this.#messages.set(message, after(this.#bounds.queueAge, expire));
    this.#size += message.data.length;
  }

  /** True where it was there. @param {Outgoing} message */
  take(message) {
    clearTimeout(this.#messages.get(message));
    if (!this.#messages.delete(message)) return false;
    this.#size -= message.data.length;
    return true;
  }

  /** The oldest first. What is taken or added meanwhile is left out or comes too. */
  [Symbol.iterator]() {
    return this.#messages.keys();
  }
}

/**
 * Requests, from the call to what settles them.
 */

const REQUEST_TIMEOUT = 30_000;

/** A request. Whatever comes first settles it: an answer, an error, its time-out, its signal, the end of the connection. */
class Call {
  /** The application's: it settles once. @type {Promise<any>} */ result;
  /** Takes every answer. @type {RequestOptions["onPart"]} */ onPart;
  /** Set where `onPart` gets all answers: none of them is the result, and an error counts in spite of them. */
  wantsAll = false;
  isSettled = false;

  #timeout;
  #signal;
  #wantsReceipt;
  #settled;
  /** @type {(value: any) => void} */ #resolve = () => {};
  /** @type {(error: unknown) => void} */ #reject = () => {};
  /** @type {Timer} */ #timer;
  /** @type {{ value: any } | undefined} */ #answer;
  /** @type {SwitchboardError | undefined} */ #error;

  /**
   * @param {Outgoing} message
   * @param {RequestOptions} options
   * @param {(isGivenUp: boolean) => void} settled is called once; where it is given up, the server may still be at work
   */
  constructor(message, { timeout = REQUEST_TIMEOUT, signal, onPart, receipt = false }, settled) {
    if (!(timeout >= 0)) throw new TypeError(`timeout must be a number of milliseconds, not ${timeout}`);
    this.message = message;
    this.onPart = onPart;
    this.#timeout = timeout;
    this.#signal = signal;
    this.#wantsReceipt = receipt;
    this.#settled = settled;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Begins to wait, unless it is given up already. */
  begin() {
    if (this.#signal?.aborted) return this.#abort();
    this.#signal?.addEventListener("abort", this.#abort);
    this.#wait();
  }

  /** Takes a frame of the server's. An error that is not the result goes to `complain`. @param {Frame} frame @param {(error: SwitchboardError) => void} complain */
  take(frame, complain) {
    if (frame.error) {
      const error = serverError(frame.error, this.message.name);
      if (this.#answer || this.#error) complain(error);
      else this.#error = error;
    } else if (Object.hasOwn(frame, "payload")) {
      if (!this.wantsAll) this.#answer ??= { value: frame.payload };
      if (this.onPart) guarded(this.onPart, frame);
    }
    if (frame.more) {
      if (!this.isSettled) this.#wait();
      return;
    }
    if (!this.#settle(false)) return;
    const { receipt } = frame;
    const value = this.#answer?.value;
    if (this.#error && !this.#answer) return this.#reject(Object.assign(this.#error, { receipt }));
    this.#resolve(this.#wantsReceipt ? { value, receipt } : value);
    if (this.#error) complain(this.#error);
  }

  /** It was lost, or never left. @param {string} code @param {string} why */
  fail(code, why) {
    if (this.#settle(false)) this.#reject(this.#failure(code, why));
  }

  /** The client wants no answer any more. @param {string} code @param {string} why @param {unknown} [cause] */
  giveUp(code, why, cause) {
    if (this.#settle(true)) this.#reject(this.#failure(code, why, cause));
  }

  #wait() {
    clearTimeout(this.#timer);
    const expire = () => this.giveUp("timeout", `${this.message.name} was not answered within ${this.#timeout} ms`);
    this.#timer = after(this.#timeout, expire);
  }

  #abort = () => this.giveUp("cancelled", `${this.message.name} was cancelled`, this.#signal?.reason);

  /** True once. @param {boolean} isGivenUp */
  #settle(isGivenUp) {
    if (this.isSettled) return false;
    this.isSettled = true;
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener("abort", this.#abort);
    this.#settled(isGivenUp);
    return true;
  }

  /** @param {string} code @param {string} why @param {unknown} [cause] */
  #failure(code, why, cause) {
    const { name, sent } = this.message;
    return new SwitchboardError(code, why, { maybeDelivered: sent, messageName: name, cause });
  }
}

/** Gives the answers of a call one by one, then its end. @implements {AsyncIterableIterator<any, undefined, void>} */
class Answers {
  #call;
  #limit;
  /** Answers that nobody has taken. @type {any[]} */ #ready = [];
  /** Who waits for the next. @type {Waiting[]} */ #waiting = [];
  #isOver = false;
  /** @type {unknown} */ #error;

  /** @param {Call} call @param {number} [limit] */
  constructor(call, limit = 1_000) {
    this.#call = call;
    this.#limit = limit;
    call.wantsAll = true;
    call.onPart = (payload) => this.#take(payload);
    call.result.then(() => this.#end(undefined), (error) => this.#end(error));
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  /** @returns {Promise<IteratorResult<any, undefined>>} */
  next() {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#hand();
    });
  }

  /** What leaves a loop calls this. @returns {Promise<IteratorResult<any, undefined>>} */
  async return() {
    this.#ready = [];
    this.#end(undefined);
    this.#call.giveUp("cancelled", `${this.#call.message.name} was not read to its end`);
    return DONE;
  }

  /** @param {any} payload */
  #take(payload) {
    if (this.#isOver) return;
    if (this.#ready.length >= this.#limit) {
      const { name } = this.#call.message;
      return this.#call.giveUp("overloaded", `${this.#limit} answers of ${name} wait to be taken: take them sooner, or raise \`limit\``);
    }
    this.#ready.push(payload);
    this.#hand();
  }

  /** @param {unknown} error */
  #end(error) {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#error = error;
    this.#hand();
  }

  #hand() {
    while (this.#waiting.length && (this.#ready.length || this.#isOver)) {
      const { resolve, reject } = /** @type {Waiting} */ (this.#waiting.shift());
      const error = this.#error;
      if (this.#ready.length) {
        resolve({ value: this.#ready.shift(), done: false });
      } else if (error) {
        this.#error = undefined;
        reject(error);
      } else {
        resolve(DONE);
      }
    }
  }
}

const DONE = /** @type {const} */ ({ value: undefined, done: true });

/**
 * One WebSocket after the other to the same server.
 */

const BACKOFF_BASE = 500;
const BACKOFF_CAP = 20_000;
/** A connection that lived this long was no failed attempt: the next wait is short again. */
const STABLE_AFTER = 5_000;

const ABNORMAL_CLOSURE = 1006;
const RECONNECT_ON = new Set([1001, ABNORMAL_CLOSURE, 1011, 1012, 1013]);
const SOCKET_OPEN = 1;
const SOCKET_CLOSED = 3;

/** A connection that is made, watched, lost, and made again. */
class Connection {
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

/**
 * What an application uses.
 */

export { SwitchboardError };

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
