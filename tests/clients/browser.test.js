// The way through the pages: whether a keyboard is enough, and where it leads. How they look is in
// pages.test.js.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { test } from "node:test";
import { base, listenForComplaints, newPerson, noBrowser, openBrowser, openCallback, signIn, walkThrough, within } from "./support.js";

/** The address that a client would open. */
async function authorizationUrl(redirectUri) {
  const registered = await fetch(`${base}/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      client_name: "A browser test with a rather long name, as some have",
      redirect_uris: [redirectUri],
      token_endpoint_auth_method: "none",
    }),
  });
  assert.equal(registered.status, 201, await registered.clone().text());
  const { client_id } = await registered.json();
  const url = new URL(`${base}/authorize`);
  url.search = new URLSearchParams({
    response_type: "code",
    client_id,
    redirect_uri: redirectUri,
    code_challenge: createHash("sha256").update(randomBytes(32).toString("base64url")).digest("base64url"),
    code_challenge_method: "S256",
    state: "state",
    scope: "math:basic math:statistics",
    resource: `${base}/mcp`,
  });
  return url;
}

/** Where the focus is: the name of the control, or what it decides. */
async function focused(page) {
  return page.evaluate(() => {
    const element = document.activeElement;
    if (!element || element === document.body) return undefined;
    const name = element.getAttribute("name") ?? element.tagName.toLowerCase();
    const style = getComputedStyle(element);
    const visible = style.outlineStyle !== "none" || style.boxShadow !== "none";
    return { name: name === "decision" ? element.value : name, visible };
  });
}

/** Presses Tab until the end of the page, and names what had the focus, in order. */
async function tabOrder(page) {
  const order = [];
  for (let stop = await focused(page); order.length < 40; stop = await focused(page)) {
    if (stop) {
      assert.ok(stop.visible, `one can see that ${stop.name} has the focus`);
      order.push(stop.name);
    } else if (order.length > 0) {
      break;
    }
    await page.keyboard.press("Tab");
  }
  return order;
}

test("a keyboard is enough to sign in and to approve", { skip: noBrowser, timeout: 120_000 }, async (t) => {
  const browser = await openBrowser(t);
  const callback = await openCallback(t);
  const page = await browser.newPage();
  const complaints = listenForComplaints(page);
  const url = await authorizationUrl(callback.url);
  const person = newPerson();

  await page.goto(url.toString());
  assert.deepEqual(await tabOrder(page), ["email", "password", "button"]);

  await page.goto(url.toString());
  await page.locator("input[name=email]").focus();
  await page.keyboard.type(person.email);
  await page.keyboard.press("Tab");
  await page.keyboard.type(person.password);
  await page.keyboard.press("Enter");
  await page.locator("button[name=decision]").first().waitFor();

  const order = await tabOrder(page);
  assert.deepEqual(order.slice(0, 2), ["scope", "scope"], "what is decided upon comes first");
  for (const stop of ["approve", "deny"]) assert.ok(order.includes(stop), `${stop} is reached: ${order}`);

  await page.locator("input[name=scope][value='math:statistics']").focus();
  await page.keyboard.press("Space");
  assert.equal(await page.locator("input[name=scope][value='math:statistics']").isChecked(), false);
  await page.locator("button[name=decision][value=approve]").focus();
  await page.keyboard.press("Enter");
  const answer = await within(20, "the callback", callback.answer);
  assert.ok(answer.get("code"), `${answer}`);
  assert.equal(answer.get("state"), "state");
  assert.deepEqual(complaints, []);
});

// The policy of the consent page names where its form may end up, and Chromium holds it to that.
test("a code reaches each kind of redirect address", { skip: noBrowser, timeout: 120_000 }, async (t) => {
  const browser = await openBrowser(t);
  const callback = await openCallback(t);
  for (const decision of ["approve", "deny"]) {
    const page = await (await browser.newContext()).newPage();
    const complaints = listenForComplaints(page);
    await page.goto((await authorizationUrl(callback.url.replace("127.0.0.1", "localhost"))).toString());
    await signIn(page, newPerson());
    await page.locator(`button[name=decision][value=${decision}]`).click();
    await page.waitForURL((url) => url.pathname === "/callback", { timeout: 20_000 });
    assert.equal(new URL(page.url()).searchParams.has(decision === "approve" ? "code" : "error"), true);
    assert.deepEqual(complaints, []);
  }
});

// Chromium holds every redirect after a form to the page's form-action, also those of the client's own
// site. Clients do redirect onwards: from the callback to the application, on another origin.
test("a client may send the person on to another origin", { skip: noBrowser, timeout: 60_000 }, async (t) => {
  const browser = await openBrowser(t);
  const callback = await openCallback(t);
  const first = createServer((request, response) => {
    const { search } = new URL(request.url, "http://127.0.0.1");
    response.writeHead(302, { location: `${callback.url.replace("127.0.0.1", "localhost")}${search}` }).end();
  });
  await new Promise((resolve) => first.listen(0, "127.0.0.1", resolve));
  t.after(() => first.close());
  const page = await (await browser.newContext()).newPage();
  const complaints = listenForComplaints(page);
  await page.goto((await authorizationUrl(`http://127.0.0.1:${first.address().port}/first`)).toString());
  await signIn(page, newPerson());
  await page.locator("button[name=decision][value=approve]").click();
  await page.waitForURL((url) => url.pathname === "/callback", { timeout: 20_000 });
  assert.equal(new URL(page.url()).searchParams.has("code"), true);
  assert.deepEqual(complaints, []);
});

// Browsers without Fetch Metadata show by `Origin` that a form was ours, and a page with the wrong
// referrer policy makes them say `null` (BR-05, BR-10).
test("forms are posted under our own name", { skip: noBrowser, timeout: 60_000 }, async (t) => {
  const browser = await openBrowser(t);
  const callback = await openCallback(t);
  const page = await (await browser.newContext()).newPage();
  const posted = [];
  page.on("request", (request) => request.method() === "POST" && posted.push(request.allHeaders()));
  const arrived = page.waitForRequest((request) => request.url().startsWith(callback.url));
  await walkThrough(page, await authorizationUrl(callback.url), newPerson());
  assert.equal((await (await arrived).allHeaders()).referer, undefined, "the client is not told where the person was");
  const headers = await Promise.all(posted);
  assert.deepEqual(headers.map(({ origin }) => origin), [base, base], "sign-in and consent");
});
