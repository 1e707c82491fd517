/**
 * What waits for a connection.
 */

/** @import { Outgoing, Timer } from "./types.js" */

/** On anything longer `setTimeout` fires at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** @param {number} milliseconds up to 25 days; longer is as long as that @param {() => void} act */
export function after(milliseconds, act) {
  return setTimeout(act, Math.min(milliseconds, LONGEST_TIMER));
}

/** Messages in the order of the calls, bounded in number, in size and in age. */
export class Queue {
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
