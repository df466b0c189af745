// The official TypeScript SDK, in both of its lines: 1.x, which most clients are built on, and 2.x, which
// speaks revision 2026-07-28. The sign-in happens in a real browser.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as v2 from "@modelcontextprotocol/client";
import { UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { Provider } from "./sdk-provider.js";
import { base, decide, mcpUrl, newPerson, noBrowser, openBrowser, openCallback, walkThrough, within } from "./support.js";

const v1 = { Client, StreamableHTTPClientTransport, UnauthorizedError };
const us = { name: "postern-tests", version: "1" };

const clients = [
  { name: "SDK 1.x", sdk: v1, options: {}, finish: (answer) => [answer.get("code")] },
  { name: "SDK 2.x, handshake", sdk: v2, options: {}, finish: (answer) => [answer] },
  { name: "SDK 2.x, either", sdk: v2, options: { versionNegotiation: { mode: "auto" } }, finish: (answer) => [answer] },
  {
    name: "SDK 2.x, 2026-07-28",
    sdk: v2,
    options: { versionNegotiation: { mode: { pin: "2026-07-28" } } },
    finish: (answer) => [answer],
  },
];

for (const { name, sdk, options, finish } of clients) {
  const connect = async (t, provider) => {
    const client = new sdk.Client(us, options);
    const transport = new sdk.StreamableHTTPClientTransport(new URL(mcpUrl), { authProvider: provider });
    t.after(() => client.close().catch(() => {}));
    await client.connect(transport);
    return client;
  };

  /** Starts a sign-in and returns what has to be opened in a browser. */
  const begin = async (t) => {
    const callback = await openCallback(t);
    const provider = new Provider(callback.url);
    const client = new sdk.Client(us, options);
    const transport = new sdk.StreamableHTTPClientTransport(new URL(mcpUrl), { authProvider: provider });
    await assert.rejects(client.connect(transport), sdk.UnauthorizedError);
    assert.ok(provider.authorizationUrl, "the client was told where to sign in");
    return { callback, provider, transport };
  };

  const callAdd = async (client) => {
    const { tools } = await client.listTools();
    assert.ok(tools.some((tool) => tool.name === "add"), JSON.stringify(tools));
    const result = await client.callTool({ name: "add", arguments: { a: 23, b: 19 } });
    assert.equal(result.content[0].text, "42");
    assert.deepEqual(result.structuredContent, { result: 42 });
  };

  /** Reads, fills in and completes something. The SDK checks every answer against its schemas. */
  const readAndFillIn = async (client) => {
    const { resources } = await client.listResources();
    const { contents } = await client.readResource({ uri: resources[0].uri });
    assert.match(contents[0].text, /^# What this server is/);
    const { resourceTemplates } = await client.listResourceTemplates();
    const { completion } = await client.complete({
      ref: { type: "ref/resource", uri: resourceTemplates[0].uriTemplate },
      argument: { name: "page", value: "sign" },
    });
    assert.deepEqual(completion.values, ["sign-in"]);
    const { prompts } = await client.listPrompts();
    assert.ok(prompts.some((prompt) => prompt.name === "explain_calculation"), JSON.stringify(prompts));
    const { messages } = await client.getPrompt({
      name: "explain_calculation",
      arguments: { calculation: "6 * 7" },
    });
    assert.match(messages[0].content.text, /6 \* 7/);
  };

  test(`${name} signs in, lists tools, calls one, and refreshes`, { skip: noBrowser, timeout: 120_000 }, async (t) => {
    const { callback, provider, transport } = await begin(t);
    const page = await (await openBrowser(t)).newPage();
    await walkThrough(page, provider.authorizationUrl, newPerson());
    const answer = await within(20, "the callback", callback.answer);
    assert.equal(answer.get("error"), null);
    assert.equal(answer.get("state"), provider.states.at(-1));
    await transport.finishAuth(...finish(answer));
    assert.ok(provider.saved.refresh_token);
    const client = await connect(t, provider);
    await callAdd(client);
    await readAndFillIn(client);

    // An access token that has run out is replaced without anybody noticing.
    const before = provider.saved;
    provider.saved = { ...before, access_token: "expired" };
    provider.authorizationUrl = undefined;
    await callAdd(await connect(t, provider));
    assert.equal(provider.authorizationUrl, undefined, "no second sign-in");
    assert.notEqual(provider.saved.access_token, before.access_token);
  });

  test(`${name} asks for more when a tool takes more, and calls it then`, { skip: noBrowser, timeout: 120_000 }, async (t) => {
    const { callback, provider, transport } = await begin(t);
    const scopes = () => new URL(provider.authorizationUrl).searchParams.get("scope").split(" ").sort();
    assert.deepEqual(scopes(), ["math:basic"], "no more than any call needs");
    const page = await (await openBrowser(t)).newPage();
    await walkThrough(page, provider.authorizationUrl, newPerson());
    await transport.finishAuth(...finish(await within(20, "the callback", callback.answer)));
    // SDK 1.x refreshes where it has a refresh token, which widens nothing, and then gives up.
    if (sdk === v1) provider.saved = { ...provider.saved, refresh_token: undefined };

    const again = await openCallback(t);
    provider.redirectUrl = again.url;
    const client = await connect(t, provider);
    const { tools } = await client.listTools();
    assert.ok(tools.some((tool) => tool.name === "statistics"), "what is not listed, nobody asks for");
    const call = () => client.callTool({ name: "statistics", arguments: { numbers: [1, 2, 6] } });
    await assert.rejects(call(), sdk.UnauthorizedError);
    assert.deepEqual(scopes(), ["math:basic", "math:statistics"], "what the tool takes, and what was granted");

    // The person is still signed in. The page says what is new, and which tool it is for.
    await page.goto(provider.authorizationUrl.toString());
    const asked = await page.locator(".choice", { hasText: "math:statistics" }).innerText();
    assert.match(asked, /Summarise lists of numbers/);
    assert.match(asked, /Statistics/);
    await decide(page, "approve");
    await client.transport.finishAuth(...finish(await within(20, "the callback", again.answer)));
    assert.deepEqual((await call()).structuredContent.mean, 3);
    await callAdd(client);
  });

  test(`${name} is told of a refusal`, { skip: noBrowser, timeout: 120_000 }, async (t) => {
    const { callback, provider } = await begin(t);
    const page = await (await openBrowser(t)).newPage();
    await walkThrough(page, provider.authorizationUrl, newPerson(), "deny");
    const answer = await within(20, "the callback", callback.answer);
    assert.equal(answer.get("error"), "access_denied");
    assert.equal(answer.get("code"), null);
    assert.equal(answer.get("state"), provider.states.at(-1));
    assert.ok([base, new URL(mcpUrl).origin].includes(answer.get("iss")), answer.get("iss"));
  });
}
