/** A request. Whatever comes first settles it: an answer, an error, its time-out, its signal, the end of the connection. */
export class Call {
    /**
     * @param {Outgoing} message
     * @param {RequestOptions} options
     * @param {(isGivenUp: boolean) => void} settled is called once; where it is given up, the server may still be at work
     */
    constructor(message: Outgoing, { timeout, signal, onPart, receipt }: RequestOptions, settled: (isGivenUp: boolean) => void);
    /** The application's: it settles once. @type {Promise<any>} */ result: Promise<any>;
    /** Takes every answer. @type {RequestOptions["onPart"]} */ onPart: RequestOptions["onPart"];
    /** Set where `onPart` gets all answers: none of them is the result, and an error counts in spite of them. */
    wantsAll: boolean;
    isSettled: boolean;
    message: Outgoing;
    /** Begins to wait, unless it is given up already. */
    begin(): void;
    /** Takes a frame of the server's. An error that is not the result goes to `complain`. @param {Frame} frame @param {(error: SwitchboardError) => void} complain */
    take(frame: Frame, complain: (error: SwitchboardError) => void): void;
    /** It was lost, or never left. @param {string} code @param {string} why */
    fail(code: string, why: string): void;
    /** The client wants no answer any more. @param {string} code @param {string} why @param {unknown} [cause] */
    giveUp(code: string, why: string, cause?: unknown): void;
    #private;
}
/** Gives the answers of a call one by one, then its end. @implements {AsyncIterableIterator<any, undefined, void>} */
export class Answers implements AsyncIterableIterator<any, undefined, void> {
    /** @param {Call} call @param {number} [limit] */
    constructor(call: Call, limit?: number);
    /** @returns {Promise<IteratorResult<any, undefined>>} */
    next(): Promise<IteratorResult<any, undefined>>;
    /** What leaves a loop calls this. @returns {Promise<IteratorResult<any, undefined>>} */
    return(): Promise<IteratorResult<any, undefined>>;
    [Symbol.asyncIterator](): this;
    #private;
}
export type Waiting = {
    resolve: (result: IteratorResult<any, undefined>) => void;
    reject: (error: unknown) => void;
};
import type { RequestOptions } from "./types.js";
import type { Outgoing } from "./types.js";
import type { Frame } from "./types.js";
import { SwitchboardError } from "./words.js";
