/** A connection that is made, watched, lost, and made again. */
export class Connection {
    /**
     * @param {string} url
     * @param {{ WebSocket: new (url: string, protocol: string) => Socket, codec: Codec, heartbeat: number, patience: number, random: () => number }} options
     * @param {{ connected: () => void, received: (data: unknown) => void, probe: () => void,
     *   ended: (code: number, reason: string, willReconnect: boolean) => void }} events `probe` asks for any frame
     */
    constructor(url: string, options: {
        WebSocket: new (url: string, protocol: string) => Socket;
        codec: Codec;
        heartbeat: number;
        patience: number;
        random: () => number;
    }, events: {
        connected: () => void;
        received: (data: unknown) => void;
        probe: () => void;
        ended: (code: number, reason: string, willReconnect: boolean) => void;
    });
    /** @type {State} */ state: State;
    /** @type {Socket | undefined} */ socket: Socket | undefined;
    /** Whether what is sent now leaves. */
    get isUp(): boolean;
    /** The connection is prepared. */
    opened(): void;
    /** The connection is of no use: the next one may be. @param {string} reason */
    fail(reason: string): void;
    /** @param {number} code @param {string} reason */
    close(code: number, reason: string): void;
    #private;
}
import type { State } from "./types.js";
import type { Socket } from "./types.js";
import type { Codec } from "./types.js";
