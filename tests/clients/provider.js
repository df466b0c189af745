// What the tests share that start a provider and a host of their own in front of it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { generateKeyPairSync, sign } from "node:crypto";
import { existsSync, realpathSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { within } from "./support.js";

export const noHost = process.env.POSTERN_HOST ? false : "POSTERN_HOST names no host to start";
const repository = join(import.meta.dirname, "../..");
const sameFile = (one, other) => existsSync(one) && existsSync(other) && realpathSync(one) === realpathSync(other);

/** Whether the host is the bundled one, which writes a line for each request. Others need not. */
export const isBundled =
  !noHost && ["", ".exe"].some((suffix) => sameFile(process.env.POSTERN_HOST, join(repository, `target/host/postern-host${suffix}`)));

/** The time, in seconds since the Unix epoch. */
export const now = () => Math.floor(Date.now() / 1000);

/** A key pair of a provider. */
export function newKey(kid) {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const use = { kid, use: "sig", alg: "ES256" };
  return {
    kid,
    privateKey,
    publicJwk: { ...publicKey.export({ format: "jwk" }), ...use },
    privateJwk: { ...privateKey.export({ format: "jwk" }), ...use },
    publicPem: publicKey.export({ format: "pem", type: "spki" }),
  };
}

/** A part of a JWT. */
export const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A JWT with this header and these claims, signed by `signer` of what is signed. */
export function jwt(header, claims, signer) {
  const input = `${encode(header)}.${encode(claims)}`;
  return `${input}.${signer(Buffer.from(input)).toString("base64url")}`;
}

/** The signature of a key. */
export const by = (key) => (input) => sign("sha256", input, { key: key.privateKey, dsaEncoding: "ieee-p1363" });

/** Lets a server listen at a port of its own, and says where. */
export async function listen(test, server) {
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  test.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${server.address().port}`;
}

/** Starts a host of our own on a manifest, with these variables. Returns its address, and its log. */
export async function startHost(test, manifest, variables, runtimeConfig = "") {
  const state = await mkdtemp(join(tmpdir(), "postern-"));
  const environment = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith("SPIN_VARIABLE_")),
  );
  for (const [name, value] of Object.entries(variables)) environment[`SPIN_VARIABLE_${name.toUpperCase()}`] = value;
  const config = join(state, "runtime-config.toml");
  await writeFile(config, runtimeConfig);
  const host = spawn(
    process.env.POSTERN_HOST,
    [
      ...["--from", manifest, "--listen", "127.0.0.1:0", "--derive-public-url"],
      ...["--state-dir", state, "--runtime-config-file", config],
      // Compiled code is the same for all, and takes the longest.
      ...["--cache-dir", "target/tmp/host-cache"],
    ],
    { cwd: repository, env: environment, stdio: ["ignore", "pipe", "pipe"] },
  );
  const log = { text: "" };
  const stopped = new Promise((resolve) => host.once("exit", resolve));
  test.after(async () => {
    host.kill();
    await stopped;
    await rm(state, { recursive: true, force: true });
  });
  const url = new Promise((resolve, reject) => {
    const hear = (data) => {
      log.text += data;
      const serving = /Serving (http:\S+)\s/.exec(log.text);
      if (serving) resolve(serving[1]);
    };
    host.stdout.on("data", hear);
    host.stderr.on("data", hear);
    host.once("exit", () => reject(new Error(`the host ended:\n${log.text}`)));
  });
  return { url: await within(180, "starting the host", url), log };
}

/** Waits until the host has said this: its words and its answers come by different ways. */
export async function logged(log, words) {
  for (let tries = 0; !words.test(log.text); tries++) {
    assert.ok(tries < 100, `not in the log: ${words}\n${log.text}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A browser without a screen: it keeps cookies, and follows redirects up to one of `end`. */
export class Browser {
  cookies = new Map();

  async go(url, end, init = {}) {
    for (let target = new URL(url), options = init; ; ) {
      const headers = { cookie: [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ") };
      const response = await fetch(target, { redirect: "manual", ...options, headers: { ...options.headers, ...headers } });
      for (const cookie of response.headers.getSetCookie()) {
        const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie);
        if (value) this.cookies.set(name, value);
        else this.cookies.delete(name);
      }
      const location = response.headers.get("location");
      if (!location) return { url: target, html: await response.text(), status: response.status };
      target = new URL(location, target);
      options = {};
      if (target.href.startsWith(end)) return { url: target };
    }
  }

  /** Sends the form of a page with these fields. */
  submit(page, fields, end) {
    const action = /<form[^>]* action="([^"]+)"/.exec(page.html)?.[1];
    assert.ok(action, page.html);
    const headers = { origin: page.url.origin };
    return this.go(new URL(action, page.url), end, { method: "POST", headers, body: new URLSearchParams(fields) });
  }
}

/** What the provider's pages ask of a person: a name, and consent. Returns where it all ends. */
export async function signInAtProvider(browser, login, end) {
  const consent = await browser.submit(login, { prompt: "login", login: "alice", password: "any" }, end);
  return browser.submit(consent, { prompt: "consent" }, end);
}
