// The README's first five minutes, followed to the letter: its commands are run, and its steps are done in the real
// MCP Inspector, by what the sentences say. A step that this file does not understand fails, so that the text and the
// test cannot drift apart. Only addresses and ports are others, because tests run beside each other.
//
// U6, C22.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { mcpUrl, newPerson, noBrowser, openBrowser, signIn, within } from "./support.js";

const file = (path) => fileURLToPath(new URL(path, import.meta.url));

/** What `npx @modelcontextprotocol/inspector` starts, by the Node that a newcomer has. */
const INSPECTORS = {
  "With Node 22.19 or newer": {
    node: file("../conformance/node_modules/.bin/node"),
    program: file("../conformance/node_modules/@modelcontextprotocol/inspector"),
    bin: "clients/launcher/build/index.js",
    nodeVersion: "22.19.0",
  },
  "With older Node, from version 20": {
    node: process.execPath,
    program: file("inspector-0.15/node_modules/@modelcontextprotocol/inspector"),
    bin: "cli/build/cli.js",
  },
};

/** The address that the README has, which stands for that of the server under test. */
const README_ADDRESS = "http://localhost:3000";

const here = (text) => text.replaceAll(README_ADDRESS, new URL(mcpUrl).origin).replaceAll("localhost:3000", new URL(mcpUrl).host);

/** The commands and the numbered steps of a part of the README. */
async function part(heading) {
  const readme = await readFile(file("../../README.md"), "utf8");
  const text = readme.split(`\n### ${heading}\n`)[1]?.split(/\n##+ /)[0];
  assert.ok(text, `README.md has the heading ${heading}`);
  const commands = [...text.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, command]) => command.trim());
  const steps = text.split(/\n(?=\d\. )/).filter((step) => /^\d\. /.test(step));
  return { commands, steps: steps.map((step) => step.replace(/```[\s\S]*?```/g, "").replace(/\s+/g, " ").trim()) };
}

/** Sentences of the README, and what a person does on reading them. */
const SENTENCES = [
  [/In another terminal, start Inspector/, async () => {}],
  [/Open the address that it prints, if no browser opens/, async ({ page, address }) => page.goto(address)],
  [/Turn on the switch of `(.+?)`/, async ({ page }, name) => {
    // The switch lies under the picture of one.
    await page.getByRole("switch", { name: here(name) }).click({ force: true });
  }],
  [/Set \*\*(.+?)\*\* to \*\*(.+?)\*\*/, async ({ page }, field, choice) => {
    await page.getByText(field, { exact: true }).locator("xpath=following::*[@role='combobox'][1]").click();
    await page.getByRole("option", { name: choice }).click();
  }],
  [/`([^`]+)` for \*\*(.+?)\*\*/, async ({ page }, value, field) => {
    const label = page.getByLabel(new RegExp(`^${field}\\b`));
    await label.or(page.getByPlaceholder(field, { exact: true })).first().fill(here(value));
  }],
  [/Sign in with any e-mail and password/, async ({ page }) => {
    await page.locator("input[type=password]").waitFor();
    await signIn(page, newPerson());
  }],
  [/Read what Inspector asks for/, async ({ page }) => {
    await page.getByText("MCP Inspector").first().waitFor();
    // The page approves nothing in its first moment.
    await page.waitForTimeout(1000);
  }],
  [/Open \*\*(.+?)\*\*/, async ({ page }, place) => {
    await page.getByRole("tab", { name: place }).or(page.getByText(place, { exact: true })).first().click();
  }],
  [/choose \*\*(.+?)\*\*/, async ({ page }, tool) => page.getByText(tool, { exact: true }).first().click()],
  [/press \*\*(.+?)\*\*/, async ({ page }, name) => page.getByRole("button", { name }).first().click()],
  [/The answer is `(.+?)`/, async ({ page }, answer) => {
    await page.getByText(new RegExp(`^"?${answer}"?$`)).first().waitFor();
  }],
];

/** The sentences of a step in their order. Nothing that names a control or a value may be left over. */
function read(step) {
  const found = SENTENCES.flatMap(([sentence, act]) =>
    [...step.matchAll(new RegExp(sentence, "g"))].map((match) => ({ match, act })),
  );
  found.sort((one, other) => one.match.index - other.match.index);
  const rest = found.reduce((text, { match }) => text.replace(match[0], ""), step);
  assert.ok(found.length > 0, `no sentence of this step is understood: ${step}`);
  assert.doesNotMatch(rest, /\*\*|`\d|`http/, `this step is not understood as a whole: ${step}`);
  return found;
}

/** A port that is free now. */
async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return String(port);
}

/** Starts what the command starts, and returns the address that it prints. */
async function start(test, { node, program, bin }, command) {
  const words = here(command).split(/\s+/);
  assert.deepEqual(words.splice(0, 2), ["npx", "@modelcontextprotocol/inspector"]);
  const [client, server, sandbox] = [await freePort(), await freePort(), await freePort()];
  // Nothing of this user's, and nothing for them.
  const home = await mkdtemp(join(tmpdir(), "inspector-"));
  const child = spawn(node, [join(program, bin), ...words], {
    env: {
      ...process.env,
      HOME: home,
      PATH: `${dirname(node)}${delimiter}${process.env.PATH}`,
      CLIENT_PORT: client,
      SERVER_PORT: server,
      MCP_SANDBOX_PORT: sandbox,
      // The browser is the test's.
      MCP_AUTO_OPEN_ENABLED: "false",
      MCP_INSPECTOR_SECRET_STORE: "memory",
    },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(child, "exit");
  test.after(async () => {
    // It starts programs of its own.
    try {
      process.kill(-child.pid);
    } catch {}
    await ended;
    await rm(home, { recursive: true, force: true, maxRetries: 5 });
  });
  let printed = "";
  const address = new Promise((resolve, reject) => {
    const hear = (data) => {
      printed += data;
      const found = new RegExp(`http://\\S+:${client}\\S*TOKEN=\\w+`).exec(printed);
      if (found && /up and running/.test(printed)) resolve(new URL(found[0]));
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.once("exit", () => reject(new Error(`Inspector ended:\n${printed}`)));
  });
  const url = await within(60, "starting Inspector", address).catch((error) => {
    throw new Error(`${error.message}\n${printed}`);
  });
  // Version 0.15 does not tell its page that its other half is on another port than usual.
  if (!/--server-url/.test(command)) url.searchParams.set("MCP_PROXY_FULL_ADDRESS", `http://localhost:${server}`);
  return url.href;
}

for (const [heading, inspector] of Object.entries(INSPECTORS)) {
  test(`the first five minutes: ${heading.toLowerCase()}`, { skip: noBrowser, timeout: 180_000 }, async (t) => {
    const { commands, steps } = await part(heading);
    assert.equal(commands.length, 1);
    assert.equal(steps.length, 5);
    const address = await start(t, inspector, commands[0]);
    const page = await (await openBrowser(t)).newPage();
    for (const step of steps) {
      for (const { match, act } of read(step)) {
        await act({ page, address }, ...match.slice(1)).catch(async (error) => {
          const text = await page.locator("body").innerText().catch(() => "");
          throw new Error(`"${match[0]}" cannot be done at ${page.url()}: ${error.message}\n\n${text}`);
        });
      }
    }
  });
}

test("the README names the Node that Inspector 2 needs", async () => {
  const { program, nodeVersion } = INSPECTORS["With Node 22.19 or newer"];
  const { engines } = JSON.parse(await readFile(join(program, "package.json"), "utf8"));
  assert.equal(engines.node, `>=${nodeVersion}`);
});
