// The way through the pages: whether a keyboard is enough, and where it leads. How they look is in
// pages.test.js.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
  assert.deepEqual(await tabOrder(page), ["email", "password", "keep-signed-in", "button"]);

  await page.goto(url.toString());
  await page.locator("input[name=email]").focus();
  await page.keyboard.type(person.email);
  await page.keyboard.press("Tab");
  await page.keyboard.type(person.password);
  await page.keyboard.press("Enter");
  await page.getByText(`no account for ${person.email}`).waitFor();
  await page.keyboard.press("Tab");
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

/** A client's site at `https://app.example`, which sends people on to `target`. `args` are the browser's. */
async function openSite(t, answer) {
  const folder = await mkdtemp(join(tmpdir(), "site-"));
  t.after(() => rm(folder, { recursive: true }));
  const [key, certificate] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
  const name = ["-subj", "/CN=app.example", "-days", "2"];
  execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, ...name], { stdio: "ignore" });
  const site = createSecureServer({ key: await readFile(key), cert: await readFile(certificate) }, answer);
  await new Promise((resolve) => site.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    site.closeAllConnections();
    site.close();
  });
  return [`--host-resolver-rules=MAP app.example:443 127.0.0.1:${site.address().port}`];
}

// C1: the chain ends at an application on this computer, and the server sees its first hop only.
test("a client's site may lead on to an application's own scheme", { skip: noBrowser, timeout: 120_000 }, async (t) => {
  const sendOn = (request, response) => {
    const { pathname, search } = new URL(request.url, "http://site");
    const [, status, scheme] = pathname.split("/");
    response.writeHead(Number(status), { location: `${scheme}://x/y${search}` }).end();
  };
  const local = createServer(sendOn);
  await new Promise((resolve) => local.listen(0, "127.0.0.1", resolve));
  t.after(() => local.close());
  const browser = await openBrowser(t, await openSite(t, sendOn));
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const complaints = [];
  const person = newPerson();
  const callbacks = [302, 303, 307].map((status) => `https://app.example/${status}/claude`);
  callbacks.push(`http://127.0.0.1:${local.address().port}/302/vscode`);
  for (const callback of callbacks) {
    for (const [decision, parameter] of [["approve", "code"], ["deny", "error"]]) {
      // A tab for each: Chromium lets a page call for applications only so often.
      const page = await context.newPage();
      page.on("console", (message) => complaints.push(message.text()));
      await page.goto((await authorizationUrl(callback)).toString());
      if (await page.locator("input[name=password]").count()) await signIn(page, person);
      await page.locator(`button[value=${decision}]`).waitFor();
      // No application opens such links here, so that the browser gives up at it, and at nothing before.
      const [followed] = await Promise.all([
        page.waitForEvent("requestfailed", { timeout: 20_000 }),
        page.locator(`button[value=${decision}]`).click({ noWaitAfter: true }),
      ]);
      const url = new URL(followed.url());
      assert.equal(url.protocol, `${callback.split("/").at(-1)}:`, `${callback}: ${url}`);
      assert.ok(url.searchParams.has(parameter), `${callback}: ${url}`);
      await page.close();
    }
  }
  assert.deepEqual(complaints.filter((text) => text.includes("Content Security Policy")), []);
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
  assert.deepEqual(headers.map(({ origin }) => origin), [base, base, base], "sign-in, the new account, and consent");
});
