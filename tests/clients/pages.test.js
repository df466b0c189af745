// The pages: how they look, what they weigh, and that neither a script nor a mouse is needed. The server is
// the tests' own, because the operator's name and colour are a part of it.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { test } from "node:test";
import { everyLook, watch } from "./look.js";
import { noServer, startServer } from "./server.js";
import { decide, newPerson, noBrowser, openBrowser, openCallback, signIn, within } from "./support.js";

const skip = noBrowser || noServer;
const brand = { server_name: "Weather Desk", support_url: "https://example.com/help", remember_consent: "on" };

async function register(base, name, redirectUri) {
  const registered = await fetch(`${base}/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ client_name: name, redirect_uris: [redirectUri], token_endpoint_auth_method: "none" }),
  });
  assert.equal(registered.status, 201, await registered.clone().text());
  return (await registered.json()).client_id;
}

/** The address that a client would open. */
function authorization(base, clientId, redirectUri) {
  const query = new URLSearchParams({
    response_type: "code",
    client_id: clientId,
    redirect_uri: redirectUri,
    code_challenge: createHash("sha256").update(randomBytes(32)).digest("base64url"),
    code_challenge_method: "S256",
    state: randomBytes(16).toString("base64url"),
    scope: "math:basic math:statistics",
    resource: `${base}/mcp`,
  });
  return `${base}/authorize?${query}`;
}

/** A client that publishes who it is. */
async function publish(test, redirectUri) {
  const server = createServer((request, response) => {
    const id = `http://${request.headers.host}/client.json`;
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ client_id: id, client_name: "Field notes", redirect_uris: [redirectUri] }));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  test.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${server.address().port}/client.json`;
}

const consent = (page) => page.locator("button[name=decision][value=approve]");

test("every page looks right, wide and narrow, light and dark", { skip, timeout: 400_000 }, async (t) => {
  const base = await startServer(t, { ...brand, development_documents: "http://127.0.0.1:*" });
  const browser = await openBrowser(t);
  const local = "http://localhost:6274/oauth/callback";
  const inspector = await register(base, "MCP Inspector", local);
  const evil = "https://claude.ai.evil.example/callback";
  const impostor = await register(base, "\u0421laude", evil);
  const long = await register(base, "An application whose name is as long as some of them really have", local);
  const published = await publish(t, local);
  const atClaude = "https://claude.ai/api/mcp/auth_callback";
  const claude = await register(base, "Claude", atClaude);
  const atUnknown = "https://notes.example/callback";
  const unknown = await register(base, "Notes", atUnknown);
  const person = newPerson();
  await everyLook(browser, base, async ({ page, context, look }) => {
    await page.goto(`${base}/`);
    await look("home");
    for (const summary of await page.locator("summary").all()) await summary.click();
    await look("home-open");
    await page.goto(`${base}/authorize`);
    await look("error");
    const stale = { client_id: "postern_cl_gone", redirect_uri: "http://localhost:3334/oauth/callback" };
    await page.goto(`${base}/authorize?${new URLSearchParams(stale)}`);
    assert.match(await page.textContent("main"), /mcp-remote.*\.mcp-auth/s);
    await look("stale-client");
    await page.goto(authorization(base, inspector, "http://localhost:6274/another"));
    assert.match(await page.textContent("main"), /has not registered/);
    await look("unregistered-address");

    await page.goto(authorization(base, inspector, local));
    await look("sign-in");
    const stranger = newPerson();
    await page.locator("input[name=email]").fill(stranger.email);
    await page.locator("input[name=password]").fill(stranger.password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText(`no account for ${stranger.email}`).waitFor();
    await look("new-account");
    await page.getByRole("button", { name: "I have an account" }).click();
    await signIn(page, person);
    await consent(page).waitFor();
    assert.match(await page.textContent("main"), /On this computer/);
    assert.equal(await page.locator(".caution").count(), 0, "nothing is unusual");
    await look("consent");
    await page.goto(authorization(base, claude, atClaude));
    assert.match(await page.textContent("main"), /Known address/);
    await look("consent-known");
    await page.goto(authorization(base, unknown, atUnknown));
    assert.match(await page.textContent(".caution"), /Unverified/);
    await look("consent-unknown");
    for (const box of await page.locator("input[name=scope]").all()) await box.uncheck();
    await decide(page, "approve");
    await page.getByRole("alert").waitFor();
    await look("consent-again");
    await page.goto(authorization(base, long, local));
    await look("consent-long-name");
    await page.goto(authorization(base, published, local));
    assert.match(await page.textContent("main"), new RegExp(`Published by ${new URL(published).host}`));
    await look("consent-published");
    await page.goto(authorization(base, impostor, evil));
    const warning = await page.textContent(".problem");
    assert.match(warning, /different alphabets.*looks like \u201cClaude\u201d.*claude\.ai\.evil\.example looks like/s);
    const buttons = await page.locator("button[name=decision]").evaluateAll((all) => all.map((button) => button.value));
    assert.deepEqual(buttons.slice(0, 2), ["deny", "approve"], "a flagged page has Deny first");
    assert.equal(await consent(page).evaluate((button) => button.classList.contains("primary")), false);
    await look("consent-impostor");
    await context.clearCookies({ name: "postern-session" });
    await consent(page).click();
    await page.getByRole("button", { name: "Begin again" }).waitFor();
    await look("other-sign-in");

    await context.clearCookies();
    await page.goto(authorization(base, inspector, local));
    await signIn(page, { ...person, password: "wrong" });
    await page.locator("#problem").waitFor();
    await look("sign-in-refused");
  });
});

test("an operator's colour can be read in both themes", { skip, timeout: 120_000 }, async (t) => {
  const base = await startServer(t, { ...brand, logo_text: "WD", accent_color: "#ffd400" });
  const browser = await openBrowser(t);
  const url = authorization(base, await register(base, "Client", "https://a.example/cb"), "https://a.example/cb");
  const colors = {};
  await everyLook(browser, base, async ({ page, look }) => {
    await page.goto(url);
    await look("branded");
    assert.equal(await page.textContent(".logo"), "WD");
    const color = await page.evaluate(() => getComputedStyle(document.querySelector(".primary")).backgroundColor);
    colors[await page.evaluate(() => matchMedia("(prefers-color-scheme: dark)").matches)] = color;
  });
  assert.equal(colors.true, "rgb(255, 212, 0)", "as it is, where it can be read");
  assert.notEqual(colors.false, "rgb(255, 212, 0)", "darker on white");
});

test("what is there to copy is what the clients read", { skip, timeout: 60_000 }, async (t) => {
  const base = await startServer(t, brand);
  const browser = await openBrowser(t);
  const page = await browser.newPage();
  await page.goto(`${base}/`);
  const links = await page.locator("details a").evaluateAll((links) => links.map((link) => link.href));
  const [vsCode, cursor] = links.map((link) => new URL(link));
  const server = { name: "weather-desk", type: "http", url: `${base}/mcp` };
  assert.equal(vsCode.protocol + vsCode.pathname, "vscode:mcp/install");
  assert.deepEqual(JSON.parse(decodeURIComponent(vsCode.search.slice(1))), server);
  assert.equal(cursor.href.split("?")[0], "cursor://anysphere.cursor-deeplink/mcp/install");
  assert.equal(cursor.searchParams.get("name"), "weather-desk");
  assert.deepEqual(JSON.parse(atob(cursor.searchParams.get("config"))), { url: `${base}/mcp` });

  for (const summary of await page.locator("summary").all()) {
    await summary.focus();
    await page.keyboard.press("Enter");
  }
  const copied = [];
  for (const block of await page.locator("pre").all()) {
    // One click marks all of it.
    await block.click();
    const marked = await page.evaluate(() => getSelection().toString());
    assert.equal(marked.trim(), (await block.textContent()).trim());
    copied.push(marked.trim());
  }
  assert.ok(copied.includes(`claude mcp add --transport http weather-desk ${base}/mcp`), copied.join("\n"));
  assert.ok(copied.includes(`code --add-mcp '${JSON.stringify(server)}'`), copied.join("\n"));
  const files = copied.filter((text) => text.startsWith("{")).map((text) => JSON.parse(text));
  assert.deepEqual(files.map((file) => Object.keys(file.mcpServers)), [["weather-desk"], ["weather-desk"], ["weather-desk"]]);
});

// Sign-in to consent to client: three pages, the client's own included, and two for somebody signed in.
test("a person is at the client in three pages, without a script", { skip, timeout: 120_000 }, async (t) => {
  const base = await startServer(t, brand);
  const browser = await openBrowser(t);
  const callback = await openCallback(t);
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  const watched = watch(page, base);
  const pages = [];
  page.on("response", (response) => {
    if (response.request().isNavigationRequest() && response.status() === 200) pages.push(new URL(response.url()).pathname);
  });
  const client = await register(base, "Client", callback.url);
  const arrive = () => page.waitForURL((url) => url.pathname === "/callback", { timeout: 20_000 });

  await page.goto(authorization(base, client, callback.url));
  await signIn(page, newPerson());
  await page.locator("input[value='math:statistics']").uncheck();
  await decide(page, "approve");
  await arrive();
  assert.ok(new URL(page.url()).searchParams.has("code"));
  // Once, somebody new is asked whether they mean a new account.
  assert.deepEqual(pages.splice(0), ["/authorize", "/sign-in", "/authorize", "/callback"]);

  await page.goto(authorization(base, client, callback.url));
  await decide(page, "deny");
  await arrive();
  assert.equal(new URL(page.url()).searchParams.get("error"), "access_denied");
  assert.deepEqual(pages.splice(0), ["/authorize", "/callback"]);
  const elsewhere = watched.foreign.filter((url) => !url.startsWith(callback.url));
  assert.deepEqual(elsewhere, [], "nothing but the client is asked for besides");
});

test("a keyboard is enough, from sign-in to the client", { skip, timeout: 120_000 }, async (t) => {
  const base = await startServer(t, brand);
  const browser = await openBrowser(t);
  const callback = await openCallback(t);
  const page = await browser.newPage();
  const person = newPerson();
  await page.goto(authorization(base, await register(base, "Client", callback.url), callback.url));
  // The first field has the focus.
  await page.keyboard.type(person.email);
  await page.keyboard.press("Tab");
  await page.keyboard.type(person.password);
  await page.keyboard.press("Enter");
  await page.getByText(`no account for ${person.email}`).waitFor();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await consent(page).waitFor();
  const focused = () => page.evaluate(() => document.activeElement?.value ?? "");
  const stops = [];
  for (let stop = ""; stop !== "approve"; stops.push(stop)) {
    assert.ok(stops.length < 20, `Approve is reached: ${stops}`);
    await page.keyboard.press("Tab");
    stop = await focused();
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
    assert.notEqual(outline, "none", `one can see that ${stop} has the focus`);
    if (stop === "math:statistics") await page.keyboard.press("Space");
  }
  assert.deepEqual(stops, ["math:basic", "math:statistics", "yes", "approve"]);
  assert.equal(await page.locator("input[value='math:statistics']").isChecked(), false);
  await page.keyboard.press("Enter");
  const answer = await within(20, "the callback", callback.answer);
  assert.ok(answer.get("code"), `${answer}`);
});

/** A consent page, and where it leads. */
async function openConsent(t, page, base) {
  const callback = await openCallback(t);
  await page.goto(authorization(base, await register(base, "Client", callback.url), callback.url));
  await signIn(page, newPerson());
  await page.locator("input[name=scope]").first().waitFor();
  return callback;
}

// BR-12: Enter in a check box is not a decision, however early or late it comes.
test("Enter in a check box of the consent page approves nothing", { skip, timeout: 60_000 }, async (t) => {
  const base = await startServer(t, brand);
  const browser = await openBrowser(t);
  const page = await browser.newPage();
  const posted = [];
  page.on("request", (request) => request.method() === "POST" && posted.push(new URL(request.url()).pathname));
  const callback = await openConsent(t, page, base);
  const before = posted.length;
  const focused = () => page.evaluate(() => document.activeElement?.value ?? "");
  for (const scope of ["math:basic", "math:statistics", "yes"]) {
    await page.keyboard.press("Tab");
    assert.equal(await focused(), scope);
    await page.keyboard.press("Enter");
    assert.equal(await focused(), scope, "the page is still there");
  }
  // The same once Approve can be pressed.
  await consent(page).waitFor();
  await page.locator("input[value='math:basic']").focus();
  await page.keyboard.press("Enter");
  assert.equal(await focused(), "math:basic");
  assert.deepEqual(posted.slice(before), []);
  await decide(page, "approve");
  assert.ok((await within(20, "the callback", callback.answer)).get("code"));
  assert.deepEqual(posted.slice(before), ["/consent"]);
});

// BR-12: a click, or a key, that was meant for what was there a moment ago does not approve.
test("Approve cannot be pressed before it was there to see", { skip, timeout: 60_000 }, async (t) => {
  const base = await startServer(t, brand);
  const browser = await openBrowser(t);
  const page = await browser.newPage();
  await openConsent(t, page, base);
  const at = await page.evaluate(() => {
    const button = document.querySelector("button[value=approve]");
    const hadFocus = document.activeElement === button;
    button.scrollIntoView();
    // Once more from the start, and by hand: no test waits for a clock.
    button.style.animation = "none";
    button.getBoundingClientRect();
    button.style.animation = "";
    const [arming] = button.getAnimations();
    arming.pause();
    const { x, y, width, height } = button.getBoundingClientRect();
    const states = [0, 499, 601].map((time) => {
      arming.currentTime = time;
      document.activeElement?.blur();
      button.focus();
      const hasFocus = document.activeElement === button;
      return { clickable: document.elementFromPoint(x + width / 2, y + height / 2) === button, hasFocus };
    });
    document.activeElement?.blur();
    arming.currentTime = 499;
    return { states, hadFocus };
  });
  const no = { clickable: false, hasFocus: false };
  assert.deepEqual(at.states, [no, no, { clickable: true, hasFocus: true }]);
  assert.equal(at.hadFocus, false);
  // By keyboard, one comes past it to Deny.
  await page.locator("#remember").focus();
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement?.value), "deny");
});

// U10.
test("approving nothing stays on the page and says so", { skip, timeout: 60_000 }, async (t) => {
  const base = await startServer(t, brand);
  const browser = await openBrowser(t);
  const page = await browser.newPage();
  const callback = await openConsent(t, page, base);
  for (const box of await page.locator("input[name=scope]").all()) await box.uncheck();
  await decide(page, "approve");
  await page.getByRole("alert").filter({ hasText: "none of the permissions" }).waitFor();
  await page.locator("input[value='math:basic']").check();
  await decide(page, "approve");
  assert.ok((await within(20, "the callback", callback.answer)).get("code"));
});

// C10.
test("two tabs: the same account keeps both pages, and another account begins again", { skip, timeout: 90_000 }, async (t) => {
  const base = await startServer(t, brand);
  const browser = await openBrowser(t);
  const client = await register(base, "Client", "https://a.example/cb");
  const url = () => authorization(base, client, "https://a.example/cb");
  const code = (page) => page.waitForRequest((request) => request.url().startsWith("https://a.example/cb?code="));
  const tabs = async (context) => {
    const [a, b] = [await context.newPage(), await context.newPage()];
    for (const page of [a, b]) await page.goto(url());
    return [a, b];
  };
  const alice = newPerson();
  const context = await browser.newContext();
  const [a, b] = await tabs(context);
  for (const page of [a, b]) {
    await signIn(page, alice);
    await consent(page).waitFor();
  }
  for (const page of [a, b]) await Promise.all([code(page), decide(page, "approve")]);

  const shared = await browser.newContext();
  const [first, second] = await tabs(shared);
  const bob = newPerson();
  await signIn(first, alice);
  await consent(first).waitFor();
  await signIn(second, bob);
  await consent(second).waitFor();
  await decide(first, "approve");
  await first.getByText("belongs to another sign-in").waitFor();
  await first.getByRole("button", { name: "Begin again" }).click();
  await consent(first).waitFor();
  assert.match(await first.textContent(".lead"), new RegExp(bob.email));
  await Promise.all([code(first), decide(first, "approve")]);
});
