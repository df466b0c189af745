// mcp-remote, as a desktop application runs it: a program on stdio that opens the system's browser.

import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { mcpUrl, newPerson, noBrowser, openBrowser, walkThrough, within } from "./support.js";

const program = fileURLToPath(new URL("node_modules/mcp-remote/dist/proxy.js", import.meta.url));
const skip = noBrowser || (process.platform === "win32" && "the browser of this system cannot be stood in for");

/** A desktop: where mcp-remote keeps what it knows, and a browser that only writes down what it is given. */
async function openDesktop(t) {
  const dir = await mkdtemp(join(tmpdir(), "mcp-remote-"));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const [bin, config, opened] = ["bin", "config", "opened"].map((name) => join(dir, name));
  await mkdir(bin);
  // Written elsewhere and then renamed, so that it is never read in part.
  const script = `#!/bin/sh\nprintf '%s' "$1" > "${opened}.part" && mv "${opened}.part" "${opened}"\n`;
  // The names that the various systems have for it; and BROWSER, which the copy of xdg-open that
  // mcp-remote's dependency carries asks first.
  for (const name of ["xdg-open", "open"]) {
    await writeFile(join(bin, name), script);
    await chmod(join(bin, name), 0o755);
  }
  const env = {
    HOME: dir,
    PATH: `${bin}${delimiter}${process.env.PATH}`,
    BROWSER: join(bin, "xdg-open"),
    XDG_CURRENT_DESKTOP: "X-Generic",
    MCP_REMOTE_CONFIG_DIR: config,
  };
  const openedUrl = () => readFile(opened, "utf8").catch(() => undefined);
  return {
    config,
    openedUrl,
    /** Starts mcp-remote and returns a client that is on its way to be connected. */
    start(url = mcpUrl, options = []) {
      const said = [];
      const transport = new StdioClientTransport({
        command: process.execPath,
        args: [program, url, ...options],
        env,
        stderr: "pipe",
      });
      transport.stderr.on("data", (chunk) => said.push(chunk));
      const client = new Client({ name: "postern-tests", version: "1" });
      t.after(() => client.close().catch(() => {}));
      const connected = client.connect(transport, { timeout: 60_000 }).catch((error) => {
        throw new Error(`${error}\n${Buffer.concat(said)}`);
      });
      // Whoever waits for it will see; until then it is not unhandled.
      connected.catch(() => {});
      return { client, connected, said: () => Buffer.concat(said).toString() };
    },
    /** Waits for the browser to be opened and returns the address. */
    async waitForBrowser(started) {
      for (let waited = 0; waited < 30_000; waited += 50) {
        const url = await openedUrl();
        if (url) {
          await rm(opened);
          return url;
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      throw new Error(`no browser was opened\n${started.said()}`);
    },
    /** One of the files that mcp-remote keeps. */
    async file(ending) {
      const names = await readdir(config, { recursive: true });
      return join(config, names.find((name) => name.endsWith(ending)));
    },
  };
}

async function callAdd(client) {
  const { tools } = await client.listTools();
  assert.ok(tools.some((tool) => tool.name === "add"), JSON.stringify(tools));
  const result = await client.callTool({ name: "add", arguments: { a: 23, b: 19 } });
  assert.equal(result.content[0].text, "42");
}

/** Signs in in a browser, up to the page that mcp-remote itself shows. */
async function signInInBrowser(desktop, started, browser) {
  const url = await desktop.waitForBrowser(started);
  const page = await browser.newPage();
  await walkThrough(page, url, newPerson());
  await page.waitForURL((url) => url.pathname === "/oauth/callback", { timeout: 20_000 });
}

test("mcp-remote signs in once, and needs no browser the next time", { skip, timeout: 180_000 }, async (t) => {
  const desktop = await openDesktop(t);
  const browser = await openBrowser(t);
  const first = desktop.start();
  await signInInBrowser(desktop, first, browser);
  await within(30, "connecting", first.connected);
  await callAdd(first.client);
  await first.client.close();

  const second = desktop.start();
  await within(30, "connecting", second.connected);
  await callAdd(second.client);
  await second.client.close();
  assert.equal(await desktop.openedUrl(), undefined, "the browser stayed closed");

  await t.test("and refreshes an access token that is no longer good", async () => {
    const file = await desktop.file("_tokens.json");
    const tokens = JSON.parse(await readFile(file, "utf8"));
    await writeFile(file, JSON.stringify({ ...tokens, access_token: "expired" }));
    const third = desktop.start();
    await within(30, "connecting", third.connected);
    await callAdd(third.client);
    await third.client.close();
    assert.equal(await desktop.openedUrl(), undefined, "the browser stayed closed");
    assert.notEqual(JSON.parse(await readFile(file, "utf8")).access_token, "expired");
  });
});

// What is remembered was another server's, which answered on this port before. Told that the client is
// unknown, mcp-remote registers anew and opens the browser.
test("mcp-remote starts over when all it remembers is stale", { skip, timeout: 180_000 }, async (t) => {
  const desktop = await openDesktop(t);
  const browser = await openBrowser(t);
  const first = desktop.start();
  await signInInBrowser(desktop, first, browser);
  await within(30, "connecting", first.connected);
  await first.client.close();

  const registration = await desktop.file("_client_info.json");
  const tokens = await desktop.file("_tokens.json");
  const change = async (file, changes) =>
    writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, "utf8")), ...changes }));
  await change(registration, { client_id: "stale" });
  await change(tokens, { access_token: "stale", refresh_token: "stale" });

  const second = desktop.start();
  await signInInBrowser(desktop, second, browser);
  await within(30, "connecting", second.connected);
  await callAdd(second.client);
  await second.client.close();
  assert.notEqual(JSON.parse(await readFile(registration, "utf8")).client_id, "stale");
});

const sseUrl = mcpUrl.replace(/\/mcp$/, "/sse");

// MCP-L-32, MCP-L-33, MCP-L-34: `sse-only` is HTTP+SSE; whoever POSTs to its address is served all the same.
for (const [url, ways] of [
  [mcpUrl, [["--transport", "http-only"], ["--transport", "http-first"], ["--protocol", "auto"]]],
  [sseUrl, [["--transport", "sse-only"], ["--transport", "sse-first"], ["--transport", "http-first"]]],
]) {
  const path = new URL(url).pathname;
  test(`mcp-remote connects to ${path} in every way`, { skip, timeout: 180_000 }, async (t) => {
    const desktop = await openDesktop(t);
    const browser = await openBrowser(t);
    for (const [index, options] of ways.entries()) {
      await t.test(options.join(" "), async () => {
        const started = desktop.start(url, options);
        // Who has signed in once is known the next time, whichever way it goes.
        if (index === 0) await signInInBrowser(desktop, started, browser);
        await within(30, "connecting", started.connected);
        await callAdd(started.client);
        const { resources } = await started.client.listResources();
        const { contents } = await started.client.readResource({ uri: resources[0].uri });
        assert.ok(contents[0].text.length > 0);
        const { prompts } = await started.client.listPrompts();
        assert.ok(prompts.some((prompt) => prompt.name === "explain_calculation"), JSON.stringify(prompts));
        await started.client.close();
        assert.equal(await desktop.openedUrl(), undefined, "the browser stayed closed");
        if (options[0] === "--protocol") assert.match(started.said(), /speaks MCP 2026-07-28/);
      });
    }
  });
}
