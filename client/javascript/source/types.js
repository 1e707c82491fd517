/**
 * The types of the browser's client. Nothing here is left at run time. Times are in milliseconds throughout.
 *
 * @module types
 */

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
 * How messages are written: JSON, unless another is given.
 * @typedef {object} Codec
 * @property {string} protocol the WebSocket sub-protocol that stands for it
 * @property {(message: object) => string | Uint8Array<ArrayBuffer>} encode throws a TypeError where it cannot
 * @property {(data: any) => any} decode what came, a string or an ArrayBuffer; throws where it is no message
 */

/**
 * @typedef {object} Options
 * @property {(link: Link) => unknown} [onConnected] prepares every connection, the first one and those after a loss: a login,
 *   joins. Nothing that waits goes out before it has ended, a promise before it is fulfilled. When it fails, that is an
 *   `error` event, and the connection is given up for the next attempt
 * @property {Codec} [codec] `messagePack` of `msgpack.js`, instead of JSON
 * @property {number} [heartbeat] silence after which the connection is checked; default 30000, 0 for never
 * @property {number} [patience] how long a handshake, or the answer to such a check, may take; default 10000
 * @property {number} [queue] how many messages may wait for a connection; default 1000
 * @property {number} [queueBytes] how much they may be together, in bytes of MessagePack or characters of JSON; default 1 MiB
 * @property {number} [queueAge] how long one may wait; default 60000
 * @property {number} [buffer] how many bytes may wait in an open connection that the server does not read; default 16 MiB
 * @property {new (url: string, protocol: string) => Socket} [WebSocket] the class to use instead of the global one
 * @property {() => number} [random] used instead of `Math.random` to spread reconnections
 */

/**
 * The connection that `onConnected` prepares. What is sent through it goes out at once, ahead of everything that waits;
 * once the connection is lost it is refused.
 * @typedef {Pick<import("./switchboard.js").Switchboard, "send" | "request" | "stream">} Link
 */

/**
 * @typedef {object} RequestOptions
 * @property {number} [timeout] the longest wait for the next frame of the answer, time in the queue included; default
 *   30000, at most 2^31 - 1 (about 25 days)
 * @property {AbortSignal} [signal] gives the request up when it aborts
 * @property {Handler} [onPart] called for every answer, in order, the last one too
 * @property {boolean} [receipt] asks for a receipt; the request then resolves to `{ value, receipt }`
 */

/**
 * @typedef {object} StreamOptions
 * @property {number} [timeout] as of a request
 * @property {AbortSignal} [signal] as of a request
 * @property {number} [limit] how many answers may wait to be taken; with more the stream fails with `overloaded`. Default 1000
 */

/**
 * The events of a `Switchboard` and the `detail` of each.
 * @typedef {object} Events
 * @property {undefined} open a connection stands and is prepared; what its listeners send goes out before what is queued
 * @property {Closed} close a connection ended, or the attempt to make one
 * @property {Unsent[]} unsent messages without an answer that waited for a connection and now never leave
 * @property {import("./switchboard.js").SwitchboardError} error the server reported an error that is no request's result, or
 *   `onConnected` failed; it is also written to the console, unless a listener calls `preventDefault()`
 * @property {{ direction: "in" | "out", text: string }} frame what travels on the wire, as JSON
 */

/** @typedef {{ name: string, payload?: any }} Unsent */

/**
 * @typedef {object} Closed
 * @property {number} code the WebSocket close code
 * @property {string} reason
 * @property {boolean} willReconnect
 * @property {Unsent[]} unsent what the `unsent` event told at the same time; empty while `willReconnect`
 */

/**
 * What the client needs of a WebSocket.
 * @typedef {Pick<WebSocket, "readyState" | "bufferedAmount" | "binaryType" | "send" | "close" | "onopen" | "onmessage" | "onclose">} Socket
 */

/** @typedef {"connecting" | "open" | "waiting" | "closed"} State */
/** @typedef {(payload: any, frame: Frame) => void} Handler */
/** @typedef {ReturnType<typeof setTimeout> | undefined} Timer */

/**
 * A message on its way out.
 * @typedef {object} Outgoing
 * @property {string} name
 * @property {any} payload
 * @property {string | Uint8Array<ArrayBuffer>} data the message as it is written
 * @property {boolean} sent
 * @property {Socket | "next"} [via] the connection that it goes by, ahead of what waits, or not at all; `next`: whichever
 *   is there first
 * @property {number} [uid] of a request
 */

export {};
