/**
 * What the pages of all examples share: making elements, the lamp that shows the connection's state, the panel that shows
 * what travels on the wire, and notices. Text always goes through `textContent`, so nobody's words become markup.
 */

const FRAMES_SHOWN = 200;
const STATES = { connecting: "Connecting…", open: "Connected", waiting: "Reconnecting…", closed: "Disconnected" };

/** Makes an element; a child is a node or a text. */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (key in made) made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

/** Keeps a lamp as bright as the connection. */
export function showState(board, lamp) {
  const text = lamp.appendChild(element("span"));
  const show = () => {
    lamp.dataset.state = board.state;
    text.textContent = STATES[board.state];
  };
  board.addEventListener("open", show);
  board.addEventListener("close", show);
  show();
}

/** Lists the last frames in `panel`, the newest first; `toggle` shows and hides it. */
export function showWire(board, panel, toggle) {
  const list = panel.querySelector("ol");
  const none = panel.querySelector(".none");
  const open = (isOpen) => {
    panel.hidden = !isOpen;
    toggle.setAttribute("aria-expanded", String(isOpen));
  };
  const isWide = matchMedia("(min-width: 1100px)").matches;
  open(isWide);
  toggle.addEventListener("click", () => open(panel.hidden));
  panel.querySelector("[data-close]").addEventListener("click", () => {
    open(false);
    toggle.focus();
  });
  panel.querySelector("[data-clear]").addEventListener("click", () => {
    list.replaceChildren();
    none.hidden = false;
  });
  panel.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape") return;
    open(false);
    toggle.focus();
  });
  board.addEventListener("frame", ({ detail }) => {
    none.hidden = true;
    list.prepend(row(detail));
    while (list.children.length > FRAMES_SHOWN) list.lastElementChild.remove();
  });
}

/** Shows one sentence at a time in `place`; `clear()` takes it away. */
export function notices(place) {
  const clear = () => place.replaceChildren();
  const show = (text, code) => {
    const words = element("p", {}, text);
    if (code) words.append(" ", element("code", {}, code));
    const close = element("button", { type: "button", ariaLabel: "Dismiss", onclick: clear }, "✕");
    place.replaceChildren(element("div", { className: "notice" }, words, close));
  };
  return { show, clear };
}

/** A server's or client's error as a sentence. */
export function sentence(text) {
  const trimmed = String(text).trim() || "something went wrong";
  const capital = trimmed[0].toUpperCase() + trimmed.slice(1);
  return /[.!?…]$/.test(capital) ? capital : `${capital}.`;
}

function row({ direction, text }) {
  const item = element("li");
  item.dataset.direction = direction;
  const now = new Date();
  const clock = now.toTimeString().slice(0, 8) + "." + String(now.getMilliseconds()).padStart(3, "0");
  item.append(
    element("b", { ariaLabel: direction === "in" ? "received" : "sent" }, direction === "in" ? "IN ↓" : "OUT ↑"),
    element("strong", {}, nameOf(text)),
    element("time", { dateTime: now.toISOString() }, clock),
    element("code", {}, ...coloured(text)),
  );
  return item;
}

function nameOf(text) {
  try {
    return String(JSON.parse(text).name ?? "");
  } catch {
    return "";
  }
}

/** The text itself, with what is no key, bracket or comma in the stronger colour. */
function coloured(text) {
  return text.split(/("(?:[^"\\]|\\.)*"(?=:))/).flatMap((part, index) => {
    if (index % 2) return part;
    return part.split(/("(?:[^"\\]|\\.)*"|[^{}[\]:,]+)/).map((piece, at) => (at % 2 ? element("i", {}, piece) : piece));
  });
}
