// What a page owes everybody, whatever is on it, and a picture of it.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { listenForComplaints } from "./support.js";

const screenshots = fileURLToPath(new URL("../../target/screenshots/", import.meta.url));
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const widths = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };
const themes = ["light", "dark"];

/** The most that a page may weigh, in bytes. */
const MAX_BYTES = 20_000;

/** Runs `visit` once for each theme and width, with a fresh browser context and a `look` for each page. */
export async function everyLook(browser, base, visit) {
  for (const [width, viewport] of Object.entries(widths)) {
    for (const colorScheme of themes) {
      const context = await browser.newContext({ viewport, colorScheme, reducedMotion: "reduce" });
      const page = await context.newPage();
      const watched = watch(page, base);
      const look = async (name) => {
        const what = `${name}, ${width}, ${colorScheme}`;
        watched.check(what);
        await checkPage(page, what, colorScheme);
        // As it is when its animations are over.
        await page.screenshot({ path: `${screenshots}${name}-${width}-${colorScheme}.png`, fullPage: true, animations: "disabled" });
      };
      await visit({ page, context, look });
      watched.end(`${width}, ${colorScheme}`);
      await context.close();
    }
  }
}

/** A picture of a page on the way through a flow. */
export async function takePicture(page, name) {
  await page.screenshot({ path: `${screenshots}${name}.png`, fullPage: true, animations: "disabled" });
}

/** Watches what a page loads: only itself, and from nowhere else. */
export function watch(page, base) {
  const complaints = listenForComplaints(page);
  const foreign = [];
  let since = [];
  page.on("request", (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol === "data:") return;
    if (origin !== base) foreign.push(request.url());
    // What a form or a link leads to begins a page; a redirect on the way there does not.
    if (request.isNavigationRequest() && !request.redirectedFrom()) since = [];
    since.push(request);
  });
  return {
    foreign,
    check(what) {
      const loaded = since.filter((request) => !request.isNavigationRequest()).map((request) => request.url());
      assert.deepEqual(loaded, [], `${what}: a page is one answer`);
    },
    end(what) {
      // Chromium itself remarks upon a page's status; the page has done nothing wrong.
      assert.deepEqual(complaints.filter((text) => !text.includes("status of 4")), [], what);
      assert.deepEqual(foreign, [], `${what}: nothing is loaded from elsewhere`);
    },
  };
}

async function checkPage(page, what, colorScheme) {
  const facts = await page.evaluate(() => ({
    title: document.title,
    headings: document.querySelectorAll("h1").length,
    language: document.documentElement.lang,
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    background: getComputedStyle(document.body).backgroundColor,
    scripts: document.querySelectorAll("script").length,
    bytes: new TextEncoder().encode(document.documentElement.outerHTML).length,
  }));
  assert.ok(facts.title, `${what}: a title`);
  assert.equal(facts.headings, 1, `${what}: one h1`);
  assert.equal(facts.scripts, 0, `${what}: no script`);
  assert.ok(facts.language, `${what}: a language`);
  assert.ok(facts.overflow <= 0, `${what}: ${facts.overflow} pixels stick out at the side`);
  assert.ok(facts.bytes < MAX_BYTES, `${what}: it weighs ${facts.bytes} bytes`);
  const [red] = facts.background.match(/\d+/).map(Number);
  assert.equal(red < 128, colorScheme === "dark", `${what}: ${facts.background}`);
  assert.deepEqual(await accessibilityFaults(page), [], what);
  // WCAG 2.2, success criterion 1.4.10: as narrow as a page of 1280 pixels that is enlarged four times.
  const viewport = page.viewportSize();
  await page.setViewportSize({ width: 320, height: 640 });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - 320);
  await page.setViewportSize(viewport);
  assert.ok(overflow <= 0, `${what}: ${overflow} pixels stick out when it is narrow`);
}

/** What axe finds, with everything on the page opened. It runs beside the page, which has no script. */
async function accessibilityFaults(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => {
    const closed = [...document.querySelectorAll("details:not([open])")];
    closed.forEach((details) => (details.open = true));
    return globalThis.axe.run().finally(() => closed.forEach((details) => (details.open = false)));
  });
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
}
