// A server of a test's own, for what the server under test is not set up for.

import { noHost, startHost } from "./provider.js";

/** Why there can be none, for a test to be skipped with; false when there can. */
export const noServer = noHost;

/** Starts a server with these variables, and says where it is. It is stopped when the test is over. */
export async function startServer(test, variables) {
  return (await startHost(test, "spin.toml", variables)).url;
}
