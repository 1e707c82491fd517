/** @param {number} milliseconds up to 25 days; longer is as long as that @param {() => void} act */
export function after(milliseconds: number, act: () => void): number;
/** Messages in the order of the calls, bounded in number, in size and in age. */
export class Queue {
    /**
     * @param {{ queue: number, queueBytes: number, queueAge: number }} bounds
     * @param {(message: Outgoing) => void} expired is given a message that waited too long and is taken out
     */
    constructor(bounds: {
        queue: number;
        queueBytes: number;
        queueAge: number;
    }, expired: (message: Outgoing) => void);
    /** @param {Outgoing} message */
    hasRoomFor({ data }: Outgoing): boolean;
    /** @param {Outgoing} message */
    add(message: Outgoing): void;
    /** True where it was there. @param {Outgoing} message */
    take(message: Outgoing): boolean;
    /** The oldest first. What is taken or added meanwhile is left out or comes too. */
    [Symbol.iterator](): MapIterator<Outgoing>;
    #private;
}
import type { Outgoing } from "./types.js";
