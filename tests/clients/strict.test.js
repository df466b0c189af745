// OAuth clients that forgive nothing: what an answer lacks or says otherwise than the RFCs is an error in
// them. The whole life: discovery from the MCP endpoint, registration, code with PKCE, a call, refresh,
// revocation. The person uses the pages' forms, so no browser is needed.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as oauth from "oauth4webapi";
import * as openid from "openid-client";
import { walkThroughForms } from "./forms.js";
import { base, newPerson } from "./support.js";

const redirectUri = "http://127.0.0.1:6274/oauth/callback";
const endpoint = new URL(`${base}/mcp`);
const listTools = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list", params: {} });
const mcpHeaders = () =>
  new Headers({ "content-type": "application/json", accept: "application/json, text/event-stream" });

const methods = ["none", "client_secret_basic", "client_secret_post"];

/** What a client registers. */
const metadata = (method) => ({
  client_name: `Strict client with ${method}`,
  redirect_uris: [redirectUri],
  grant_types: ["authorization_code", "refresh_token"],
  response_types: ["code"],
  token_endpoint_auth_method: method,
});

async function expectTools(response) {
  assert.equal(response.status, 200);
  const { result } = await response.json();
  assert.ok(result.tools.some((tool) => tool.name === "add"));
}

for (const method of methods) {
  test(`oauth4webapi lives the whole life with ${method}`, { timeout: 60_000 }, async () => {
    const insecure = { [oauth.allowInsecureRequests]: true };

    // RFC 9728: the challenge names the resource's metadata, which names the authorization server.
    const unauthorized = await fetch(endpoint, { method: "POST", headers: mcpHeaders(), body: listTools });
    assert.equal(unauthorized.status, 401);
    const challenge = /resource_metadata="([^"]+)"/.exec(unauthorized.headers.get("www-authenticate"));
    const resource = await oauth.processResourceDiscoveryResponse(
      endpoint,
      await oauth.resourceDiscoveryRequest(endpoint, insecure),
    );
    assert.equal(challenge[1], `${base}/.well-known/oauth-protected-resource/mcp`);
    const issuer = new URL(resource.authorization_servers[0]);
    // C11: where OpenID Connect would have its own, there is none.
    assert.equal((await oauth.discoveryRequest(issuer, { algorithm: "oidc", ...insecure })).status, 404);
    const server = await oauth.processDiscoveryResponse(
      issuer,
      await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...insecure }),
    );
    assert.ok(server.code_challenge_methods_supported.includes("S256"));
    assert.equal(server.authorization_response_iss_parameter_supported, true);

    const client = await oauth.processDynamicClientRegistrationResponse(
      await oauth.dynamicClientRegistrationRequest(server, metadata(method), insecure),
    );
    const authenticate = {
      none: () => oauth.None(),
      client_secret_basic: () => oauth.ClientSecretBasic(client.client_secret),
      client_secret_post: () => oauth.ClientSecretPost(client.client_secret),
    }[method]();

    const verifier = oauth.generateRandomCodeVerifier();
    const state = oauth.generateRandomState();
    const url = new URL(server.authorization_endpoint);
    url.search = new URLSearchParams({
      response_type: "code",
      client_id: client.client_id,
      redirect_uri: redirectUri,
      scope: resource.scopes_supported.join(" "),
      resource: resource.resource,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      state,
    });
    const person = newPerson();
    const denied = await walkThroughForms(url, person, "deny");
    assert.throws(() => oauth.validateAuthResponse(server, client, denied, state), { error: "access_denied" });
    const callback = await walkThroughForms(url, person);
    const answer = oauth.validateAuthResponse(server, client, callback, state);
    const redeem = () =>
      oauth.authorizationCodeGrantRequest(server, client, authenticate, answer, redirectUri, verifier, {
        additionalParameters: { resource: resource.resource },
        ...insecure,
      });
    const first = await oauth.processAuthorizationCodeResponse(server, client, await redeem());
    await assert.rejects(async () => oauth.processAuthorizationCodeResponse(server, client, await redeem()), {
      error: "invalid_grant",
    });
    const call = (token) =>
      oauth.protectedResourceRequest(token, "POST", endpoint, mcpHeaders(), listTools, insecure);
    await expectTools(await call(first.access_token));

    const second = await oauth.processRefreshTokenResponse(
      server,
      client,
      await oauth.refreshTokenGrantRequest(server, client, authenticate, first.refresh_token, insecure),
    );
    assert.notEqual(second.refresh_token, first.refresh_token);
    await expectTools(await call(second.access_token));

    await oauth.processRevocationResponse(
      await oauth.revocationRequest(server, client, authenticate, second.refresh_token, insecure),
    );
    await assert.rejects(call(second.access_token), (error) => {
      const [{ parameters, scheme }] = error.cause;
      assert.equal(scheme, "bearer");
      assert.equal(parameters.error, "invalid_token");
      assert.equal(parameters.resource_metadata, challenge[1]);
      return error instanceof oauth.WWWAuthenticateChallengeError;
    });
    const refused = oauth.refreshTokenGrantRequest(server, client, authenticate, second.refresh_token, insecure);
    await assert.rejects(async () => oauth.processRefreshTokenResponse(server, client, await refused), {
      error: "invalid_grant",
    });
  });

  test(`openid-client lives the whole life with ${method}`, { timeout: 60_000 }, async () => {
    const options = { algorithm: "oauth2", execute: [openid.allowInsecureRequests] };
    const authentication = {
      none: () => openid.None(),
      client_secret_basic: () => openid.ClientSecretBasic(),
      client_secret_post: () => openid.ClientSecretPost(),
    }[method];
    const registered = await openid.dynamicClientRegistration(
      new URL(base),
      metadata(method),
      undefined,
      options,
    );
    const { client_id, client_secret } = registered.clientMetadata();
    assert.equal(client_secret === undefined, method === "none");
    const config = await openid.discovery(new URL(base), client_id, { client_secret }, authentication(), options);

    const verifier = openid.randomPKCECodeVerifier();
    const state = openid.randomState();
    const url = openid.buildAuthorizationUrl(config, {
      redirect_uri: redirectUri,
      scope: "math:basic",
      resource: endpoint.href,
      code_challenge: await openid.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      state,
    });
    const callback = await walkThroughForms(url, newPerson());
    const first = await openid.authorizationCodeGrant(
      config,
      callback,
      { pkceCodeVerifier: verifier, expectedState: state },
      { resource: endpoint.href },
    );
    assert.equal(first.scope, "math:basic");
    const call = (token) => openid.fetchProtectedResource(config, token, endpoint, "POST", listTools, mcpHeaders());
    await expectTools(await call(first.access_token));

    const second = await openid.refreshTokenGrant(config, first.refresh_token, { resource: endpoint.href });
    assert.notEqual(second.access_token, first.access_token);
    await expectTools(await call(second.access_token));
    await openid.tokenRevocation(config, second.access_token);
    await assert.rejects(call(second.access_token), openid.WWWAuthenticateChallengeError);
    await assert.rejects(openid.refreshTokenGrant(config, second.refresh_token), { error: "invalid_grant" });
  });
}
