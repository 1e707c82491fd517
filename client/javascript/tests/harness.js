import { connect } from "../switchboard.js";

/** A WebSocket without a network: the test plays the server. */
export class FakeSocket {
  readyState = 0;
  bufferedAmount = 0;
  /** Every message that the client put on the wire, decoded. */
  sent = [];
  onopen = null;
  onmessage = null;
  onclose = null;

  constructor(url, protocol) {
    this.url = url;
    this.protocol = protocol;
  }

  send(text) {
    if (this.readyState !== 1) throw new Error("a browser loses what is sent on a socket that is not open");
    this.sent.push(JSON.parse(text));
  }

  close(code, reason) {
    if (code !== undefined && code !== 1000 && !(code >= 3000 && code <= 4999)) throw new Error(`InvalidAccessError: ${code}`);
    if (this.readyState >= 2) return;
    this.closedWith = { code, reason };
    this.readyState = 2;
  }

  /** The server takes the connection. */
  opens() {
    this.readyState = 1;
    this.onopen?.({});
  }

  /** The server sends a frame: an object, or text as it is. */
  says(frame) {
    this.onmessage?.({ data: typeof frame === "object" && !(frame instanceof ArrayBuffer) ? JSON.stringify(frame) : frame });
  }

  /** The connection ends. */
  ends(code = 1006, reason = "") {
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }

  get names() {
    return this.sent.map(({ name }) => name);
  }
}

/** A client on a fake network and a clock that stands still; `options` go to `connect`. */
export function client(t, options = {}) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const sockets = [];
  class Socket extends FakeSocket {
    constructor(...args) {
      super(...args);
      sockets.push(this);
    }
  }
  const warnings = t.mock.method(console, "warn", () => {}).mock;
  const board = connect("ws://test/switchboard", { WebSocket: Socket, heartbeat: 0, random: () => 0.5, ...options });
  return {
    board,
    sockets,
    warnings,
    get socket() {
      return sockets.at(-1);
    },
    tick: (milliseconds) => t.mock.timers.tick(milliseconds),
    /** All events of one type, as they come. */
    events(type) {
      const seen = [];
      board.addEventListener(type, (event) => seen.push(event.detail));
      return seen;
    },
  };
}

/** A client whose first connection stands. */
export function openClient(t, options) {
  const the = client(t, options);
  the.socket.opens();
  return the;
}

/** Counts how often a promise settles, and keeps what with. */
export function watch(promise) {
  const outcome = { settled: 0, value: undefined, error: undefined };
  promise.then(
    (value) => Object.assign(outcome, { settled: outcome.settled + 1, value }),
    (error) => Object.assign(outcome, { settled: outcome.settled + 1, error }),
  );
  return outcome;
}

/** Lets every promise that can settle do so. */
export const settle = () => new Promise((resolve) => setImmediate(resolve));
