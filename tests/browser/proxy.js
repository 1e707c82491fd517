/**
 * A network that misbehaves: TCP between a client and a server, which can be slow, cut, or half open.
 */

import { once } from "node:events";
import { connect, createServer } from "node:net";

export class Proxy {
  /** Milliseconds that each piece of data is held, both ways. */
  delay = 0;
  /** Connections are let in, and nothing passes either way: what a dead peer or a lost route looks like. */
  isDead = false;
  /** Bytes from the server that still pass before the connection is cut. */
  cutAfter = Infinity;

  /** Pairs of sockets. */
  #links = new Set();
  #port;
  #server = createServer((client) => this.#accept(client));

  /** In front of the server at this address. */
  static async start(url) {
    const proxy = new Proxy();
    proxy.target = { host: new URL(url).hostname, port: Number(new URL(url).port) };
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    proxy.#port = proxy.#server.address().port;
    return proxy;
  }

  /** The address to connect to. */
  get url() {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Ends every connection without a word. */
  cut() {
    for (const link of this.#links) link.end();
  }

  /** Takes no new connections, or takes them again. */
  async refuse(isRefusing) {
    if (isRefusing !== this.#server.listening) return;
    if (isRefusing) {
      this.#server.close();
      this.cut();
      await once(this.#server, "close");
    } else {
      this.#server.listen(this.#port, "127.0.0.1");
      await once(this.#server, "listening");
    }
  }

  async stop() {
    this.cut();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, "close");
  }

  #accept(client) {
    const server = connect(this.target);
    const link = { end: () => [client, server].forEach((socket) => socket.resetAndDestroy()) };
    this.#links.add(link);
    const ended = () => {
      // A dead network says nothing of an end either.
      if (this.isDead) return;
      this.#links.delete(link);
      link.end();
    };
    for (const [from, to] of [[client, server], [server, client]]) {
      from.on("error", ended).on("close", ended);
      from.on("data", (data) => this.#pass(data, from === server, to, link));
    }
  }

  #pass(data, isFromServer, to, link) {
    if (this.isDead) return;
    const pass = () => {
      if (to.destroyed || this.isDead) return;
      if (!isFromServer || data.length < this.cutAfter) {
        to.write(data);
        if (isFromServer) this.cutAfter -= data.length;
      } else {
        to.write(data.subarray(0, this.cutAfter), link.end);
        this.cutAfter = Infinity;
      }
    };
    if (this.delay > 0) setTimeout(pass, this.delay);
    else pass();
  }
}
