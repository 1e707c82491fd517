import assert from "node:assert/strict";
import { pageTest, sees } from "./support.js";

pageTest("mounted", "what is posted to the application's own route reaches the page", async ({ server, open }) => {
  const page = await open();
  await sees(page, "#audience", "1");
  const answer = await fetch(`${server.url}/notices`, { method: "POST", body: "Tea is <b>ready</b>" });
  assert.equal(await answer.text(), "1 heard it\n");
  await sees(page, "#notices li", "Tea is <b>ready</b>");
});
