// The official conformance suite's scenarios for authorization servers, for every revision that it knows.
// Everything has to be a success: a warning is a failure here.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { walkThroughForms } from "./forms.js";
import { base, newPerson } from "./support.js";

const revisions = ["2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"];
const scenarios = ["authorization-code-grant", "authorization-server-metadata-endpoint"];

/** The suite needs a newer Node than we do, which is installed with it. */
const suite = (...path) => fileURLToPath(new URL(join("../conformance/node_modules", ...path), import.meta.url));

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function register(port) {
  const response = await fetch(`${base}/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ client_name: "Conformance", redirect_uris: [`http://127.0.0.1:${port}/callback`] }),
  });
  assert.equal(response.status, 201);
  return (await response.json()).client_id;
}

/** Runs the suite, and signs in where it asks a person to. Returns what it said. */
async function run(...options) {
  const child = spawn(
    suite(".bin/node"),
    [suite("@modelcontextprotocol/conformance/dist/index.js"), "authorization", ...options],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  const said = [];
  const exit = new Promise((resolve) => child.on("close", resolve));
  createInterface({ input: child.stderr }).on("line", (line) => said.push(line));
  for await (const line of createInterface({ input: child.stdout })) {
    said.push(line);
    if (line.startsWith(`${base}/authorize?`)) await fetch(await walkThroughForms(line, newPerson()));
  }
  return { code: await exit, said: said.join("\n") };
}

for (const revision of revisions) {
  test(`the authorization scenarios of ${revision} succeed`, { timeout: 60_000 }, async (t) => {
    const port = await freePort();
    const output = await mkdtemp(join(tmpdir(), "postern-conformance-"));
    t.after(() => rm(output, { recursive: true }));
    const { code, said } = await run(
      ...["--url", base, "--client-id", await register(port), "--resource", `${base}/mcp`],
      ...["--port", String(port), "--spec-version", revision, "--output-dir", output],
    );
    const files = (await readdir(output, { recursive: true })).filter((file) => file.endsWith("checks.json")).sort();
    assert.equal(files.length, scenarios.length, said);
    for (const [index, scenario] of scenarios.entries()) {
      assert.ok(files[index].includes(scenario), files[index]);
      const checks = JSON.parse(await readFile(join(output, files[index]), "utf8"));
      assert.ok(checks.length > 0);
      for (const check of checks) assert.equal(check.status, "SUCCESS", `${check.id}: ${check.errorMessage}`);
    }
    assert.equal(code, 0, said);
  });
}
