// HTTP+SSE with the official TypeScript SDK, in both of its lines, with tokens from a sign-in. What the Python SDK,
// openai-agents and MCP Inspector do over it is in their own files.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as v2 from "@modelcontextprotocol/client";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { base } from "./support.js";
import { newPerson, register, signIn } from "./token.js";

const v1 = { Client, SSEClientTransport };
const us = { name: "postern-tests", version: "1" };

/** Connects, with the token that `token()` gives for each request. */
async function connect(t, sdk, options, token) {
  const transport = new sdk.SSEClientTransport(new URL(`${base}/sse`), {
    fetch: (url, init) => {
      const headers = new Headers(init?.headers);
      headers.set("authorization", `Bearer ${token()}`);
      return fetch(url, { ...init, headers });
    },
  });
  const client = new sdk.Client(us, options);
  t.after(() => client.close().catch(() => {}));
  await client.connect(transport);
  return client;
}

for (const [name, sdk, options] of [
  ["SDK 1.x", v1, {}],
  ["SDK 2.x, handshake", v2, {}],
  // It asks for the newer era first, which this transport does not have.
  ["SDK 2.x, either", v2, { versionNegotiation: { mode: "auto" } }],
]) {
  test(`${name} lists and calls over HTTP+SSE`, { timeout: 60_000 }, async (t) => {
    const { access_token } = await signIn(base);
    const client = await connect(t, sdk, options, () => access_token);
    const { tools } = await client.listTools();
    assert.ok(tools.some((tool) => tool.name === "add"), JSON.stringify(tools));
    const sum = await client.callTool({ name: "add", arguments: { a: 23, b: 19 } });
    assert.equal(sum.content[0].text, "42");
    const { resources } = await client.listResources();
    const { contents } = await client.readResource({ uri: resources[0].uri });
    assert.ok(contents[0].text.length > 0);
  });

  test(`${name} goes on over HTTP+SSE once its user has allowed more`, { timeout: 60_000 }, async (t) => {
    const [person, id] = [newPerson(), await register(base)];
    let token = (await signIn(base, { person, client: id })).access_token;
    const client = await connect(t, sdk, options, () => token);
    const call = () => client.callTool({ name: "statistics", arguments: { numbers: [1, 2, 6] } });
    await assert.rejects(call(), /403.*insufficient_scope/s);
    token = (await signIn(base, { person, client: id, scope: "math:basic math:statistics" })).access_token;
    assert.equal((await call()).structuredContent?.mean ?? JSON.parse((await call()).content[0].text).mean, 3);
  });
}
