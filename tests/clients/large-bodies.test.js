// Clients that send all of a body before they look for an answer. P7, C13: they see the 413, not a reset
// connection.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import http from "node:http";
import { test } from "node:test";
import { promisify } from "node:util";

const target = `${process.env.BASE_URL}/register`;
const size = 4 << 20;
const large = `{"client_name":"${"x".repeat(size)}"}`;
const type = { "content-type": "application/json" };

test("fetch of Node sees the 413", async () => {
  for (let round = 0; round < 5; round++) {
    const response = await fetch(target, { method: "POST", headers: type, body: large });
    assert.equal(response.status, 413);
    await response.arrayBuffer();
  }
});

test("a connection is good for the next request", async (t) => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const post = (body) =>
    new Promise((resolve, reject) => {
      const headers = { ...type, "content-length": body.length };
      const request = http.request(target, { method: "POST", headers, agent }, (response) => {
        response.resume();
        response.once("end", () => resolve(response.statusCode));
      });
      request.once("error", reject);
      request.end(body);
    });
  for (let round = 0; round < 5; round++) {
    assert.equal(await post(large), 413);
    assert.equal(await post("{"), 400);
  }
});

const python = process.env.PYTHON;

test("http.client and urllib of Python see the 413", { skip: !python && "PYTHON names no Python" }, async () => {
  const script = `
import http.client, sys, urllib.error, urllib.parse, urllib.request
url, size = sys.argv[1], int(sys.argv[2])
body, headers = b'{"client_name":"' + b"x" * size + b'"}', {"content-type": "application/json"}
where = urllib.parse.urlsplit(url)
for _ in range(5):
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
    connection.request("POST", where.path, body, headers)
    print(connection.getresponse().status)
    try:
        urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=60)
    except urllib.error.HTTPError as error:
        print(error.code)
`;
  const { stdout } = await promisify(execFile)(python, ["-c", script, target, String(size)]);
  assert.deepEqual(stdout.trim().split("\n"), Array(10).fill("413"));
});
