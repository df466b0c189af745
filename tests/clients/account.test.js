// Where people see and end what they allowed: how it looks, and that neither a script nor a mouse is needed.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { everyLook } from "./look.js";
import { noServer, startServer } from "./server.js";
import { decide, newPerson, noBrowser, openBrowser, openCallback, signIn } from "./support.js";

const skip = noBrowser || noServer;

/** Registers a client and gives the address that it would open. */
async function authorization(base, name, redirectUri) {
  const registered = await fetch(`${base}/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ client_name: name, redirect_uris: [redirectUri], token_endpoint_auth_method: "none" }),
  });
  assert.equal(registered.status, 201, await registered.clone().text());
  const query = new URLSearchParams({
    response_type: "code",
    client_id: (await registered.json()).client_id,
    redirect_uri: redirectUri,
    code_challenge: createHash("sha256").update(randomBytes(32)).digest("base64url"),
    code_challenge_method: "S256",
    scope: "math:basic math:statistics",
    resource: `${base}/mcp`,
  });
  return `${base}/authorize?${query}`;
}

/** Connects one application for each name. Somebody is signed in. */
async function connect(page, base, callback, names) {
  for (const name of names) {
    await page.goto(await authorization(base, name, callback.url));
    await decide(page, "approve");
    await page.waitForURL((url) => url.pathname === "/callback");
  }
}

async function changePassword(page, current, next) {
  await page.locator("input[name=password]").fill(current);
  await page.locator("input[name=new-password]").fill(next);
  await page.locator("input[name=repeated-password]").fill(next);
  await page.keyboard.press("Enter");
}

test("the account pages look right, wide and narrow, light and dark", { skip, timeout: 400_000 }, async (t) => {
  const base = await startServer(t, { server_name: "Weather Desk" });
  const browser = await openBrowser(t);
  const callback = await openCallback(t);
  await everyLook(browser, base, async ({ page, context, look }) => {
    const person = newPerson();
    await page.goto(`${base}/account`);
    await look("account-sign-in");
    await signIn(page, person);
    await page.getByRole("heading", { name: "Your account" }).waitFor();
    await look("account-empty");
    const long = "A program with a rather long name, and with_a_word_that_is_as_long_as_no_word_should_be";
    await connect(await context.newPage(), base, callback, ["Inspector", long, ""]);
    await page.goto(`${base}/account`);
    await look("account");
    await page.getByRole("button", { name: "Change password" }).click();
    await page.getByRole("heading", { name: "Change password" }).waitFor();
    await look("account-change");
    await changePassword(page, "wrong", "another password");
    await page.getByText("The current password is wrong.").waitFor();
    await look("account-change-refused");
    await changePassword(page, person.password, "another password");
    await page.getByText("Your password is changed").waitFor();
    await look("account-changed");
    await page.goto(`${base}/account`);
    await page.getByRole("button", { name: "Disconnect", exact: true }).last().click();
    await page.getByRole("heading", { name: "Disconnect \u201cInspector\u201d?" }).waitFor();
    await look("account-confirm");
    await page.getByRole("button", { name: "Disconnect", exact: true }).click();
    await page.getByText("\u201cInspector\u201d is disconnected.").waitFor();
    await look("account-told");
    await connect(await context.newPage(), base, callback, Array.from({ length: 9 }, (_, index) => `Program ${index}`));
    await page.goto(`${base}/account`);
    await page.getByLabel("Search").fill("program 7");
    await page.getByRole("button", { name: "Show" }).click();
    await page.getByText("Found 1 application.").waitFor();
    await look("account-search");
    await page.goto(`${base}/sign-in`);
    await page.getByRole("heading", { name: "Please begin again" }).waitFor();
    await look("address-of-a-form");
    await page.goto(`${base}/account`);
    await page.getByRole("button", { name: "Sign out everywhere" }).click();
    await look("account-sign-out-everywhere");
    await page.getByRole("button", { name: "Sign out everywhere" }).click();
    await page.getByRole("heading", { name: "You are signed out" }).waitFor();
    await look("account-signed-out");
  });
});

// BR-11: every button is a form of ours. LG-12: what ends, ends for every browser.
test("without a script and with a keyboard, everything can be ended", { skip, timeout: 120_000 }, async (t) => {
  const base = await startServer(t, {});
  const browser = await openBrowser(t);
  const callback = await openCallback(t);
  const context = await browser.newContext({ javaScriptEnabled: false, viewport: { width: 390, height: 844 } });
  const page = await context.newPage();
  const person = newPerson();
  await page.goto(`${base}/account`);
  await signIn(page, person);
  await page.getByRole("heading", { name: "Your account" }).waitFor();
  await connect(page, base, callback, ["First", "Second"]);
  await page.goto(`${base}/account`);
  const elsewhere = await (await browser.newContext()).newPage();
  await elsewhere.goto(`${base}/account`);
  await signIn(elsewhere, person);
  await elsewhere.getByRole("heading", { name: "Your account" }).waitFor();

  const download = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download a record" }).press("Enter");
  const record = JSON.parse(await readFile(await (await download).path(), "utf8"));
  assert.deepEqual(record.connections.map(({ client_name }) => client_name), ["Second", "First"]);

  const buttons = page.getByRole("button", { name: "Disconnect", exact: true });
  assert.equal(await buttons.count(), 2);
  await buttons.last().press("Enter");
  await page.getByRole("heading", { name: "Disconnect \u201cFirst\u201d?" }).waitFor();
  await page.getByRole("link", { name: "Cancel" }).press("Enter");
  await page.getByRole("heading", { name: "Your account" }).waitFor();
  assert.equal(await buttons.count(), 2);
  await buttons.last().press("Enter");
  await page.getByRole("heading", { name: "Disconnect \u201cFirst\u201d?" }).waitFor();
  await buttons.press("Enter");
  await page.getByText("\u201cFirst\u201d is disconnected.").waitFor();
  assert.equal(await buttons.count(), 1);
  const disconnectAll = page.getByRole("button", { name: "Disconnect all" });
  await disconnectAll.press("Enter");
  await page.getByRole("heading", { name: "Disconnect 1 application?" }).waitFor();
  await disconnectAll.press("Enter");
  await page.getByText("None.").waitFor();
  await elsewhere.goto(`${base}/account`);
  await elsewhere.getByRole("heading", { name: "Sign in" }).waitFor();

  await page.getByRole("button", { name: "Sign out", exact: true }).press("Enter");
  await page.getByRole("heading", { name: "You are signed out" }).waitFor();
  await page.getByRole("link", { name: "Sign in again" }).press("Enter");
  await page.getByRole("heading", { name: "Sign in", exact: true }).waitFor();
  await signIn(page, person);
  const everywhere = page.getByRole("button", { name: "Sign out everywhere" });
  await everywhere.press("Enter");
  await page.getByRole("heading", { name: "Sign out everywhere?" }).waitFor();
  await everywhere.press("Enter");
  await page.getByRole("heading", { name: "You are signed out" }).waitFor();
  await page.goto(`${base}/account`);
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
});
