// People who sign in elsewhere: at a certified OpenID provider, at one that lies, and at something like GitHub. The
// server is the test's own, because the operator names the providers.

import assert from "node:assert/strict";
import { createHash, createHmac, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { test } from "node:test";
import Provider from "oidc-provider";
import { everyLook, takePicture } from "./look.js";
import { Browser, by, jwt, listen, logged, newKey, noHost, now, signInAtProvider, startHost } from "./provider.js";
import { decide, listenForComplaints, newPerson, noBrowser, openBrowser, openCallback, signIn, within } from "./support.js";

const options = { skip: noHost, timeout: 240_000 };
const callback = "http://127.0.0.1:9/callback";

/** Starts a host that lets people sign in at these providers. */
const startServer = (t, providers, variables = {}) =>
  startHost(t, "spin.toml", {
    providers: JSON.stringify(providers),
    // Providers of tests are on this machine.
    provider_origin: "http://127.0.0.1:*",
    ...variables,
  });

/** An application that is registered with a server, and can ask about its tokens. */
async function register(base, redirectUri = callback) {
  const response = await fetch(`${base}/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ client_name: "Upstream test", redirect_uris: [redirectUri], token_endpoint_auth_method: "client_secret_post" }),
  });
  const { client_id, client_secret } = await response.json();
  const verifier = randomBytes(32).toString("base64url");
  const url = new URL(`${base}/authorize`);
  url.search = new URLSearchParams({
    response_type: "code",
    client_id,
    redirect_uri: redirectUri,
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
    state: "the client's",
    scope: "math:basic",
  });
  const post = async (path, fields) => {
    const body = new URLSearchParams({ client_id, client_secret, ...fields });
    return (await fetch(base + path, { method: "POST", body })).json();
  };
  /** Who the code was given for. */
  const redeem = async (code) => {
    const tokens = await post("/token", { grant_type: "authorization_code", code, redirect_uri: redirectUri, code_verifier: verifier });
    assert.ok(tokens.access_token, JSON.stringify(tokens));
    return (await post("/introspect", { token: tokens.access_token })).sub;
  };
  return { url, redeem };
}

const transactionOf = (page) => /name="transaction" value="([^"]+)"/.exec(page.html)?.[1];

/** Opens the sign-in page, and presses the button of a provider. */
async function leave(browser, application, provider) {
  const page = await browser.go(application.url, callback);
  assert.ok(page.html.includes(`value="${provider}"`), page.html);
  return browser.submit(page, { transaction: transactionOf(page), alternative: provider }, callback);
}

/** Approves a consent page. Returns whose code it is. */
async function approve(browser, application, page) {
  assert.match(page.html ?? "", /name="decision" value="approve"/, page.html);
  const fields = { transaction: transactionOf(page), scope: "math:basic", decision: "approve" };
  const { url } = await browser.submit(page, fields, callback);
  assert.ok(url.searchParams.get("code"), url.href);
  return application.redeem(url.searchParams.get("code"));
}

/** A page that says no, and signs nobody in. */
function assertRefused(browser, page, status, why) {
  assert.equal(page.status, status, `${why}: ${page.html}`);
  assert.ok(![...browser.cookies.keys()].some((name) => name.includes("session")), why);
  assert.ok(![...browser.cookies.keys()].some((name) => name.includes("away")), `${why}: the way back is closed`);
}

/** A provider as they are sold. */
async function startProvider(t) {
  let app;
  const issuer = await listen(t, createServer((request, response) => app(request, response)));
  /** What can be known only when the server is there that people come back to. */
  const open = (base) => {
    const provider = new Provider(issuer, {
      jwks: { keys: [newKey("one").privateJwk] },
      cookies: { keys: [randomBytes(16).toString("hex")] },
      clients: [
        {
          client_id: "postern",
          client_secret: "a secret: with +, % and ~",
          redirect_uris: [`${base}/sign-in/callback/test`],
          id_token_signed_response_alg: "ES256",
        },
      ],
      pkce: { required: () => true },
      claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
      conformIdTokenClaims: false,
      findAccount: (_, id) => ({
        accountId: id,
        claims: () => ({ sub: id, email: `${id}@example.com`, email_verified: true }),
      }),
    });
    app = provider.callback();
  };
  const entry = { name: "test", label: "Test & Co", issuer, client_id: "postern", client_secret: "a secret: with +, % and ~" };
  return { issuer, entry, open };
}

// FD-02, FD-06.
test("person signs in at an OpenID provider, and is the same one the next time", options, async (t) => {
  const { entry, issuer, open } = await startProvider(t);
  const { url: base, log } = await startServer(t, [entry]);
  open(base);
  const application = await register(base);
  const subjects = [];
  for (let visit = 0; visit < 2; visit++) {
    const browser = new Browser();
    const login = await leave(browser, application, "test");
    assert.equal(login.url.origin, issuer);
    const consent = await signInAtProvider(browser, login, callback);
    assert.match(consent.html, /alice@example\.com/);
    subjects.push(await approve(browser, application, consent));
  }
  assert.equal(subjects[0], subjects[1]);
  assert.match(subjects[0], /^acct_/);
  // Somebody with the same e-mail address and a password here is somebody else.
  const browser = new Browser();
  const page = await browser.go(application.url, callback);
  const fields = { transaction: transactionOf(page), email: "alice@example.com", password: "any" };
  const asked = await browser.submit(page, fields, callback);
  assert.match(asked.html, /no account for alice@example\.com/);
  const consent = await browser.submit(asked, { transaction: transactionOf(asked) }, callback);
  const local = await approve(browser, application, consent);
  assert.notEqual(local, subjects[0]);
  // The provider can be denied, and the client is told.
  const unwilling = new Browser();
  const login = await leave(unwilling, application, "test");
  const abort = /href="([^"]+\/abort)"/.exec(login.html)[1];
  const { url } = await unwilling.go(new URL(abort, login.url), callback);
  assert.equal(url.searchParams.get("error"), "access_denied");
  assert.equal(url.searchParams.get("state"), "the client's");
  for (const secret of ["a secret", encodeURIComponent("a secret")]) assert.ok(!log.text.includes(secret));
});

/** A provider that says what its test wants, and another one at the same server. */
async function startLiar(t) {
  const key = newKey("one");
  const lie = { claims: {}, header: {}, callback: {}, sign: by(key) };
  const asked = [];
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, issuer);
    asked.push(url.pathname);
    let body = "";
    for await (const piece of request) body += piece;
    const json = (document) => response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(document));
    switch (url.pathname) {
      case "/.well-known/openid-configuration":
        return json({ issuer, jwks_uri: `${issuer}/jwks`, authorization_endpoint: `${issuer}/authorize`, token_endpoint: `${issuer}/token` });
      case "/jwks":
        return json({ keys: [key.publicJwk] });
      case "/authorize": {
        lie.nonce = url.searchParams.get("nonce");
        const { place, ...parameters } = lie.callback;
        const back = new URL(place ?? url.searchParams.get("redirect_uri"));
        const answer = { code: "c", state: url.searchParams.get("state"), ...parameters };
        for (const [name, value] of Object.entries(answer)) if (value !== undefined) back.searchParams.set(name, value);
        return response.writeHead(302, { location: back.href }).end();
      }
      case "/token": {
        lie.posted = new URLSearchParams(body);
        const claims = { iss: issuer, sub: "mallory", aud: "postern", exp: now() + 60, iat: now(), nonce: lie.nonce, ...lie.claims };
        return json({ token_type: "Bearer", access_token: "theirs", id_token: jwt({ alg: "ES256", kid: "one", ...lie.header }, claims, lie.sign) });
      }
    }
    response.writeHead(404).end();
  });
  const issuer = await listen(t, server);
  return { issuer, key, lie, asked };
}

// FD-01, FD-03, FD-04, FD-05.
test("provider that lies signs nobody in", options, async (t) => {
  const { issuer, key, lie, asked } = await startLiar(t);
  const other = await startLiar(t);
  const entries = [
    { name: "liar", issuer, client_id: "postern" },
    { name: "other", issuer: other.issuer, client_id: "postern" },
  ];
  const { url: base, log } = await startServer(t, entries);
  const application = await register(base);
  const attempt = async (changes) => {
    Object.assign(lie, { claims: {}, header: {}, callback: {}, sign: by(key) }, changes);
    const browser = new Browser();
    return { browser, page: await leave(browser, application, "liar") };
  };
  const { browser, page } = await attempt({});
  assert.match(await approve(browser, application, page), /^acct_/, "when it tells the truth");
  assert.equal(lie.posted.get("client_id"), "postern");
  assert.equal(lie.posted.get("code_verifier").length, 43);
  const stranger = newKey("one");
  const lies = {
    "another issuer": { claims: { iss: other.issuer } },
    "another audience": { claims: { aud: "others" } },
    "an audience besides": { claims: { aud: ["postern", "others"], azp: "postern" } },
    "another party": { claims: { azp: "others" } },
    "another nonce": { claims: { nonce: randomBytes(32).toString("base64url") } },
    "no nonce": { claims: { nonce: undefined } },
    expired: { claims: { exp: now() - 60 } },
    "from the future": { claims: { iat: now() + 600 } },
    "no subject": { claims: { sub: undefined } },
    unsigned: { header: { alg: "none" }, sign: () => Buffer.alloc(0) },
    "the public key as an HMAC secret": {
      header: { alg: "HS256" },
      sign: (input) => createHmac("sha256", key.publicPem).update(input).digest(),
    },
    "another algorithm": { header: { alg: "RS256" } },
    "another's signature": { sign: by(stranger) },
    "a key of its own": { header: { jwk: stranger.publicJwk }, sign: by(stranger) },
    "an access token": { header: { typ: "at+jwt" } },
    "an issuer of another in the answer": { callback: { iss: other.issuer } },
  };
  for (const [why, changes] of Object.entries(lies)) {
    const { browser, page } = await attempt(changes);
    assertRefused(browser, page, 400, why);
    assert.doesNotMatch(page.html, /mallory|theirs/, why);
  }
  // A mix-up: the liar sends the browser on, so that another provider's code comes to it.
  const before = asked.length;
  const mixedUp = await attempt({ callback: { place: `${base}/sign-in/callback/other` } });
  assertRefused(mixedUp.browser, mixedUp.page, 400, "mix-up");
  assert.deepEqual(asked.slice(before), ["/authorize"], "no code went anywhere");
  assert.ok(!other.asked.includes("/token"));
  // Without the request's own state the way back is not even found.
  for (const state of [undefined, "", randomBytes(32).toString("base64url")]) {
    const { page } = await attempt({ callback: { state } });
    assert.equal(page.status, 400, `state ${state}`);
  }
  // What it says of an error is told to nobody.
  const failed = await attempt({ callback: { code: undefined, error: "server_error", error_description: "<script>mallory" } });
  assert.equal(failed.page.url.searchParams.get("error"), "server_error");
  assert.ok(!failed.page.url.href.includes("mallory"));
  await logged(log, /a sign-in at liar is refused: the ID token: its signature is not valid/);
  assert.doesNotMatch(log.text, /mallory|theirs|<script>/);
});

test("member of an organization signs in at GitHub, and others do not", options, async (t) => {
  const people = { one: { id: 1, login: "octocat" }, two: { id: 2, login: "stranger" } };
  let visitor;
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, hub);
    let body = "";
    for await (const piece of request) body += piece;
    const json = (document, status = 200) =>
      response.writeHead(status, { "content-type": "application/json; charset=utf-8" }).end(JSON.stringify(document));
    if (url.pathname === "/login/oauth/authorize") {
      assert.equal(url.searchParams.get("scope"), "read:org");
      const back = new URL(url.searchParams.get("redirect_uri"));
      back.search = new URLSearchParams({ code: visitor, state: url.searchParams.get("state") });
      return response.writeHead(302, { location: back.href }).end();
    }
    if (url.pathname === "/login/oauth/access_token") {
      const form = new URLSearchParams(body);
      const isGood = request.method === "POST" && form.get("client_secret") === "hush" && form.get("code_verifier");
      return json(isGood ? { access_token: `gho_${form.get("code")}`, token_type: "bearer" } : { error: "incorrect_client_credentials" });
    }
    const person = /^Bearer gho_(\w+)$/.exec(request.headers.authorization ?? "")?.[1];
    assert.match(request.headers["user-agent"], /^postern\//, "GitHub wants one");
    if (url.pathname === "/api/v3/user") return json(people[person]);
    if (url.pathname === "/api/v3/user/memberships/orgs/acme" && person === "one") return json({ state: "active" });
    return json({ message: "Not Found" }, 404);
  });
  const hub = await listen(t, server);
  const entry = { name: "github", label: "GitHub", type: "github", url: hub, client_id: "app", client_secret: "hush", allowed_organizations: ["acme"] };
  const { url: base, log } = await startServer(t, [entry], { password_sign_in: "off" });
  const application = await register(base);
  const visit = async (person) => {
    visitor = person;
    const browser = new Browser();
    return { browser, page: await leave(browser, application, "github") };
  };
  const member = await visit("one");
  assert.match(member.page.html, /octocat/);
  const subject = await approve(member.browser, application, member.page);
  // Whoever is renamed stays who they are.
  people.one.login = "renamed";
  const renamed = await visit("one");
  assert.equal(await approve(renamed.browser, application, renamed.page), subject);
  const stranger = await visit("two");
  assert.equal(stranger.page.status, 200);
  assert.match(stranger.page.html, /not let in here/);
  assert.doesNotMatch(stranger.page.html, /type="password"/, "passwords are off");
  assert.ok(![...stranger.browser.cookies.keys()].some((name) => name.includes("session")));
  // And nobody posts one all the same.
  const fields = { transaction: transactionOf(stranger.page), email: "alice@example.com", password: "any" };
  assert.equal((await stranger.browser.submit(stranger.page, fields, callback)).status, 400);
  assert.doesNotMatch(log.text, /gho_|hush/);
});

// U14.
test("provider that cannot be reached is named, with a way back, and its line in the log is found", options, async (t) => {
  const gone = { name: "gone", label: "Gone & Co", issuer: "http://127.0.0.1:9", client_id: "app" };
  const { url: base, log } = await startServer(t, [gone]);
  const application = await register(base);
  const browser = new Browser();
  const page = await leave(browser, application, "gone");
  assert.equal(page.status, 502);
  assert.match(page.html, /Gone &#38; Co/);
  const trace = /<code>([0-9a-f]{32})<\/code>/.exec(page.html)[1];
  await logged(log, new RegExp(`accounts: sign-in at http://127.0.0.1:9: .* trace=${trace}`));
  const back = /<a href="(\/authorize\?[^"]+)"/.exec(page.html)[1].replaceAll("&#38;", "&");
  const again = await browser.go(new URL(back, base), callback);
  assert.match(again.html, /value="gone".*type="password"/s, "the providers come first");
});

// The page's policy has to let its form lead to the provider, and only a browser holds it to that.
test("browser is led to the provider and back", { ...options, skip: noHost || noBrowser }, async (t) => {
  const { entry, issuer, open } = await startProvider(t);
  const { url: base } = await startServer(t, [entry, { name: "github", label: "GitHub", type: "github", client_id: "app" }]);
  open(base);
  const target = await openCallback(t);
  const application = await register(base, target.url);
  const browser = await openBrowser(t);
  await everyLook(browser, base, async ({ page, look }) => {
    await page.goto(application.url.href);
    await look("sign-in-elsewhere");
  });
  const page = await (await browser.newContext()).newPage();
  const complaints = listenForComplaints(page);
  await page.goto(application.url.href);
  await page.getByRole("button", { name: "Continue with Test & Co" }).press("Enter");
  await page.waitForURL(`${issuer}/**`);
  // The provider's own pages have faults of their own.
  assert.deepEqual(complaints.filter((text) => /Content Security Policy|form-action/i.test(text)), []);
  await page.locator("input[name=login]").fill("alice");
  await page.locator("input[name=password]").fill("any");
  await page.locator("button[type=submit]").click();
  await page.locator("button[type=submit]").click();
  await page.waitForURL(`${base}/**`);
  assert.match(await page.locator("main").innerText(), /alice@example\.com/);
  const cookies = await page.context().cookies(`${base}/sign-in/callback/test`);
  assert.ok(!cookies.some(({ name }) => name.includes("away")), "the way back is closed");
  await decide(page, "approve");
  const answer = await within(20, "the callback", target.answer);
  assert.ok(answer.get("code"));
});

// FD-06: one person, several ways in; and only who is signed in joins them.
test("person adds a provider to an account, signs in with it, and removes it", { ...options, skip: noHost || noBrowser }, async (t) => {
  const { entry, issuer, open } = await startProvider(t);
  const { url: base } = await startServer(t, [{ ...entry, sign_up: "closed" }]);
  open(base);
  const browser = await openBrowser(t);
  const callback = await openCallback(t);
  const application = await register(base, callback.url);
  const person = newPerson();

  const page = await (await browser.newContext({ javaScriptEnabled: false })).newPage();
  const complaints = listenForComplaints(page);
  /** At the provider, whose pages work without a script. */
  const confirm = async () => {
    await page.waitForURL(`${issuer}/**`);
    await page.locator("input[name=login]").fill("alice");
    await page.locator("input[name=password]").fill("any");
    await page.locator("button[type=submit]").click();
    await page.locator("button[type=submit]").click();
    await page.waitForURL(`${base}/**`);
  };
  const leaveNothing = async () => {
    await page.context().clearCookies();
    await page.goto(`${base}/account`);
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
  };

  // Somebody whom nobody knows is not let in, and can go on with a password.
  await page.goto(`${base}/account`);
  await page.getByRole("button", { name: "Continue with Test & Co" }).click();
  await confirm();
  await page.getByText("not let in here").waitFor();
  await takePicture(page, "sign-in-not-let-in");
  await signIn(page, person);
  await page.getByRole("heading", { name: "Your account" }).waitFor();
  await page.goto(application.url.href);
  await decide(page, "approve");
  await page.waitForURL((url) => url.pathname === "/callback");

  await page.goto(`${base}/account`);
  await page.getByRole("button", { name: "Add Test & Co" }).press("Enter");
  // Who they are, the provider knows; that they want this, it asks for again or not.
  await page.waitForURL((url) => url.origin === issuer || url.pathname.startsWith("/sign-in/callback"));
  if (page.url().startsWith(issuer)) await confirm();
  await page.getByText("You can sign in with Test & Co now.").waitFor();

  // The same account: its application is there.
  await leaveNothing();
  await page.getByRole("button", { name: "Continue with Test & Co" }).click();
  await confirm();
  await page.getByRole("heading", { name: "Your account" }).waitFor();
  await page.getByRole("heading", { name: "Upstream test" }).waitFor();
  await takePicture(page, "account-with-provider");
  await page.getByRole("button", { name: "Remove Test & Co" }).press("Enter");
  await page.getByRole("heading", { name: "Remove Test & Co" }).waitFor();
  await takePicture(page, "remove-provider");
  await page.getByRole("button", { name: "Remove Test & Co" }).press("Enter");
  await page.getByText("Test & Co does not sign you in any more, and other browsers are signed out.").waitFor();

  await leaveNothing();
  await page.getByRole("button", { name: "Continue with Test & Co" }).click();
  await confirm();
  await page.getByText("not let in here").waitFor();
  assert.deepEqual(complaints.filter((text) => /Content Security Policy|form-action/i.test(text)), []);
});
