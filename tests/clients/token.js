// A token from a real sign-in, for clients that take one and do not ask for it: registration, the pages' forms,
// the code, and the code for a token. No browser is needed, and no package.

import { createHash, randomBytes } from "node:crypto";
import { walkThroughForms } from "./forms.js";

const redirectUri = "http://127.0.0.1:9/callback";

async function json(status, response) {
  const body = await response.text();
  if (response.status !== status) throw new Error(`${response.url}: status ${response.status}: ${body}`);
  return JSON.parse(body);
}

/** Registers a client, and returns its id. */
export async function register(base) {
  const server = await json(200, await fetch(`${base}/.well-known/oauth-authorization-server`));
  const { client_id } = await json(
    201,
    await fetch(server.registration_endpoint, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        client_name: "A client that is given a token",
        redirect_uris: [redirectUri],
        token_endpoint_auth_method: "none",
      }),
    }),
  );
  return client_id;
}

/** A person who was never here. */
export function newPerson() {
  return { email: `${randomBytes(8).toString("hex")}@example.com`, password: randomBytes(12).toString("base64url") };
}

/**
 * Signs a person in, and returns what the token endpoint gave. `base` is the server as it calls itself; the token is
 * for its `/mcp`. Without more said, it is a new person with a new client, and the scopes are those that a client asks
 * for at first.
 */
export async function signIn(base, { person = newPerson(), client, scope } = {}) {
  const server = await json(200, await fetch(`${base}/.well-known/oauth-authorization-server`));
  const { resource, scopes_supported } = await json(
    200,
    await fetch(`${base}/.well-known/oauth-protected-resource/mcp`),
  );
  const client_id = client ?? (await register(base));
  const verifier = randomBytes(32).toString("base64url");
  const url = new URL(server.authorization_endpoint);
  url.search = new URLSearchParams({
    response_type: "code",
    client_id,
    redirect_uri: redirectUri,
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
    scope: scope ?? scopes_supported.join(" "),
    resource,
  });
  const answer = await walkThroughForms(url, person);
  const code = answer.searchParams.get("code");
  if (!code) throw new Error(`no code in ${answer}`);
  return json(
    200,
    await fetch(server.token_endpoint, {
      method: "POST",
      body: new URLSearchParams({
        grant_type: "authorization_code",
        client_id,
        redirect_uri: redirectUri,
        code,
        code_verifier: verifier,
      }),
    }),
  );
}
