// Socket.IO, in the style of its documentation ("Application structure"): top-level handlers that find their socket in
// `this` are registered on each socket as it connects; an answer is an acknowledgement, and `io.emit` reaches everybody.
// `onAny` is there for the rooms, whose number is within the name, and for unknown names.

import { createServer } from "node:http";
import { Server } from "socket.io";

import { listen, otherNames } from "./listen.mjs";

const server = createServer();
const io = new Server(server);

const handlers = new Map(otherNames.map((name) => [name, done]));
handlers.set("bench/echo", echo);
handlers.set("bench/publish", publish);

io.on("connection", (socket) => {
  for (const [name, handler] of handlers) {
    socket.on(name, handler);
  }
  socket.onAny((name, ...parameters) => {
    if (!handlers.has(name)) {
      handleRoom(socket, name, ...parameters);
    }
  });
});

listen(server);

function echo(payload, acknowledge) {
  const text = readText(payload);
  acknowledge?.(text ?? INVALID_PAYLOAD);
}

function publish(payload) {
  const text = readText(payload);
  if (text) {
    io.emit("bench/publish", text);
  }
}

function done(...parameters) {
  acknowledge(parameters);
}

function handleRoom(socket, name, ...parameters) {
  const [, room, verb] = /^bench\/rooms\/(\d+)\/(join|say|leave)$/.exec(name) ?? [];
  const text = readText(parameters[0]);
  if (verb === "join") {
    socket.join(room);
    acknowledge(parameters);
  } else if (verb === "leave") {
    socket.leave(room);
    acknowledge(parameters);
  } else if (verb === "say" && text) {
    io.to(room).emit(name, text);
  } else {
    acknowledge(parameters, { error: { code: "unknown_name", message: "nothing has this name" } });
  }
}

function readText(payload) {
  return typeof payload?.text === "string" ? { text: payload.text } : undefined;
}

/** Socket.IO passes the function that acknowledges last, if the client asks for one. */
function acknowledge(parameters, ...answer) {
  const last = parameters.at(-1);
  if (typeof last === "function") {
    last(...answer);
  }
}

const INVALID_PAYLOAD = { error: { code: "invalid_payload", message: "the payload must be an object with a text" } };
