// Remembered consent (AZ-24) depends on what a browser says of who opened an address, and only a browser
// says that. The server is the test's own, because the operator has to switch it on.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { test } from "node:test";
import { noServer, startServer } from "./server.js";
import { decide, newPerson, noBrowser, openBrowser, openCallback, signIn } from "./support.js";

const skip = noBrowser || noServer;

/** Another site, which leads the browser to the address in its own query. */
async function openWebsite(test) {
  const server = createServer((request, response) => {
    const target = new URL(request.url, "http://localhost").searchParams.get("to");
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end(target ? `<!doctype html><a href="${target.replaceAll("&", "&amp;")}">Go</a>` : "");
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  test.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (target) => `http://localhost:${server.address().port}/?${new URLSearchParams({ to: target })}`;
}

test("a remembered decision stands for what the person opened", { skip, timeout: 240_000 }, async (t) => {
  const base = await startServer(t, { remember_consent: "on" });
  const website = await openWebsite(t);
  const callback = await openCallback(t);
  const browser = await openBrowser(t);
  const registered = await fetch(`${base}/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ redirect_uris: [callback.url], token_endpoint_auth_method: "none" }),
  });
  const { client_id } = await registered.json();
  const request = (more = {}) => {
    const url = new URL(`${base}/authorize`);
    url.search = new URLSearchParams({
      response_type: "code",
      client_id,
      redirect_uri: callback.url,
      code_challenge: createHash("sha256").update(randomBytes(32)).digest("base64url"),
      code_challenge_method: "S256",
      state: randomBytes(8).toString("hex"),
      scope: "math:basic",
      resource: `${base}/mcp`,
      ...more,
    });
    return url.toString();
  };
  const context = await browser.newContext();
  const page = await context.newPage();
  const person = newPerson();
  const arrived = () => page.waitForURL((url) => url.pathname === "/callback", { timeout: 20_000 });
  const asked = async (why) => {
    await page.locator("button[name=decision]").first().waitFor({ timeout: 20_000 });
    assert.equal(new URL(page.url()).pathname, "/authorize", why);
  };
  const lead = async (target) => {
    await page.goto(website(target));
    await page.locator("a").click();
  };

  await page.goto(request());
  await signIn(page, person);
  await page.locator("input[name=remember]").check();
  await decide(page, "approve");
  await arrived();

  for (const more of [{}, { prompt: "none" }]) {
    await page.goto(request(more));
    await arrived();
    assert.ok(new URL(page.url()).searchParams.has("code"), page.url());
  }
  await lead(request());
  await asked("a website led here");
  await page.reload();
  await asked("and it did so when the page is loaded again");
  await lead(request({ prompt: "none" }));
  await arrived();
  assert.equal(new URL(page.url()).searchParams.get("error"), "interaction_required");

  // Signing in is not opening: what the sign-in page was shown for counts.
  await context.clearCookies();
  await lead(request());
  await signIn(page, person);
  await asked("a website led to the sign-in page");
  await context.clearCookies();
  await page.goto(request());
  await signIn(page, person);
  await arrived();
  assert.ok(new URL(page.url()).searchParams.has("code"), page.url());
});
