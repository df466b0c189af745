// The official Python SDK, in its modes and over both transports, and openai-agents, with a token from a sign-in.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { base } from "./support.js";
import { signIn } from "./token.js";

const script = fileURLToPath(new URL("python_client.py", import.meta.url));
const agentsScript = fileURLToPath(new URL("agents_client.py", import.meta.url));
const skip = process.env.PYTHON ? false : "no Python with the SDK on this machine (set PYTHON)";

let token;
before(async () => {
  token = (await signIn(base)).access_token;
});

for (const [transport, mode, revision] of [
  ["http", "legacy", "2025-11-25"],
  ["http", "2026-07-28", "2026-07-28"],
  ["http", "auto", "2026-07-28"],
  ["sse", "legacy", "2025-11-25"],
  // The default. It asks for the newer era first, which this transport does not have.
  ["sse", "auto", "2025-11-25"],
]) {
  test(`the Python SDK lists and calls over ${transport} in mode ${mode}`, { skip, timeout: 60_000 }, async () => {
    const url = `${base}/${transport === "sse" ? "sse" : "mcp"}`;
    const env = { ...process.env, TOKEN: token };
    const { stdout } = await promisify(execFile)(process.env.PYTHON, [script, url, transport, mode], { env });
    const seen = JSON.parse(stdout);
    assert.equal(seen.revision, revision);
    assert.ok(seen.tools.includes("add"), stdout);
    assert.equal(seen.sum, "42");
    assert.deepEqual(seen.structured, { result: 42 });
    assert.ok(seen.resources > 0 && seen.text > 0, stdout);
    assert.ok(seen.prompts.includes("explain_calculation"), stdout);
    assert.match(seen.prompt, /23 \+ 19/);
  });
}

for (const transport of ["http", "sse"]) {
  test(`openai-agents lists and calls over ${transport}`, { skip, timeout: 60_000 }, async () => {
    const url = `${base}/${transport === "sse" ? "sse" : "mcp"}`;
    const env = { ...process.env, TOKEN: token, OPENAI_AGENTS_DISABLE_TRACING: "1" };
    const { stdout } = await promisify(execFile)(process.env.PYTHON, [agentsScript, url, transport], { env });
    const seen = JSON.parse(stdout);
    assert.ok(seen.tools.includes("add"), stdout);
    assert.equal(seen.sum, "42");
  });
}
