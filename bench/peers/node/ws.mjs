// `ws`, in the style of the examples in its README (an HTTP server with a WebSocketServer on it; a broadcast is a loop over
// `wss.clients`), with a map from names to handlers in front, as most applications on it grow one. Rooms are a map of sets.

import { createServer } from "node:http";
import { WebSocket, WebSocketServer } from "ws";

import { listen, otherNames } from "./listen.mjs";

const server = createServer();
const wss = new WebSocketServer({ server });
const rooms = new Map();

const handlers = new Map(otherNames.map((name) => [name, done]));
handlers.set("bench/echo", (client, { name, uid, payload }) => {
  reply(client, { name, uid, payload: readText(payload) });
});
handlers.set("bench/publish", (_client, { name, payload }) => {
  sendToAll(wss.clients, { name, payload: readText(payload) });
});

wss.on("connection", (client) => {
  client.on("error", console.error);
  client.on("message", (data) => receive(client, data));
  client.on("close", () => client.rooms?.forEach((room) => leave(client, room)));
});

listen(server);

function receive(client, data) {
  let request = {};
  try {
    request = JSON.parse(data);
    const handler = handlers.get(request.name) ?? handleRoom;
    handler(client, request);
  } catch (error) {
    reply(client, { name: request.name, uid: request.uid, error: { code: "invalid", message: error.message } });
  }
}

function done(client, { name, uid }) {
  reply(client, { name, uid });
}

function handleRoom(client, { name, uid, payload }) {
  const [, room, verb] = /^bench\/rooms\/(\d+)\/(join|say|leave)$/.exec(name) ?? [];
  switch (verb) {
    case "join":
      join(client, room);
      return reply(client, { name, uid });
    case "leave":
      leave(client, room);
      return reply(client, { name, uid });
    case "say":
      return sendToAll(rooms.get(room) ?? [], { name, payload: readText(payload) });
    default:
      return reply(client, { name, uid, error: { code: "unknown_name", message: "nothing has this name" } });
  }
}

function readText(payload) {
  if (typeof payload?.text !== "string") {
    throw new TypeError("the payload must be an object with a text");
  }
  return { text: payload.text };
}

function reply(client, message) {
  client.send(JSON.stringify(message));
}

/** Encodes once: a buffer, which goes out as text because `binary` is false, as in the README's broadcast. */
function sendToAll(clients, message) {
  const data = Buffer.from(JSON.stringify(message));
  for (const client of clients) {
    if (client.readyState === WebSocket.OPEN) {
      client.send(data, { binary: false });
    }
  }
}

function join(client, room) {
  if (!rooms.has(room)) {
    rooms.set(room, new Set());
  }
  rooms.get(room).add(client);
  client.rooms = (client.rooms ?? new Set()).add(room);
}

function leave(client, room) {
  const clients = rooms.get(room);
  clients?.delete(client);
  if (clients?.size === 0) {
    rooms.delete(room);
  }
  client.rooms?.delete(room);
}
