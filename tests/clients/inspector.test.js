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

let token;
before(async () => {
  token = (await signIn(base)).access_token;
});

/** Asks for one thing, and returns the result that Inspector prints. */
async function inspect(t, era, method, ...options) {
  // Nothing of this user's, and nothing for them.
  const home = await mkdtemp(join(tmpdir(), "inspector-"));
  t.after(() => rm(home, { recursive: true, force: true }));
  const { stdout } = await promisify(execFile)(
    packages(".bin/node"),
    [
      ...[program, "--cli", mcpUrl, "--transport", "http", "--protocol-era", era, "--format", "json", "--quiet"],
      ...["--header", `Authorization: Bearer ${token}`, "--stored-auth-only", "--method", method, ...options],
    ],
    { env: { ...process.env, HOME: home }, timeout: 60_000 },
  );
  const printed = JSON.parse(stdout);
  return printed.result ?? printed;
}

for (const era of ["legacy", "modern"]) {
  test(`MCP Inspector lists and calls in the ${era} era`, { timeout: 120_000 }, async (t) => {
    const { tools } = await inspect(t, era, "tools/list");
    assert.ok(tools.some((tool) => tool.name === "add"), JSON.stringify(tools));
    const sum = await inspect(t, era, "tools/call", "--tool-name", "add", "--tool-args-json", '{"a":23,"b":19}');
    assert.equal(sum.content[0].text, "42");
    const { resources } = await inspect(t, era, "resources/list");
    const { contents } = await inspect(t, era, "resources/read", "--uri", resources[0].uri);
    assert.equal(contents[0].uri, resources[0].uri);
    const { prompts } = await inspect(t, era, "prompts/list");
    assert.ok(prompts.some((prompt) => prompt.name === "explain_calculation"), JSON.stringify(prompts));
    const name = ["--prompt-name", "explain_calculation", "--prompt-args", "calculation=23 + 19"];
    const { messages } = await inspect(t, era, "prompts/get", ...name);
    assert.match(JSON.stringify(messages), /23 \+ 19/);
  });
}
