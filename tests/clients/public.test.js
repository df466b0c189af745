// A public server below a path of a host that has other things on it, behind a proxy that ends TLS there; and a client
// that is a web page of another origin, which does everything by `fetch`: discovery, registration, code with PKCE,
// calls, refresh, revocation. Rows C2, C8, C11, C12 and C27: what such a client cannot read does not exist for it.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { request as ask } from "node:http";
import { createServer } from "node:https";
import { test } from "node:test";
import { newCertificate } from "./certificate.js";
import { noHost, startHost } from "./provider.js";
import { decide, newPerson, noBrowser, openBrowser, within } from "./support.js";

const prefix = "/mcp-server";
const wellKnown = ["oauth-authorization-server", "oauth-protected-resource", "openid-configuration"];

/** Listens with TLS, under a name that the browser is told to find here. Returns the origin. */
async function listen(test, name, certificate, answer) {
  const server = createServer(certificate, answer);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  test.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `https://${name}:${server.address().port}`;
}

/** What the proxy passes on a path as; nothing, if it is not the server's. */
function passed(target, strips) {
  const { pathname } = new URL(target, "http://proxy");
  const isWellKnown = wellKnown.some((name) => pathname.startsWith(`/.well-known/${name}${prefix}`));
  if (isWellKnown) return target;
  if (pathname !== prefix && !pathname.startsWith(`${prefix}/`)) return undefined;
  if (!strips) return target;
  const rest = target.slice(prefix.length);
  return rest.startsWith("/") ? rest : `/${rest}`;
}

/** A proxy as operators have it: it passes requests on, under a name of its own for the server. */
function pass(incoming, outgoing, upstream, strips) {
  const path = passed(incoming.url, strips);
  if (path === undefined) return outgoing.writeHead(404).end("another application");
  const { host, ...headers } = incoming.headers;
  const onward = ask(`${upstream}${path}`, { method: incoming.method, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode, answer.rawHeaders);
    answer.pipe(outgoing);
  });
  onward.on("error", () => outgoing.destroy());
  incoming.pipe(onward);
}

const clientPage = "<!doctype html><title>A web client</title><link rel=icon href=data:,><h1>A web client</h1>";

/** What the client's page does up to leaving for the sign-in. It runs in the browser. */
async function begin(endpoint) {
  const tracing = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", baggage: "a=b" };
  const list = { jsonrpc: "2.0", id: 1, method: "tools/list" };
  const unauthorized = await fetch(endpoint, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json, text/event-stream", ...tracing },
    body: JSON.stringify(list),
  });
  const challenge = unauthorized.headers.get("www-authenticate");
  const read = async (url) => {
    const response = await fetch(url, { headers: { "mcp-protocol-version": "2025-11-25" } });
    return { status: response.status, document: await response.json() };
  };
  const resource = await read(/resource_metadata="([^"]+)"/.exec(challenge)[1]);
  const issuer = new URL(resource.document.authorization_servers[0]);
  const path = issuer.pathname === "/" ? "" : issuer.pathname;
  const openid = await read(`${issuer.origin}/.well-known/openid-configuration${path}`);
  const server = await read(`${issuer.origin}/.well-known/oauth-authorization-server${path}`);
  const redirectUri = `${location.origin}/callback`;
  const registered = await fetch(server.document.registration_endpoint, {
    method: "POST",
    headers: { "content-type": "application/json", ...tracing },
    body: JSON.stringify({
      client_name: "A web client",
      redirect_uris: [redirectUri],
      token_endpoint_auth_method: "none",
    }),
  });
  const { client_id: clientId } = await registered.json();
  const base64 = (bytes) =>
    btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/[+/=]/g, (c) => ({ "+": "-", "/": "_" })[c] ?? "");
  const verifier = base64(crypto.getRandomValues(new Uint8Array(32)));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  const authorize = new URL(server.document.authorization_endpoint);
  authorize.search = new URLSearchParams({
    response_type: "code",
    client_id: clientId,
    redirect_uri: redirectUri,
    scope: resource.document.scopes_supported.join(" "),
    // As the person gave it, with what the client adds to it.
    resource: `${resource.document.resource}?x=1`,
    code_challenge: base64(digest),
    code_challenge_method: "S256",
    state: "state",
  });
  const kept = { endpoint, verifier, clientId, redirectUri, server: server.document, tracing };
  sessionStorage.setItem("kept", JSON.stringify(kept));
  return {
    status: unauthorized.status,
    resource: resource.document.resource,
    issuer: server.document.issuer,
    openid: openid.status,
    authorize: authorize.href,
  };
}

/** What the client's page does with the code. It runs in the browser. */
async function goOn() {
  const { endpoint, verifier, clientId, redirectUri, server, tracing } = JSON.parse(sessionStorage.getItem("kept"));
  const answer = new URLSearchParams(location.search);
  const post = (url, fields) =>
    fetch(url, { method: "POST", headers: tracing, body: new URLSearchParams({ client_id: clientId, ...fields }) });
  const code = { grant_type: "authorization_code", code: answer.get("code"), redirect_uri: redirectUri };
  const first = await (await post(server.token_endpoint, { ...code, code_verifier: verifier })).json();
  let session;
  const call = async (token, method, params) => {
    const response = await fetch(endpoint, {
      method: "POST",
      headers: {
        authorization: `Bearer ${token}`,
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        ...tracing,
        ...(session ? { "mcp-session-id": session, "mcp-protocol-version": "2025-11-25" } : {}),
      },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
    });
    session ??= response.headers.get("mcp-session-id");
    const text = await response.text();
    const body = text.includes("data: ") ? text.split("data: ").at(-1) : text;
    return { status: response.status, body: response.ok ? JSON.parse(body) : undefined };
  };
  const clientInfo = { name: "web", version: "1" };
  const handshake = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo };
  const initialized = await call(first.access_token, "initialize", handshake);
  const listed = await call(first.access_token, "tools/list", {});
  const called = await call(first.access_token, "tools/call", { name: "add", arguments: { a: 1, b: 2 } });
  const fields = { grant_type: "refresh_token", refresh_token: first.refresh_token };
  const second = await (await post(server.token_endpoint, fields)).json();
  const again = await call(second.access_token, "tools/list", {});
  const revoked = await post(server.revocation_endpoint, { token: second.refresh_token });
  const after = await call(second.access_token, "tools/list", {});
  return {
    iss: answer.get("iss"),
    state: answer.get("state"),
    hasSession: typeof session === "string",
    initialized: initialized.body?.result?.serverInfo,
    tools: listed.body?.result?.tools?.map((tool) => tool.name),
    called: called.body?.result?.structuredContent ?? called.body?.result?.content,
    again: again.status,
    revoked: revoked.status,
    after: after.status,
  };
}

for (const proxy of ["strip", "keep"]) {
  const what = `a web client lives the whole life with a server below a path, whose proxy does ${proxy} it`;
  test(what, { skip: noHost || noBrowser, timeout: 240_000 }, async (t) => {
    const certificate = newCertificate();
    let upstream;
    const origin = await listen(t, "shared.example", certificate, (incoming, outgoing) =>
      pass(incoming, outgoing, upstream, proxy === "strip"),
    );
    const client = await listen(t, "client.example", certificate, (_, outgoing) => {
      outgoing.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(clientPage);
    });
    const { url } = await startHost(t, "spin.toml", {
      public_url: `${origin}${prefix}/`,
      public_path: proxy,
      deployment_secret: randomBytes(32).toString("base64url"),
      sign_up: "open",
    });
    upstream = url;

    const browser = await openBrowser(t, ["--host-resolver-rules=MAP *.example 127.0.0.1"]);
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    const page = await context.newPage();
    await page.goto(`${client}/`);
    const found = await page.evaluate(begin, `${origin}${prefix}/mcp`);
    assert.equal(found.status, 401);
    assert.equal(found.resource, `${origin}${prefix}/mcp`);
    assert.equal(found.issuer, `${origin}${prefix}`);
    assert.equal(found.openid, 404, "and a script can read that");

    await page.goto(found.authorize);
    await page.locator("button[name=alternative][value=sign-up]").click();
    const person = newPerson();
    await page.locator("input[name=email]").fill(person.email);
    for (const field of await page.locator("input[type=password]").all()) await field.fill(person.password);
    await page.locator("button[type=submit].primary").click();
    await page.locator("button[name=decision]").first().waitFor();
    const cookies = await context.cookies();
    assert.ok(cookies.length > 0);
    for (const cookie of cookies) {
      assert.ok(cookie.path.startsWith(prefix), `${cookie.name} stays with the server: ${cookie.path}`);
      assert.ok(cookie.secure && cookie.httpOnly, cookie.name);
    }
    await decide(page, "approve");
    await page.waitForURL((url) => url.origin === client && url.pathname === "/callback", { timeout: 20_000 });
    const done = await within(60, "the client's calls", page.evaluate(goOn));
    assert.deepEqual([done.iss, done.state], [`${origin}${prefix}`, "state"]);
    assert.ok(done.hasSession, "a script can read the session's name");
    assert.ok(done.initialized, "initialize");
    assert.ok(done.tools.includes("add"), `${done.tools}`);
    assert.match(JSON.stringify(done.called), /3/);
    assert.deepEqual([done.again, done.revoked, done.after], [200, 200, 401]);

    // The person's own pages: each link and form leads to below the path.
    await page.goto(`${origin}${prefix}/`);
    await page.getByRole("link", { name: "Connected apps", exact: false }).or(page.locator(`a[href$="/account"]`)).first().click();
    await page.waitForURL(`${origin}${prefix}/account`);
    const elsewhere = await page.evaluate(
      (start) => [...document.querySelectorAll("a[href], form[action]")]
        .map((element) => element.href ?? element.action)
        .filter((link) => link.startsWith(location.origin) && !link.startsWith(start)),
      `${origin}${prefix}/`,
    );
    assert.deepEqual(elsewhere, []);
    const lost = await page.goto(`${origin}${prefix}/nowhere`);
    assert.equal(lost.status(), 404);
    await page.locator("main a, body a").first().click();
    await page.waitForURL(`${origin}${prefix}/`);
  });
}
