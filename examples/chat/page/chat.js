import { connect } from "/switchboard.js";
import { element, notices, sentence, showState, showWire } from "/page.js";
import { Talk, face } from "/talk.js";

const FIRST_ROOM = "lobby";
/** Others show "is typing" for this long, so it is said again a little sooner; in milliseconds, as all times here. */
const TYPING_SHOWN = 4_000;
const TYPING_AGAIN = 3_000;
/** After a cut the server holds the name until it finds the old connection dead, which may take it a minute. */
const LOGIN_ATTEMPTS = 90;
const LOGIN_PAUSE = 1_000;
/** What may be otherwise on the next connection. */
const PASSING = new Set(["disconnected", "timeout", "unavailable", "overloaded"]);

const $ = (id) => document.getElementById(id);
const isNarrow = matchMedia("(max-width: 860px)");
const board = connect(undefined, { onConnected: comeBack });
// For the console: `board.request("switchboard/hello")`.
globalThis.board = board;
const loginNotice = notices($("login-notice"));
const notice = notices($("notice"));

/** Who this is, once logged in. @type {string | undefined} */
let me;
/** The conversations by key: `rooms/<room>` or `users/<name>`. @type {Map<string, Talk>} */
const talks = new Map();
/** @type {Talk | undefined} */
let current;
let lastTyping = -Infinity;

showState(board, $("lamp"));
showWire(board, $("wire"), $("wire-toggle"));

// ---- what comes in ----

board.on("rooms/*", ({ from, name, text }, frame) => {
  const end = frame.name.lastIndexOf("/");
  const talk = talks.get(frame.name.slice(0, end));
  if (!talk) return;
  const what = frame.name.slice(end + 1);
  if (what === "say") {
    talk.forgets(from);
    add(talk, { from, text, isMine: from === me });
  } else if (what === "typing") {
    talk.hears(from, TYPING_SHOWN, render);
    render();
  } else if (what === "joined" && !talk.members.has(name)) {
    talk.members.add(name);
    add(talk, { event: `${name} joined` });
  } else if (what === "left" && talk.members.delete(name)) {
    talk.forgets(name);
    add(talk, { event: `${name} left` });
  }
});

board.on("messages/private", ({ from, text }) => add(withPerson(from), { from, text, isMine: from === me }));

board.on("messages/broadcast", ({ from, text }) => {
  for (const talk of talks.values()) talk.add({ from, text, toAll: true });
  render();
});

board.addEventListener("close", ({ detail }) => {
  if (detail.willReconnect) return;
  notice.show(`The server ended the connection: ${sentence(detail.reason || "it gave no reason")} Reload the page to come back.`);
});

board.addEventListener("error", (event) => {
  event.preventDefault();
  complain(event.detail);
});

// ---- login and rooms ----

async function login(name, link = board) {
  me = (await link.request("accounts/login", { name })).name;
  $("self-name").textContent = me;
  $("self-face").replaceChildren(face(me));
  $("login").hidden = true;
  $("exchange").hidden = false;
}

async function join(room, link = board) {
  const answer = await link.request(`rooms/${room}/join`);
  const talk = conversation(`rooms/${answer.room}`, { room: answer.room });
  talk.members = new Set(answer.members);
  return talk;
}

/** Prepares a connection: who was in is in again, in all rooms, before the lines that waited for it go out. */
async function comeBack(link) {
  for (let attempt = 1; me !== undefined; attempt++) {
    const rooms = [...talks.values()].filter((talk) => talk.room !== undefined).map((talk) => talk.room);
    const outcomes = await Promise.allSettled([login(me, link), ...rooms.map((room) => join(room, link))]);
    const [entered, ...errors] = outcomes.map(({ reason }) => reason);
    const passing = [entered, ...errors].find((error) => PASSING.has(error?.code));
    if (passing) throw passing;
    if (entered?.code === "name_taken" && attempt < LOGIN_ATTEMPTS) {
      notice.show("The server still holds your name for the connection that was lost. Asking again…", entered.code);
      await new Promise((resolve) => setTimeout(resolve, LOGIN_PAUSE));
      continue;
    }
    notice.clear();
    if (entered) logOut(entered);
    else for (const error of errors) if (error) complain(error);
    return render();
  }
}

function logOut({ message, code }) {
  me = undefined;
  $("exchange").hidden = true;
  $("login").hidden = false;
  loginNotice.show(sentence(message), code);
}

$("login-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  loginNotice.clear();
  try {
    await login($("name").value);
    show(await join(FIRST_ROOM));
  } catch (error) {
    loginNotice.show(sentence(error.message), error.code);
    $("name").select();
  }
});

$("join-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const room = $("room").value.trim();
  if (/[/<>*\p{Cc}]/u.test(room)) return notice.show("A room's name cannot have / < > or * in it.");
  await attempt(async () => {
    show(await join(room));
    $("room").value = "";
  });
});

$("leave").addEventListener("click", () => {
  const talk = current;
  return attempt(async () => {
    // Who is not in the room, because it could not come back into it, has left it already.
    if (talk.room !== undefined) await board.request(`rooms/${talk.room}/leave`).catch(unless("forbidden"));
    talks.delete(talk.key);
    talk.list.remove();
    show(talks.values().next().value);
  });
});

// ---- what is said ----

$("say-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = $("text").value;
  const talk = current;
  if (!text.trim() || !talk) return;
  const toAll = $("everyone").getAttribute("aria-pressed") === "true";
  type("");
  addressAll(false);
  lastTyping = -Infinity;
  const isSent = await attempt(async () => {
    if (toAll) return board.request("messages/broadcast", { text });
    if (talk.room !== undefined) return board.request(`rooms/${talk.room}/say`, { text });
    await board.request("messages/private", { to: talk.person, text });
    if (talk.person !== me) add(talk, { from: me, text, isMine: true });
  });
  if (!isSent && current === talk && !$("text").value) type(text);
});

$("text").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $("say-form").requestSubmit();
});

$("text").addEventListener("input", () => {
  grow();
  const now = performance.now();
  if (current?.room === undefined || board.state !== "open" || now - lastTyping < TYPING_AGAIN) return;
  lastTyping = now;
  board.send(`rooms/${current.room}/typing`);
});

$("everyone").addEventListener("click", () => {
  addressAll($("everyone").getAttribute("aria-pressed") !== "true");
  $("text").focus();
});

function addressAll(toAll) {
  $("everyone").setAttribute("aria-pressed", String(toAll));
  $("say-form").classList.toggle("to-everyone", toAll);
  render();
}

function type(text) {
  $("text").value = text;
  grow();
}

function grow() {
  const text = $("text");
  text.style.height = "auto";
  text.style.height = `${text.scrollHeight + 2}px`;
}

// ---- errors ----

/** Runs an action of the user's and shows what went wrong; true where nothing did. */
async function attempt(action) {
  try {
    await action();
    notice.clear();
    return true;
  } catch (error) {
    complain(error);
    return false;
  }
}

function complain(error) {
  const isLost = error.code === "disconnected" && error.maybeDelivered;
  notice.show(isLost ? "The connection was lost; the message may not have arrived." : sentence(error.message), error.code);
}

/** Takes an error of this code for none. */
function unless(code) {
  return (error) => {
    if (error.code !== code) throw error;
  };
}

// ---- what is shown ----

function conversation(key, what) {
  let talk = talks.get(key);
  if (!talk) {
    talk = new Talk(key, what);
    talks.set(key, talk);
    $("log-box").append(talk.list);
  }
  return talk;
}

function withPerson(name) {
  return conversation(`users/${name}`, { person: name });
}

function add(talk, line) {
  const box = $("log-box");
  const isAtEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 80;
  talk.add(line);
  if (talk !== current && !line.event) talk.unread++;
  render();
  if (talk === current && (isAtEnd || line.isMine)) box.scrollTop = box.scrollHeight;
}

function show(talk) {
  if (current) current.draft = $("text").value;
  current = talk;
  if (talk) talk.unread = 0;
  openLines(false);
  type(talk?.draft ?? "");
  render();
  $("log-box").scrollTop = $("log-box").scrollHeight;
  if (!isNarrow.matches) $("text").focus();
}

function render() {
  const all = [...talks.values()];
  const rooms = all.filter((talk) => talk.room !== undefined);
  const people = all.filter((talk) => talk.person !== undefined);
  fill($("rooms"), rooms.map((talk) => entry(talk.key, talk.room, element("span", { className: "jack" }), talk)));
  fill($("direct"), people.map((talk) => entry(talk.key, talk.person, face(talk.person), talk)));
  fill($("members"), [...(current?.members ?? [])].sort((a, b) => a.localeCompare(b)).map(member));
  $("direct-lines").hidden = people.length === 0;
  $("people").hidden = current?.room === undefined;

  const elsewhere = all.reduce((sum, talk) => sum + talk.unread, 0);
  $("elsewhere").hidden = elsewhere === 0;
  $("elsewhere").textContent = String(elsewhere);
  document.title = elsewhere ? `(${elsewhere}) Switchboard chat` : "Switchboard chat";

  for (const talk of all) talk.list.hidden = talk !== current;
  const count = current?.members.size;
  $("talk-title").textContent = current?.title ?? "No room";
  $("talk-note").textContent = !current ? "Join one to talk." : current.person ? "Only the two of you" : count === 1 ? "Only you are here" : `${count} people here`;
  $("leave").hidden = !current;
  $("leave").textContent = current?.person ? "Close" : "Leave";
  $("say-form").hidden = !current;
  const toAll = $("everyone").getAttribute("aria-pressed") === "true";
  $("text").placeholder = toAll ? "To everyone on the server" : current?.person ? `To ${current.person}, privately` : `To ${current?.title ?? ""}`;
  $("typing").textContent = whoTypes([...(current?.typing.keys() ?? [])]);
}

function whoTypes(names) {
  if (names.length === 0) return "";
  if (names.length > 2) return "Several people are typing…";
  return `${names.join(" and ")} ${names.length === 1 ? "is" : "are"} typing…`;
}

function entry(key, name, sign, talk) {
  const button = element("button", { type: "button", className: "line", onclick: () => show(talk) }, sign, element("span", {}, name));
  button.dataset.key = key;
  if (talk === current) button.setAttribute("aria-current", "true");
  if (talk.unread) button.append(element("span", { className: "badge", ariaLabel: `${talk.unread} unread` }, String(talk.unread)));
  return button;
}

function member(name) {
  const label = element("span", {}, name);
  const open = () => show(withPerson(name));
  const button = element("button", { type: "button", className: "line", disabled: name === me, title: `Write to ${name} privately`, onclick: open }, face(name), label);
  button.dataset.key = name;
  if (name === me) label.append(element("small", {}, " (you)"));
  return button;
}

/** Puts new buttons in place of the old without taking the focus from the one that has it. */
function fill(list, buttons) {
  const focused = list.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  list.replaceChildren(...buttons.map((button) => element("li", {}, button)));
  if (focused !== undefined) buttons.find((button) => button.dataset.key === focused)?.focus();
}

// ---- the drawer of a narrow screen ----

function openLines(isOpen) {
  $("lines").classList.toggle("is-open", isOpen);
  $("lines-toggle").setAttribute("aria-expanded", String(isOpen));
}

$("lines-toggle").addEventListener("click", () => openLines(!$("lines").classList.contains("is-open")));
$("log-box").addEventListener("pointerdown", () => openLines(false));
document.addEventListener("keydown", ({ key }) => {
  if (key !== "Escape" || !$("lines").classList.contains("is-open")) return;
  openLines(false);
  $("lines-toggle").focus();
});
