import assert from "node:assert/strict";
import { PHONE, overflow, pageTest, sees, unnamed } from "./support.js";

const mixerTest = pageTest.bind(undefined, "mixer");
const NOBODY_THERE = /ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE/;

mixerTest("two windows show the same levels", async ({ open }) => {
  const left = await open();
  const right = await open();
  for (const page of [left, right]) await shows(page, [50, 50, 50, 50]);

  await left.getByRole("button", { name: "Turn up channel 1" }).click();
  await sees(right, "#news", "Somebody set channel 1 to 55.");
  assert.deepEqual(await levels(right), [55, 50, 50, 50], "at once, not when the levels are read again");
  await sees(left, "#news", "You set channel 1 to 55.");
  assert.deepEqual(await levels(left), [55, 50, 50, 50]);

  await right.getByRole("button", { name: "Turn down channel 4" }).click();
  for (const page of [left, right]) await shows(page, [55, 50, 50, 45]);
  await shows(await open(), [55, 50, 50, 45]);
});

mixerTest("the keyboard chooses channels and moves faders", async ({ open }) => {
  const page = await open();
  await shows(page, [50, 50, 50, 50]);
  await page.keyboard.press("3");
  for (const key of ["ArrowUp", "ArrowUp", "ArrowRight", "ArrowDown"]) await page.keyboard.press(key);
  await shows(page, [50, 50, 60, 50]);
  const fader = page.getByRole("slider", { name: "Channel 3" });
  assert.equal(await fader.getAttribute("aria-valuenow"), "60");
  assert.deepEqual(await unnamed(page), []);
});

mixerTest("windows that move one fader at the same time agree in the end", async ({ open }) => {
  const pages = [await open(), await open()];
  for (const page of pages) await shows(page, [50, 50, 50, 50]);
  const clicks = (page, name) => page.getByRole("button", { name }).evaluate((button) => {
    for (let n = 0; n < 8; n++) button.click();
  });
  await Promise.all([clicks(pages[0], "Turn up channel 2"), clicks(pages[1], "Turn down channel 2")]);
  for (const page of pages) await levelsAreReadAgain(page);
  assert.deepEqual(await levels(pages[0]), await levels(pages[1]));
});

mixerTest("a window is told what moves and nothing of the decoder", async ({ server, open }) => {
  const page = await open();
  await sees(page, "#wire li[data-direction=out]", '"names":["mixer/*"]');
  await shows(page, [50, 50, 50, 50]);
  const other = await open();
  const answer = await other.evaluate(async (url) => {
    const { connect } = await import(`${url}/switchboard.js`);
    const board = connect();
    const { receipt } = await board.request("decoder/frame", { n: 1, data: "AQL/" }, { receipt: true });
    const { level } = await board.request("mixer/volume_up", { channel: 2 });
    board.close();
    return { receipt, level };
  }, server.url);
  assert.equal(answer.level, 55);
  assert.equal(answer.receipt.delivered, 1, "to the client that sent it and accepts everything, and to no page");
  await shows(page, [50, 55, 50, 50]);
  assert.equal(await page.locator("#wire li").filter({ hasText: "decoder" }).count(), 0);
});

mixerTest("the levels are read again when the server was killed and started again", async ({ server, open }) => {
  const page = await open({ tolerate: NOBODY_THERE });
  await page.getByRole("button", { name: "Turn up channel 1" }).click();
  await levelsAreReadAgain(page);
  assert.deepEqual(await levels(page), [55, 50, 50, 50]);
  await server.stop("SIGKILL");
  await sees(page, "#lamp", "Reconnecting…");
  await server.restart();
  await sees(page, "#lamp", "Connected");
  await shows(page, [50, 50, 50, 50]);
  const other = await open();
  await other.getByRole("button", { name: "Turn down channel 2" }).click();
  await shows(page, [50, 45, 50, 50]);
});

mixerTest("it fits a phone", async ({ open }) => {
  const page = await open(PHONE);
  await shows(page, [50, 50, 50, 50]);
  assert.equal(await overflow(page), 0);
  await page.getByRole("button", { name: "Turn up channel 4" }).tap();
  await shows(page, [50, 50, 50, 55]);
  await page.getByRole("button", { name: "Wire", exact: true }).tap();
  await sees(page, "#wire li", "mixer/volume_up");
  assert.equal(await overflow(page), 0);
});

/** Waits for the second time; the first is when the window opens. */
async function levelsAreReadAgain(page) {
  await page.locator("#wire li[data-direction=in]").filter({ hasText: "mixer/levels" }).nth(1).waitFor();
}

async function levels(page) {
  return (await page.locator("output").allTextContents()).map(Number);
}

async function shows(page, levels) {
  await page.waitForFunction(
    (levels) => String([...document.querySelectorAll("output")].map((output) => Number(output.textContent))) === String(levels),
    levels,
  );
}
