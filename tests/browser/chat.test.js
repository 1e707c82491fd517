import assert from "node:assert/strict";
import { PHONE, overflow, pageTest, sees, seesNo, unnamed } from "./support.js";

const chatTest = pageTest.bind(undefined, "chat");
/** What the browser itself writes when nobody listens at the address. */
const NOBODY_THERE = /ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE/;

chatTest("two windows talk in the lobby", async ({ open }) => {
  const ada = await enter(await open(), "Ada");
  const bob = await enter(await open(), "Bob");
  await sees(ada, ".event", "Bob joined");
  for (const page of [ada, bob]) {
    await sees(page, "#talk-note", "2 people here");
    assert.deepEqual(await page.locator("#members .line").count(), 2);
  }

  await say(ada, "Is this thing on?");
  await sees(bob, ".said:not(.mine)", "Is this thing on?");
  await sees(ada, ".said.mine", "Is this thing on?");
  await say(bob, "It is.");
  await sees(ada, ".said:not(.mine)", "It is.");
  assert.deepEqual(await lines(ada), ["Is this thing on?", "It is."]);
  assert.deepEqual(await lines(bob), ["Is this thing on?", "It is."]);
});

chatTest("who types is shown until the line comes", async ({ open }) => {
  const ada = await enter(await open(), "Ada");
  const bob = await enter(await open(), "Bob");
  await bob.locator("#text").pressSequentially("So");
  await sees(ada, "#typing", "Bob is typing…");
  await bob.locator("#text").press("Enter");
  await sees(ada, ".said", "So");
  assert.equal(await ada.locator("#typing").textContent(), "");
  assert.equal(await bob.locator("#typing").textContent(), "", "one does not see oneself type");
});

chatTest("a private message opens a conversation of two", async ({ open }) => {
  const ada = await enter(await open(), "Ada");
  const bob = await enter(await open(), "Bob");
  const eve = await enter(await open(), "Eve");
  await ada.getByRole("button", { name: "Bob" }).click();
  await sees(ada, "#talk-note", "Only the two of you");
  await say(ada, "Just for you");
  await sees(ada, ".said.mine", "Just for you");
  await sees(bob, "#direct .badge", "1");
  await bob.locator("#direct .line").click();
  await sees(bob, ".said", "Just for you");
  await say(bob, "Heard");
  await sees(ada, ".said", "Heard");

  await bob.locator("#rooms .line").click();
  await say(bob, "Back in the lobby");
  await sees(eve, ".said", "Back in the lobby");
  const seen = await eve.locator("body").innerText();
  assert.ok(!seen.includes("Just for you") && !seen.includes("Heard"), seen);
});

chatTest("a private message to somebody who has gone is refused in words, and the text stays", async ({ open }) => {
  const ada = await enter(await open(), "Ada");
  const bob = await enter(await open(), "Bob");
  await ada.getByRole("button", { name: "Bob" }).click();
  await bob.close();
  await ada.locator("#rooms .line").click();
  await sees(ada, ".event", "Bob left");
  await ada.locator("#direct .line").click();
  await say(ada, "Are you there?");
  await sees(ada, ".notice", "Nobody of this name is logged in.");
  assert.equal(await ada.locator("#text").inputValue(), "Are you there?");
  await ada.getByRole("button", { name: "Dismiss" }).click();
  await seesNo(ada, ".notice");
});

chatTest("a broadcast is heard in every room", async ({ open }) => {
  const ada = await enter(await open(), "Ada");
  const bob = await enter(await open(), "Bob");
  await join(bob, "attic");
  await ada.getByRole("button", { name: "To everyone" }).click();
  await say(ada, "Tea is ready");
  for (const page of [ada, bob]) await sees(page, ".announcement", "Tea is ready");
  await say(ada, "Only the lobby again");
  await sees(ada, ".said", "Only the lobby again");
});

chatTest("names that are taken or bad are refused in words, and another may be tried", async ({ open }) => {
  await enter(await open(), "Ada");
  const page = await open();
  await logIn(page, "ada");
  await sees(page, "#login-notice", "Somebody is called ada already; choose another name. name_taken");
  await logIn(page, "x".repeat(33));
  await sees(page, "#login-notice", "bad_name");
  await enter(page, "Grace");
  await sees(page, "#self-name", "Grace");
});

chatTest("who closes the window leaves the room", async ({ open }) => {
  const ada = await enter(await open(), "Ada");
  const bob = await enter(await open(), "Bob");
  await sees(ada, ".event", "Bob joined");
  await bob.close();
  await sees(ada, ".event", "Bob left");
  await sees(ada, "#talk-note", "Only you are here");
  assert.equal(await ada.locator("#members .line").count(), 1);
});

chatTest("rooms are apart, count what was not read, and can be left", async ({ open }) => {
  const ada = await enter(await open(), "Ada");
  const bob = await enter(await open(), "Bob");
  await join(ada, "attic");
  await sees(ada, "#talk-note", "Only you are here");
  await say(bob, "one");
  await say(bob, "two");
  await sees(ada, "#rooms .badge", "2");
  await say(ada, "alone up here");
  await sees(ada, ".said", "alone up here");
  assert.deepEqual(await lines(bob), ["one", "two"]);

  await ada.getByRole("button", { name: "Leave" }).click();
  await sees(ada, "#talk-title", "# lobby");
  assert.deepEqual(await lines(ada), ["one", "two"]);
  await ada.getByRole("button", { name: "Leave" }).click();
  await sees(bob, ".event", "Ada left");
  await sees(ada, "#talk-title", "No room");
});

chatTest("nobody's words become markup", async ({ open }) => {
  const attack = `<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>`;
  const name = "<img src=x onerror=pwned=1>";
  const ada = await enter(await open(), "Ada");
  const eve = await enter(await open(), name);
  await say(eve, attack);
  await sees(ada, ".said p", attack);
  await sees(ada, ".said header", name);
  await sees(ada, "#wire code", "onerror");
  await eve.locator("#text").pressSequentially("x");
  await sees(ada, "#typing", `${name} is typing…`);
  await ada.locator("#members .line").filter({ hasText: name }).click();
  await sees(ada, "#talk-title", name);
  for (const page of [ada, eve]) {
    const made = await page.evaluate(() => [window.pwned, document.querySelectorAll(".stage img, .stage script, .stage b b").length]);
    assert.deepEqual(made, [undefined, 0]);
  }
});

chatTest("windows come back, and into their rooms, when the server was killed and started again", async ({ server, open }) => {
  const ada = await enter(await open({ tolerate: NOBODY_THERE }), "Ada");
  const bob = await enter(await open({ tolerate: NOBODY_THERE }), "Bob");
  await join(bob, "attic");
  await say(ada, "before");
  await sees(ada, ".said", "before");
  await server.stop("SIGKILL");
  for (const page of [ada, bob]) await sees(page, "#lamp", "Reconnecting…");
  await say(ada, "said while nobody listened");
  await server.restart();
  for (const page of [ada, bob]) await sees(page, "#lamp", "Connected");

  await sees(ada, ".said.mine", "said while nobody listened");
  await sees(ada, "#talk-note", "2 people here");
  await bob.locator("#rooms .line").filter({ hasText: "lobby" }).click();
  await say(bob, "after");
  await sees(ada, ".said", "after");
  assert.equal((await lines(ada)).at(-1), "after");
});

chatTest("a window whose old connection still holds its name asks again until it is free", async ({ open }) => {
  const connections = [];
  const prepare = (page) => page.routeWebSocket(/\/switchboard$/, (socket) => {
    connections.push({ socket, server: socket.connectToServer() });
    socket.onClose(() => {});
  });
  const ada = await enter(await open({ prepare }), "Ada");
  const bob = await enter(await open(), "Bob");
  // The page's end of the connection goes, the server's stays: what a lost network looks like.
  await connections[0].socket.close({ code: 1012 });
  await sees(ada, ".notice", "The server still holds your name");
  await seesNo(ada, "#login");
  await connections[0].server.close();
  await sees(bob, ".event", "Ada left");
  await sees(bob, ".event >> nth=-1", "Ada joined");
  await seesNo(ada, ".notice");
  await say(ada, "back");
  await sees(bob, ".said", "back");
});

chatTest("the wire panel lists what comes and goes", async ({ open }) => {
  const page = await enter(await open(), "Ada");
  const toggle = page.getByRole("button", { name: "Wire", exact: true });
  await sees(page, "#wire li[data-direction=out]", '"name":"accounts/login"');
  await sees(page, "#wire li[data-direction=in]", '"members":["Ada"]');
  assert.match(await page.locator("#wire time").first().textContent(), /^\d\d:\d\d:\d\d\.\d{3}$/);
  await say(page, "look at this");
  const said = page.locator("#wire li[data-direction=in]").filter({ hasText: '"mailbox":"rooms/lobby"' });
  const frame = JSON.parse(await said.locator("code").first().textContent());
  assert.deepEqual(frame, { name: "rooms/lobby/say", mailbox: "rooms/lobby", payload: { from: "Ada", text: "look at this" } });

  await page.getByRole("button", { name: "Clear" }).click();
  assert.equal(await page.locator("#wire li").count(), 0);
  await toggle.click();
  await seesNo(page, "#wire");
  assert.equal(await toggle.getAttribute("aria-expanded"), "false");
  await say(page, "unseen");
  await sees(page, ".said", "unseen");
  await toggle.click();
  await sees(page, "#wire li", "unseen");
});

chatTest("it fits a phone", async ({ open }) => {
  const page = await open(PHONE);
  assert.equal(await overflow(page), 0, "login");
  await enter(page, "W".repeat(32));
  await say(page, `a${"w".repeat(400)}`);
  await sees(page, ".said", "www");
  assert.equal(await overflow(page), 0, "a long word");
  await join(page, `r${"m".repeat(60)}`, { drawer: true });
  assert.equal(await overflow(page), 0, "a long name of a room");
  const send = await page.getByRole("button", { name: "Send", exact: true }).boundingBox();
  assert.ok(send.y + send.height <= 667 && send.x + send.width <= 375, "the button is in sight");
  await page.getByRole("button", { name: "Wire", exact: true }).click();
  await sees(page, "#wire li", "rooms/lobby/say");
  assert.equal(await overflow(page), 0, "the wire");
  await page.getByRole("button", { name: "Close" }).click();
  await seesNo(page, "#wire");
});

chatTest("it can be used with the keyboard alone, and read aloud", async ({ open }) => {
  const page = await open();
  await page.keyboard.type("Ada");
  await page.keyboard.press("Enter");
  await sees(page, "#talk-title", "# lobby");
  await page.keyboard.type("first");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("second");
  await page.keyboard.press("Enter");
  await sees(page, ".said", "second");
  assert.deepEqual(await lines(page), ["first\nsecond"]);
  assert.equal(await page.locator("ol[role=log]:visible").getAttribute("aria-live"), "polite");
  assert.deepEqual(await unnamed(page), []);
});

chatTest("it is dark where the system is", async ({ open }) => {
  const brightness = (page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).slice(0, 3).map(Number));
  const [dark, light] = [await open({ colorScheme: "dark" }), await open({ colorScheme: "light" })];
  assert.ok(Math.max(...(await brightness(dark))) < 60);
  assert.ok(Math.min(...(await brightness(light))) > 200);
});

async function logIn(page, name) {
  await page.getByLabel("Your name").fill(name);
  await page.getByRole("button", { name: "Plug in" }).click();
}

async function enter(page, name) {
  await logIn(page, name);
  await sees(page, "#talk-title", "# lobby");
  return page;
}

async function join(page, room, { drawer = false } = {}) {
  if (drawer) await page.getByRole("button", { name: "Rooms and people" }).click();
  await page.getByLabel("Room to join").fill(room);
  await page.getByRole("button", { name: "Join" }).click();
  await sees(page, "#talk-title", `# ${room}`);
}

async function say(page, text) {
  await page.getByLabel("Message").fill(text);
  await page.getByRole("button", { name: "Send", exact: true }).click();
}

/** What was said in the conversation that is shown. */
function lines(page) {
  return page.locator(".log:visible .said p").allInnerTexts();
}
