// The conformance suite has no option for a header: in its `server` mode it talks to servers that ask for no
// token. This stands between, on the loopback interface, and adds the token to what comes through. Besides,
// where Host names this, it names the server afterwards, which answers to its own names only. Nothing else is
// changed: a strange Host, Origin and every other header arrive as the suite wrote them, answers stream, and
// whoever leaves on one side is seen to leave on the other.

import { Agent, createServer, request } from "node:http";

/** Starts it in front of a server, and returns its address and how to stop it. */
export async function startForwarder(base, accessToken) {
  const { host, hostname, port } = new URL(base);
  const agent = new Agent({ keepAlive: true });
  const server = createServer((incoming, outgoing) => {
    const headers = ["Authorization", `Bearer ${accessToken}`];
    for (let at = 0; at < incoming.rawHeaders.length; at += 2) {
      const [name, value] = incoming.rawHeaders.slice(at, at + 2);
      if (/^(authorization|connection)$/i.test(name)) continue;
      const ours = /^host$/i.test(name) && value === own();
      headers.push(name, ours ? host : value);
    }
    const { method, url: path } = incoming;
    const forwarded = request({ agent, hostname, port, method, path, headers, setHost: false });
    forwarded.on("response", (answer) => {
      outgoing.writeHead(answer.statusCode, answer.statusMessage, answer.rawHeaders);
      outgoing.flushHeaders();
      answer.pipe(outgoing);
      answer.on("error", () => outgoing.destroy());
    });
    forwarded.on("error", () => outgoing.destroy());
    outgoing.on("close", () => forwarded.destroy());
    incoming.pipe(forwarded);
  });
  const own = () => `127.0.0.1:${server.address().port}`;
  server.keepAliveTimeout = 60_000;
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://${own()}`,
    stop() {
      agent.destroy();
      server.closeAllConnections();
      server.close();
    },
  };
}
