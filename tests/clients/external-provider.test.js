// Postern behind somebody else's identity provider: the manifest `spin.external-provider.toml`, on a host
// of this test's own, in front of a certified OpenID provider. A client of the official SDK finds it, signs
// in there, and calls a tool with the provider's JWT.

import assert from "node:assert/strict";
import { createHmac, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { test } from "node:test";
import { UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import Provider from "oidc-provider";
import { Browser, by, encode, isBundled, jwt, listen, logged, newKey, noHost, now, signInAtProvider, startHost } from "./provider.js";

/** Starts a host of our own that takes this provider's tokens. */
const startBehind = (test, issuer, runtimeConfig) =>
  startHost(
    test,
    "spin.external-provider.toml",
    { authorization_server: issuer, authorization_server_origin: new URL(issuer).origin },
    runtimeConfig,
  );

/** Calls the tool `add`. */
const callAdd = (base, token) =>
  fetch(`${base}/mcp`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      accept: "application/json, text/event-stream",
      "content-type": "application/json",
      "mcp-protocol-version": "2025-06-18",
    },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: { name: "add", arguments: { a: 23, b: 19 } },
    }),
  });

async function assertTaken(base, token, why) {
  const response = await callAdd(base, token);
  const text = await response.text();
  assert.equal(response.status, 200, `${why}: ${text}`);
  assert.match(text, /"42"/, why);
}

async function assertRefused(base, token, why) {
  const response = await callAdd(base, token);
  assert.equal(response.status, 401, `${why}: ${await response.text()}`);
  const challenge = response.headers.get("www-authenticate");
  assert.match(challenge, /error="invalid_token"/, why);
  assert.match(challenge, /resource_metadata="http:\/\/127\.0\.0\.1:\d+\/\.well-known\/oauth-protected-resource\/mcp"/);
}

/** An application that keeps everything in memory, for the SDK. */
class Application {
  redirectUrl = "http://127.0.0.1:9/callback";
  clientMetadata = {
    client_name: "SDK test",
    redirect_uris: [this.redirectUrl],
    application_type: "native",
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    token_endpoint_auth_method: "none",
  };
  clientInformation = () => this.information;
  saveClientInformation = (information) => void (this.information = information);
  tokens = () => this.saved;
  saveTokens = (tokens) => void (this.saved = tokens);
  redirectToAuthorization = (url) => void (this.authorizationUrl = url);
  saveCodeVerifier = (verifier) => void (this.verifier = verifier);
  codeVerifier = () => this.verifier;
}

test("client signs in at an outside OpenID provider and calls a tool", { skip: noHost, timeout: 240_000 }, async (t) => {
  const key = newKey("one");
  let app;
  const server = createServer((request, response) => app(request, response));
  const issuer = await listen(t, server);
  const provider = new Provider(issuer, {
    jwks: { keys: [key.privateJwk] },
    cookies: { keys: [randomBytes(16).toString("hex")] },
    scopes: ["math:basic", "math:advanced", "offline_access"],
    issueRefreshToken: (_, client) => client.grantTypeAllowed("refresh_token"),
    clientDefaults: { id_token_signed_response_alg: "ES256" },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    features: {
      registration: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_, resource) => ({
          scope: "math:basic math:advanced",
          audience: resource,
          accessTokenFormat: "jwt",
          jwt: { sign: { alg: "ES256" } },
        }),
        useGrantedResource: () => true,
      },
    },
  });
  app = provider.callback();
  const { url: base, log } = await startBehind(t, issuer);
  const resource = `${base}/mcp`;

  // Discovery leads to the provider, and nothing here claims to be one.
  const metadata = await (await fetch(`${base}/.well-known/oauth-protected-resource/mcp`)).json();
  assert.equal(metadata.resource, resource);
  assert.deepEqual(metadata.authorization_servers, [issuer]);
  for (const path of ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration", "/authorize", "/token", "/register", "/revoke"]) {
    assert.equal((await fetch(base + path)).status, 404, path);
  }

  // The client finds its way.
  const application = new Application();
  const transport = new StreamableHTTPClientTransport(new URL(resource), { authProvider: application });
  await assert.rejects(new Client({ name: "test", version: "1" }).connect(transport), UnauthorizedError);
  assert.equal(application.authorizationUrl.origin, issuer);
  assert.equal(application.authorizationUrl.searchParams.get("resource"), resource);
  const browser = new Browser();
  const login = await browser.go(application.authorizationUrl, application.redirectUrl);
  const { url: callback } = await signInAtProvider(browser, login, application.redirectUrl);
  await transport.finishAuth(callback.searchParams.get("code"));
  const client = new Client({ name: "test", version: "1" });
  t.after(() => client.close());
  await client.connect(new StreamableHTTPClientTransport(new URL(resource), { authProvider: application }));
  const result = await client.callTool({ name: "add", arguments: { a: 23, b: 19 } });
  assert.equal(result.content[0].text, "42");

  // The scope of the provider's token is what counts here too.
  const issued = application.saved.access_token;
  const claims = JSON.parse(Buffer.from(issued.split(".")[1], "base64url"));
  assert.equal(claims.aud, resource);
  assert.equal(claims.sub, "alice");
  const header = { alg: "ES256", typ: "at+jwt", kid: "one" };
  const good = { ...claims, exp: now() + 300 };
  await assertTaken(base, jwt(header, good, by(key)), "a token as the provider makes it");
  const unscoped = await callAdd(base, jwt(header, { ...good, scope: undefined }, by(key)));
  assert.equal(unscoped.status, 403);
  assert.match(unscoped.headers.get("www-authenticate"), /error="insufficient_scope".*scope="math:basic"/);

  // RS-02, RS-03, RS-09, RS-10: what is not such a token is not taken.
  const [head, body, signature] = issued.split(".");
  const stranger = newKey("one");
  const hmac = (input) => createHmac("sha256", key.publicPem).update(input).digest();
  const refused = {
    "another audience": jwt(header, { ...good, aud: `${base}/mcp-v2` }, by(key)),
    "an audience that begins like ours": jwt(header, { ...good, aud: `${resource}/` }, by(key)),
    "no audience": jwt(header, { ...good, aud: undefined }, by(key)),
    expired: jwt(header, { ...good, exp: now() - 1 }, by(key)),
    "not valid yet": jwt(header, { ...good, nbf: now() + 300 }, by(key)),
    "without a signature": jwt({ ...header, alg: "none" }, good, () => Buffer.alloc(0)),
    "the public key as an HMAC secret": jwt({ ...header, alg: "HS256" }, good, hmac),
    "another issuer": jwt(header, { ...good, iss: "http://127.0.0.1:1" }, by(key)),
    "an ID token": jwt({ ...header, typ: "JWT" }, good, by(key)),
    "another's signature": jwt(header, good, by(stranger)),
    "a key of its own": jwt({ ...header, jwk: stranger.publicJwk }, good, by(stranger)),
    "a key id that nobody knows": jwt({ ...header, kid: "two" }, good, by(key)),
    "a changed payload": `${head}.${encode({ ...claims, sub: "mallory" })}.${signature}`,
    "cut off": `${head}.${body}`,
    opaque: randomBytes(32).toString("base64url"),
    "one of our own": `postern_at_${randomBytes(101).toString("base64url")}`,
  };
  for (const [why, token] of Object.entries(refused)) await assertRefused(base, token, why);
  await assertTaken(base, issued, "the provider's own token, after all that");

  // A refreshed token is as good.
  const before = application.saved.access_token;
  application.saved.access_token = "expired";
  await new Client({ name: "test", version: "1" }).connect(
    new StreamableHTTPClientTransport(new URL(resource), { authProvider: application }),
  );
  assert.notEqual(application.saved.access_token, before);
  await assertTaken(base, application.saved.access_token, "a refreshed token");
  for (const token of [issued, ...Object.values(refused)]) {
    assert.ok(!log.text.includes(token.split(".").at(-1) || token), "no token in the log");
  }
});

/** A provider that answers as its test says, and a host that takes its tokens. */
async function startLiar(t, { name = "127.0.0.1", runtimeConfig } = {}) {
  const key = newKey("one");
  const asked = [];
  const documents = {};
  const server = createServer((request, response) => {
    asked.push(request);
    const document = documents[request.url];
    if (document === "hang") return;
    if (!document) return void response.writeHead(404).end();
    response.writeHead(document.status ?? 200, { "content-type": "application/json", ...document.headers });
    response.end(document.body);
  });
  const issuer = (await listen(t, server)).replace("127.0.0.1", name);
  const { url: base, log } = await startBehind(t, issuer, runtimeConfig);
  const claims = { iss: issuer, sub: "alice", aud: `${base}/mcp`, client_id: "app", scope: "math:basic", exp: now() + 600 };
  const token = (signer = key) => jwt({ alg: "ES256", typ: "at+jwt", kid: signer.kid }, claims, by(signer));
  const publish = (keys, { status, headers } = {}) => {
    documents["/.well-known/openid-configuration"] = { body: JSON.stringify({ issuer, jwks_uri: `${issuer}/jwks` }) };
    documents["/jwks"] = { status, headers, body: JSON.stringify({ keys }) };
  };
  return { issuer, base, log, key, asked, documents, token, publish };
}

async function assertUnavailable(base, token) {
  const response = await callAdd(base, token);
  assert.equal(response.status, 503, await response.text());
  assert.ok(response.headers.get("retry-after"));
  assert.equal(response.headers.get("www-authenticate"), null);
}

// RS-15, CM-10.
test("provider that says nothing is no judgement on a token", { skip: noHost, timeout: 240_000 }, async (t) => {
  const { base, log, asked, documents, token } = await startLiar(t);
  // RS-14: garbage costs nothing, not even in a new instance.
  await assertRefused(base, "opaque", "garbage");
  if (isBundled) await logged(log, /POST \/mcp 401 \S+ mcp kv=0r\/0w/);
  documents["/.well-known/openid-configuration"] = "hang";
  await assertUnavailable(base, token());
  await logged(log, /the provider's metadata: the answer took too long/);
  // CM-21: this is all that it was told.
  const [{ headers }] = asked;
  assert.deepEqual(Object.keys(headers).sort(), ["accept", "accept-encoding", "host", "user-agent"]);
  assert.equal(headers["accept-encoding"], "identity");
  assert.match(headers["user-agent"], /^postern\//);
  await assertUnavailable(base, token());
  assert.equal(asked.length, 1, "it is left alone for a while");
});

// CM-07.
test("provider's redirect is not followed", { skip: noHost, timeout: 240_000 }, async (t) => {
  const { issuer, base, log, key, asked, documents, token, publish } = await startLiar(t);
  publish([key.publicJwk], { status: 302, headers: { location: `${issuer}/elsewhere` } });
  documents["/elsewhere"] = documents["/jwks"];
  await assertUnavailable(base, token());
  await logged(log, /the provider's key set: the answer has status 302/);
  assert.deepEqual(asked.map((request) => request.url), ["/.well-known/openid-configuration", "/jwks"]);
});

// CM-04, CM-05: what counts is the address that is dialled, whatever its name.
test("provider in a blocked network is not called", { skip: noHost, timeout: 240_000 }, async (t) => {
  for (const name of ["127.0.0.1", "localhost"]) {
    const runtimeConfig = '[outbound_networking]\nblock_networks = ["private"]\n';
    const { base, log, key, asked, token, publish } = await startLiar(t, { name, runtimeConfig });
    publish([key.publicJwk]);
    await assertUnavailable(base, token());
    await logged(log, /the provider's metadata: no answer: ErrorCode::DestinationIpProhibited/);
    assert.equal(asked.length, 0, name);
  }
});

test("provider's new key is found at once, and a withdrawn one is gone", { skip: noHost, timeout: 240_000 }, async (t) => {
  const { base, key, asked, token, publish } = await startLiar(t);
  publish([key.publicJwk]);
  await assertTaken(base, token(), "a token");
  await assertTaken(base, token(), "another");
  assert.equal(asked.length, 2, "the keys are kept");
  const next = newKey("two");
  publish([next.publicJwk]);
  await assertTaken(base, token(next), "a new key");
  await assertRefused(base, token(), "a withdrawn key");
  await assertRefused(base, token(newKey("three")), "a key that nobody knows");
  assert.equal(asked.length, 4, "once in five minutes");
});
