// Runs the official conformance suite against a server that has the conformance tools in it, as somebody who
// has signed in, and says how many scenarios of each set pass.
//
//   node run.js BASE_URL RESULTS_DIR [SUFFIX]
//
// The last lines are `conformance SET passed/total`, one for each set. A scenario counts, not a check: a server
// that refuses everything still has passed checks. To pass, a scenario has to have no failure, no warning, and
// something in it that succeeded besides the form of the messages. What the suite itself skips as a whole is
// not counted.

import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { signIn } from "../clients/token.js";
import { startForwarder } from "./forwarder.js";

const [base, results, suffix = ""] = process.argv.slice(2);
const suite = fileURLToPath(new URL("node_modules/@modelcontextprotocol/conformance/", import.meta.url));

/** The revisions whose requirements the suite has written down; and one that it has scenarios for. */
const required = ["2025-11-25", "2026-07-28"];
const older = "2025-06-18";

/** Runs the suite and returns, for each scenario, its checks. */
async function runSuite(name, url, options) {
  const dir = join(results, name);
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { recursive: true });
  const output = createWriteStream(join(dir, "output.txt"));
  const options_ = [join(suite, "dist/index.js"), "server", "--url", url, ...options, "--output-dir", dir];
  const child = spawn(process.execPath, options_, { cwd: dir, stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.pipe(output, { end: false });
  child.stderr.pipe(output, { end: false });
  await new Promise((resolve) => child.on("close", resolve));
  output.end();
  const scenarios = new Map();
  for (const folder of await readdir(dir)) {
    const [, scenario] = /^server-(.+?)-\d{4}-\d\d-\d\dT/.exec(folder) ?? [];
    if (scenario) scenarios.set(scenario, JSON.parse(await readFile(join(dir, folder, "checks.json"), "utf8")));
  }
  return scenarios;
}

/** What is wrong with a scenario, in lines; `undefined` when the suite did not run it. */
function judge(checks) {
  if (!checks) return ["  it did not run"];
  if (checks.every((check) => check.status === "SKIPPED")) return undefined;
  const wrong = checks.filter((check) => check.status === "FAILURE" || check.status === "WARNING");
  if (wrong.length > 0) {
    const why = ({ errorMessage, details }) => errorMessage ?? details?.message ?? JSON.stringify(details);
    return wrong.map((check) => `  ${check.status} ${check.id}: ${why(check)}`);
  }
  const succeeded = checks.some((check) => check.status === "SUCCESS" && check.id !== "wire-schema-valid");
  return succeeded ? [] : ["  nothing was checked"];
}

/** Judges the scenarios of a set and returns its line. */
function report(set, scenarios) {
  let [passed, total] = [0, 0];
  for (const [scenario, checks] of scenarios) {
    const wrong = judge(checks);
    if (!wrong) {
      console.log(`${set}: ${scenario} is skipped by the suite`);
      continue;
    }
    total += 1;
    if (wrong.length === 0) passed += 1;
    else console.log(`${set}: ${scenario}\n${wrong.join("\n")}`);
  }
  return { line: `conformance ${set}${suffix} ${passed}/${total}`, good: total > 0 && passed === total };
}

const { access_token: token } = await signIn(base);
const forwarder = await startForwarder(base, token);
const url = `${forwarder.url}/mcp`;
const sets = [];
const [pending, tasks] = [[], []];
for (const revision of required) {
  const requirements = parse(await readFile(join(suite, "requirements", `${revision}.yaml`), "utf8"));
  const ran = await runSuite(revision + suffix, url, ["--requirements", revision]);
  sets.push([revision, requirements.server.map((scenario) => [scenario, ran.get(scenario)])]);
  for (const { scenario, leg, reason } of requirements.not_scored) {
    if (leg !== "server") continue;
    const set = reason === "extension" ? tasks : pending;
    set.push([set === pending ? `${scenario} of ${revision}` : scenario, ran.get(scenario)]);
  }
}
sets.push(["pending", pending], ["tasks", tasks]);
const olderRan = await runSuite(older + suffix, url, ["--suite", "all", "--spec-version", older]);
sets.push([older, [...olderRan]]);
forwarder.stop();

const reports = sets.map(([set, scenarios]) => report(set, scenarios));
console.log(`The suite's own output is in ${results}`);
for (const { line } of reports) console.log(line);
process.exitCode = reports.every(({ good }) => good) ? 0 : 1;
