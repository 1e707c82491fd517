/**
 * Requests, from the call to what settles them.
 */

/** @import { Frame, Outgoing, RequestOptions, Timer } from "./types.js" */

/** @typedef {{ resolve: (result: IteratorResult<any, undefined>) => void, reject: (error: unknown) => void }} Waiting */

import { after } from "./queue.js";
import { SwitchboardError, guarded, serverError } from "./words.js";

const REQUEST_TIMEOUT = 30_000;

/** A request. Whatever comes first settles it: an answer, an error, its time-out, its signal, the end of the connection. */
export class Call {
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
export class Answers {
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
