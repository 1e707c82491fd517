/**
 * What a server sends. Keys that are not listed are ignored.
 */
export type Frame = {
    /**
     * the message's name, such as `rooms/lobby/say`
     */
    name: string;
    /**
     * the request that this frame answers; none in a delivery
     */
    uid?: string | number | undefined;
    payload?: any;
    /**
     * more frames follow for this `uid`
     */
    more?: boolean | undefined;
    /**
     * the mailbox that a delivery was sent to
     */
    mailbox?: string | undefined;
    receipt?: Receipt | undefined;
    error?: {
        code: string;
        message?: string;
        details?: any;
    } | undefined;
};
/**
 * Counts what became of a message: routes that matched, controllers that failed, outboxes that took and that refused
 * a delivery.
 */
export type Receipt = {
    matched: number;
    failed: number;
    delivered: number;
    dropped: number;
};
/**
 * How messages are written: JSON, unless another is given.
 */
export type Codec = {
    /**
     * the WebSocket sub-protocol that stands for it
     */
    protocol: string;
    /**
     * throws a TypeError where it cannot
     */
    encode: (message: object) => string | Uint8Array<ArrayBuffer>;
    /**
     * what came, a string or an ArrayBuffer; throws where it is no message
     */
    decode: (data: any) => any;
};
export type Options = {
    /**
     * prepares every connection, the first one and those after a loss: a login,
     * joins. Nothing that waits goes out before it has ended, a promise before it is fulfilled. When it fails, that is an
     * `error` event, and the connection is given up for the next attempt
     */
    onConnected?: ((link: Link) => unknown) | undefined;
    /**
     * `messagePack` of `msgpack.js`, instead of JSON
     */
    codec?: Codec | undefined;
    /**
     * silence after which the connection is checked; default 30000, 0 for never
     */
    heartbeat?: number | undefined;
    /**
     * how long a handshake, or the answer to such a check, may take; default 10000
     */
    patience?: number | undefined;
    /**
     * how many messages may wait for a connection; default 1000
     */
    queue?: number | undefined;
    /**
     * how much they may be together, in bytes of MessagePack or characters of JSON; default 1 MiB
     */
    queueBytes?: number | undefined;
    /**
     * how long one may wait; default 60000
     */
    queueAge?: number | undefined;
    /**
     * how many bytes may wait in an open connection that the server does not read; default 16 MiB
     */
    buffer?: number | undefined;
    /**
     * the class to use instead of the global one
     */
    WebSocket?: (new (url: string, protocol: string) => Socket) | undefined;
    /**
     * used instead of `Math.random` to spread reconnections
     */
    random?: (() => number) | undefined;
};
/**
 * The connection that `onConnected` prepares. What is sent through it goes out at once, ahead of everything that waits;
 * once the connection is lost it is refused.
 */
export type Link = Pick<import("./switchboard.js").Switchboard, "send" | "request" | "stream">;
export type RequestOptions = {
    /**
     * the longest wait for the next frame of the answer, time in the queue included; default
     * 30000, at most 2^31 - 1 (about 25 days)
     */
    timeout?: number | undefined;
    /**
     * gives the request up when it aborts
     */
    signal?: AbortSignal | undefined;
    /**
     * called for every answer, in order, the last one too
     */
    onPart?: Handler | undefined;
    /**
     * asks for a receipt; the request then resolves to `{ value, receipt }`
     */
    receipt?: boolean | undefined;
};
export type StreamOptions = {
    /**
     * as of a request
     */
    timeout?: number | undefined;
    /**
     * as of a request
     */
    signal?: AbortSignal | undefined;
    /**
     * how many answers may wait to be taken; with more the stream fails with `overloaded`. Default 1000
     */
    limit?: number | undefined;
};
/**
 * The events of a `Switchboard` and the `detail` of each.
 */
export type Events = {
    /**
     * a connection stands and is prepared; what its listeners send goes out before what is queued
     */
    open: undefined;
    /**
     * a connection ended, or the attempt to make one
     */
    close: Closed;
    /**
     * messages without an answer that waited for a connection and now never leave
     */
    unsent: Unsent[];
    /**
     * the server reported an error that is no request's result, or
     * `onConnected` failed; it is also written to the console, unless a listener calls `preventDefault()`
     */
    error: import("./switchboard.js").SwitchboardError;
    /**
     * what travels on the wire, as JSON
     */
    frame: {
        direction: "in" | "out";
        text: string;
    };
};
export type Unsent = {
    name: string;
    payload?: any;
};
export type Closed = {
    /**
     * the WebSocket close code
     */
    code: number;
    reason: string;
    willReconnect: boolean;
    /**
     * what the `unsent` event told at the same time; empty while `willReconnect`
     */
    unsent: Unsent[];
};
/**
 * What the client needs of a WebSocket.
 */
export type Socket = Pick<WebSocket, "readyState" | "bufferedAmount" | "binaryType" | "send" | "close" | "onopen" | "onmessage" | "onclose">;
export type State = "connecting" | "open" | "waiting" | "closed";
export type Handler = (payload: any, frame: Frame) => void;
export type Timer = ReturnType<typeof setTimeout> | undefined;
/**
 * A message on its way out.
 */
export type Outgoing = {
    name: string;
    payload: any;
    /**
     * the message as it is written
     */
    data: string | Uint8Array<ArrayBuffer>;
    sent: boolean;
    /**
     * the connection that it goes by, ahead of what waits, or not at all; `next`: whichever
     * is there first
     */
    via?: "next" | Socket | undefined;
    /**
     * of a request
     */
    uid?: number | undefined;
};
