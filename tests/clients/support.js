// What the clients' tests share: the server they talk to, a browser, somebody to sign in, and an
// address for codes to be sent to.

import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { chromium } from "playwright-core";

/** The server under test, as it calls itself. */
export const base = (process.env.BASE_URL ?? "").replace(/\/$/, "");

if (!base) throw new Error("BASE_URL says which server to test; `cargo xtask test` starts one and sets it");

/**
 * What a client is told to connect to. A person on a developer's machine writes `localhost`, whatever
 * the server calls itself.
 */
export const mcpUrl = `${base.replace("//127.0.0.1:", "//localhost:")}/mcp`;

/** Why there is no browser, for a test to be skipped with; false when there is one. */
export const noBrowser = process.env.CHROMIUM ? false : "no Chromium on this machine (set CHROMIUM)";

/** Starts a browser with nothing in it, and these arguments, and stops it when the test is over. */
export async function openBrowser(test, args = []) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      ...args,
    ],
  });
  test.after(() => browser.close());
  return browser;
}

/** Somebody who was never here. */
export function newPerson() {
  return { email: `${randomBytes(8).toString("hex")}@example.com`, password: randomBytes(12).toString("base64url") };
}

/** Fills in the sign-in page and sends it. Where the server asks whether a new account is meant, it is. */
export async function signIn(page, person) {
  await page.locator("input[name=email]").fill(person.email);
  await page.locator("input[name=password]").fill(person.password);
  const answered = page.waitForResponse((response) => response.request().method() === "POST");
  const shown = page.waitForEvent("domcontentloaded");
  await page.locator("form:has(input[type=password]) [type=submit], form:has(input[type=password]) button").first().click();
  const isPage = (await answered).status() === 200;
  await shown;
  if (isPage) await createAccount(page);
}

/** Confirms a new account, if that is what a page asks. */
export async function createAccount(page) {
  if (await page.locator("input[type=password]").count()) return;
  const create = page.getByRole("button", { name: "Create account" });
  if (await create.count()) await create.click();
}

/** Presses a button of the consent page. */
export async function decide(page, decision) {
  await page.locator(`button[name=decision][value=${decision}]`).click();
}

/** What a person does with the address that a client opens, up to the client's own page. */
export async function walkThrough(page, url, person, decision = "approve") {
  await page.goto(url.toString());
  await signIn(page, person);
  await page.locator("button[name=decision]").first().waitFor();
  await decide(page, decision);
}

/** A listener for codes on this machine. `answer` is what the first call brought. */
export async function openCallback(test) {
  let bring;
  const answer = new Promise((resolve) => (bring = resolve));
  const server = createServer((request, response) => {
    const url = new URL(request.url, "http://localhost");
    if (url.pathname === "/callback") bring(url.searchParams);
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end("<!doctype html><title>Back at the client</title>");
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  test.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${server.address().port}/callback`, answer };
}

/** Fails with `what` when a promise takes too long: a test that hangs says nothing. */
export function within(seconds, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took more than ${seconds} s`)), seconds * 1000);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Collects what a page complains about: script errors, refused loads, violated policies. */
export function listenForComplaints(page) {
  const complaints = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("requestfailed", (request) => complaints.push(`${request.url()}: ${request.failure()?.errorText}`));
  return complaints;
}
