// MCP Inspector from the command line, in both eras, with a token from a sign-in. It needs a newer Node than the
// other clients, which is installed with it.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { base, mcpUrl } from "./support.js";
import { signIn } from "./token.js";

const packages = (path) => fileURLToPath(new URL(`../conformance/node_modules/${path}`, import.meta.url));
const program = packages("@modelcontextprotocol/inspector/clients/launcher/build/index.js");

const sseUrl = mcpUrl.replace(/\/mcp$/, "/sse");

let token;
before(async () => {
  token = (await signIn(base)).access_token;
});

/** Asks for one thing, and returns the result that Inspector prints. */
async function inspect(t, [transport, era], method, ...options) {
  // Nothing of this user's, and nothing for them.
  const home = await mkdtemp(join(tmpdir(), "inspector-"));
  t.after(() => rm(home, { recursive: true, force: true }));
  const { stdout } = await promisify(execFile)(
    packages(".bin/node"),
    [
      ...[program, "--cli", transport === "sse" ? sseUrl : mcpUrl, "--transport", transport],
      ...["--protocol-era", era, "--format", "json", "--quiet"],
      ...["--header", `Authorization: Bearer ${token}`, "--stored-auth-only", "--method", method, ...options],
    ],
    { env: { ...process.env, HOME: home }, timeout: 60_000 },
  );
  const printed = JSON.parse(stdout);
  return printed.result ?? printed;
}

for (const way of [
  ["http", "legacy"],
  ["http", "modern"],
  ["sse", "legacy"],
  ["sse", "auto"],
]) {
  test(`MCP Inspector lists and calls over ${way[0]} in the ${way[1]} era`, { timeout: 120_000 }, async (t) => {
    const { tools } = await inspect(t, way, "tools/list");
    assert.ok(tools.some((tool) => tool.name === "add"), JSON.stringify(tools));
    const sum = await inspect(t, way, "tools/call", "--tool-name", "add", "--tool-args-json", '{"a":23,"b":19}');
    assert.equal(sum.content[0].text, "42");
    const { resources } = await inspect(t, way, "resources/list");
    const { contents } = await inspect(t, way, "resources/read", "--uri", resources[0].uri);
    assert.equal(contents[0].uri, resources[0].uri);
    const { prompts } = await inspect(t, way, "prompts/list");
    assert.ok(prompts.some((prompt) => prompt.name === "explain_calculation"), JSON.stringify(prompts));
    const name = ["--prompt-name", "explain_calculation", "--prompt-args", "calculation=23 + 19"];
    const { messages } = await inspect(t, way, "prompts/get", ...name);
    assert.match(JSON.stringify(messages), /23 \+ 19/);
  });
}
