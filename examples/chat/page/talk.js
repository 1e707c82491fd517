import { element } from "/page.js";

/** Lines kept in one conversation; the oldest go first. */
const LINES_KEPT = 500;
/** Lines of one author that follow each other this closely stand under one name, in milliseconds. */
const TOGETHER = 120_000;

/** One conversation, in a room or with a person, and the list that shows it. */
export class Talk {
  /** Names of who is in the room. @type {Set<string>} */ members = new Set();
  /** Who types, and the timer that forgets it. @type {Map<string, number>} */ typing = new Map();
  unread = 0;
  draft = "";
  /** The author and time of the last line, where a line of the same author may follow it. */
  #last = { from: undefined, at: 0 };

  /** @param {string} key @param {{ room?: string, person?: string }} what */
  constructor(key, { room, person }) {
    this.key = key;
    this.room = room;
    this.person = person;
    this.title = room === undefined ? person : `# ${room}`;
    this.list = element("ol", { className: "log", role: "log", ariaLive: "polite", ariaLabel: `Lines of ${this.title}`, hidden: true });
  }

  /** Adds a line `{ from, text, isMine, toAll }` or an `{ event }`. */
  add({ from, text, isMine, toAll, event }) {
    const now = new Date();
    const isAgain = !event && !toAll && this.#last.from === from && now - this.#last.at < TOGETHER;
    this.#last = { from: event || toAll ? undefined : from, at: Number(now) };
    const time = element("time", { dateTime: now.toISOString() }, now.toTimeString().slice(0, 5));
    if (event) this.list.append(element("li", { className: "event" }, event));
    else if (toAll) this.list.append(announcement(from, text, time));
    else this.list.append(line(from, text, time, { isMine, isAgain }));
    while (this.list.children.length > LINES_KEPT) this.list.firstElementChild.remove();
  }

  /** Notes that somebody types; `changed` is called when that is over. */
  hears(name, duration, changed) {
    clearTimeout(this.typing.get(name));
    this.typing.set(name, setTimeout(() => this.forgets(name) && changed(), duration));
  }

  /** True where this person was typing. */
  forgets(name) {
    clearTimeout(this.typing.get(name));
    return this.typing.delete(name);
  }
}

/** A round sign with a person's initials, in a colour that follows from the name. */
export function face(name) {
  const initials = name.split(/\s+/).slice(0, 2).map((word) => [...word][0]).join("").toUpperCase();
  const sign = element("span", { className: "face", ariaHidden: "true" }, initials);
  const sum = [...name].reduce((sum, character) => (sum * 31 + character.codePointAt(0)) % 3_600, 7);
  sign.style.setProperty("--hue", String(sum % 360));
  return sign;
}

function line(from, text, time, { isMine, isAgain }) {
  const className = `said${isMine ? " mine" : ""}${isAgain ? " again" : ""}`;
  const head = element("header", {}, element("strong", {}, isMine ? "You" : from), time);
  return element("li", { className }, face(from), head, element("p", {}, text));
}

function announcement(from, text, time) {
  const head = element("header", {}, element("span", { className: "engraved" }, "To everyone"), element("strong", {}, from), time);
  return element("li", { className: "announcement" }, head, element("p", {}, text));
}
