// A client that answers `insufficient_scope` by refreshing: SDK 1.x with a refresh token, and what is built on it. A
// refresh widens nothing, so such a client gives up, unless the operator has it ask for the scope at first.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { Provider } from "./sdk-provider.js";
import { noServer, startServer } from "./server.js";
import { newPerson, noBrowser, openBrowser, openCallback, walkThrough, within } from "./support.js";

/** Signs in at a server with these variables, and calls the tool whose scope is not an initial one. */
const callStatistics = async (t, variables) => {
  const mcpUrl = new URL("/mcp", await startServer(t, variables));
  const callback = await openCallback(t);
  const provider = new Provider(callback.url);
  const connect = () => new StreamableHTTPClientTransport(mcpUrl, { authProvider: provider });
  const transport = connect();
  await assert.rejects(new Client({ name: "postern-tests", version: "1" }).connect(transport));
  const asked = new URL(provider.authorizationUrl).searchParams.get("scope").split(" ").sort();
  await walkThrough(await (await openBrowser(t)).newPage(), provider.authorizationUrl, newPerson());
  await transport.finishAuth((await within(20, "the callback", callback.answer)).get("code"));
  assert.ok(provider.saved.refresh_token, "the client can refresh");
  provider.authorizationUrl = undefined;
  const client = new Client({ name: "postern-tests", version: "1" });
  t.after(() => client.close().catch(() => {}));
  await client.connect(connect());
  const call = client.callTool({ name: "statistics", arguments: { numbers: [1, 2, 6] } });
  return { asked, call, provider };
};

const options = { skip: noBrowser || noServer, timeout: 120_000 };

test("a client that only refreshes is out of reach of a further scope by default", options, async (t) => {
  const { asked, call, provider } = await callStatistics(t, {});
  assert.deepEqual(asked, ["math:basic"]);
  await assert.rejects(call);
  assert.equal(provider.authorizationUrl, undefined, "it does not ask the person: why initial_scopes is there");
});

for (const initialScopes of ["math:statistics", "*"]) {
  test(`a client that only refreshes calls the tool with initial_scopes=${initialScopes}`, options, async (t) => {
    const { asked, call } = await callStatistics(t, { initial_scopes: initialScopes });
    assert.deepEqual(asked, ["math:basic", "math:statistics"]);
    assert.deepEqual((await call).structuredContent.mean, 3);
  });
}
