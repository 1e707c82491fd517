import { connect } from "/switchboard.js";
import { element, notices, sentence, showState, showWire } from "/page.js";

const CHANNELS = [1, 2, 3, 4];
/** After this many milliseconds without a change the levels are asked for again. */
const QUIET = 1_000;

const $ = (id) => document.getElementById(id);
const board = connect();
const notice = notices($("notice"));
/** @type {Map<number, ReturnType<typeof strip>>} */
const strips = new Map(CHANNELS.map((channel) => [channel, strip(channel)]));
let quiet;

showState(board, $("lamp"));
showWire(board, $("wire"), $("wire-toggle"));
$("strips").append(...[...strips.values()].map(({ node }) => node));

board.accept(["mixer/*"]).catch(complain);

board.addEventListener("open", () => void readLevels());

board.addEventListener("close", ({ detail }) => {
  if (!detail.willReconnect) notice.show("The server ended the connection. Reload the page to come back.");
});

board.addEventListener("error", (event) => {
  event.preventDefault();
  complain(event.detail);
});

board.on("mixer/level", ({ channel, level }) => {
  strips.get(channel)?.show(level, true);
  $("news").textContent = `Somebody set channel ${channel} to ${level}.`;
  readWhenQuiet();
});

document.addEventListener("keydown", ({ key, ctrlKey, altKey, metaKey }) => {
  if (!ctrlKey && !altKey && !metaKey) strips.get(Number(key))?.focus();
});

async function readLevels() {
  try {
    for (const { channel, level } of await board.request("mixer/levels")) strips.get(channel)?.show(level);
  } catch (error) {
    if (error.code !== "disconnected") complain(error);
  }
}

/** Two who move one fader at the same time may hear of it in different orders: what holds is asked for afterwards. */
function readWhenQuiet() {
  clearTimeout(quiet);
  quiet = setTimeout(readLevels, QUIET);
}

async function move(channel, direction) {
  try {
    const { level } = await board.request(`mixer/volume_${direction}`, { channel });
    notice.clear();
    strips.get(channel).show(level);
    $("news").textContent = `You set channel ${channel} to ${level}.`;
    readWhenQuiet();
  } catch (error) {
    complain(error);
  }
}

function complain(error) {
  const isLost = error.code === "disconnected" && error.maybeDelivered;
  notice.show(isLost ? "The connection was lost; the fader may not have moved." : sentence(error.message), error.code);
}

/** One channel: a fader that shows the level and takes the arrow keys, and two buttons. */
function strip(channel) {
  const title = element("h3", { className: "engraved" }, "Channel ", element("b", {}, String(channel)));
  const value = element("output", { ariaLabel: `Level of channel ${channel}` }, "–");
  const fader = element("div", { className: "fader", role: "slider", tabIndex: 0, ariaLabel: `Channel ${channel}`, ariaOrientation: "vertical" });
  Object.assign(fader, { ariaValueMin: "0", ariaValueMax: "100", ariaValueNow: "0" });
  fader.append(element("div", { className: "slot" }), element("div", { className: "cap" }));
  const button = (sign, direction, label) =>
    element("button", { type: "button", ariaLabel: `${label} channel ${channel}`, onclick: () => move(channel, direction) }, sign);
  const steps = element("div", { className: "steps" }, button("+", "up", "Turn up"), button("−", "down", "Turn down"));
  const node = element("section", { className: "strip", ariaLabel: `Channel ${channel}` }, title, value, fader, steps);

  fader.addEventListener("keydown", (event) => {
    const direction = { ArrowUp: "up", ArrowRight: "up", ArrowDown: "down", ArrowLeft: "down" }[event.key];
    if (!direction) return;
    event.preventDefault();
    void move(channel, direction);
  });
  fader.addEventListener("animationend", () => node.classList.remove("moved"));

  return {
    node,
    focus: () => fader.focus(),
    show(level, byAnother = false) {
      node.style.setProperty("--level", String(level));
      value.textContent = String(level);
      fader.ariaValueNow = String(level);
      if (byAnother) node.classList.add("moved");
    },
  };
}
