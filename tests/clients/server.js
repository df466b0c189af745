// A server of a test's own, for what the server under test is not set up for.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { within } from "./support.js";

const host = process.env.POSTERN_HOST ?? "";

/** Why there can be none, for a test to be skipped with; false when there can. */
export const noServer = existsSync(host) ? false : "no server of its own (set POSTERN_HOST)";

/** Starts a server with these variables, and says where it is. It is stopped when the test is over. */
export async function startServer(test, variables) {
  const state = await mkdtemp(join(tmpdir(), "postern-"));
  // What this user configures for a server of their own is not meant for this one.
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("SPIN_VARIABLE_"));
  const own = Object.entries(variables).map(([name, value]) => [`SPIN_VARIABLE_${name.toUpperCase()}`, value]);
  const options = ["--listen", "127.0.0.1:0", "--derive-public-url", "--state-dir", state];
  // Compiled code is the same for all, and takes the longest.
  const server = spawn(host, [...options, "--cache-dir", "target/tmp/host-cache"], {
    cwd: fileURLToPath(new URL("../../", import.meta.url)),
    env: Object.fromEntries([...inherited, ...own]),
    stdio: ["ignore", "pipe", "ignore"],
  });
  const ended = new Promise((resolve) => server.once("exit", resolve));
  test.after(async () => {
    server.kill();
    await ended;
    await rm(state, { recursive: true, force: true });
  });
  let said = "";
  const address = new Promise((resolve, reject) => {
    server.stdout.on("data", (data) => {
      said += data;
      const serving = said.match(/Serving (http:\S+)\s/);
      if (serving) resolve(serving[1]);
    });
    server.once("exit", () => reject(new Error(`the server ended: ${said}`)));
  });
  return within(180, "the server", address);
}
