// What Postern is measured against: `add` behind Cloudflare's OAuth provider, once in a session object
// (`/mcp`) and once in the stateless handler (`/stateless`). Whoever asks for access gets it, so that
// no password is hashed on either side.

import OAuthProvider from "@cloudflare/workers-oauth-provider";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { createMcpHandler, McpAgent } from "agents/mcp";
import { z } from "zod";

function addTo(server) {
  server.registerTool(
    "add",
    {
      description: "Adds two numbers.",
      inputSchema: { a: z.number(), b: z.number() },
      outputSchema: { result: z.number() },
    },
    async ({ a, b }) => ({
      content: [{ type: "text", text: String(a + b) }],
      structuredContent: { result: a + b },
    }),
  );
  return server;
}

const newServer = () => new McpServer({ name: "baseline", version: "1.0.0" });

export class Session extends McpAgent {
  server = newServer();
  async init() {
    addTo(this.server);
  }
}

const stateless = {
  fetch(request, env, context) {
    const handler = createMcpHandler(addTo(newServer()), { route: "/stateless", enableJsonResponse: true });
    return handler(request, env, context);
  },
};

const people = {
  async fetch(request, env) {
    if (new URL(request.url).pathname !== "/authorize") return new Response(null, { status: 404 });
    const asked = await env.OAUTH_PROVIDER.parseAuthRequest(request);
    const { redirectTo } = await env.OAUTH_PROVIDER.completeAuthorization({
      request: asked,
      userId: "user@example.com",
      metadata: {},
      scope: asked.scope,
      props: { email: "user@example.com" },
    });
    return Response.redirect(redirectTo, 302);
  },
};

// The origin is only known when the server listens.
let provider;

export default {
  fetch(request, env, context) {
    provider ??= new OAuthProvider({
      apiHandlers: { "/mcp": Session.serve("/mcp", { binding: "SESSION" }), "/stateless": stateless },
      defaultHandler: people,
      resourceMetadata: { resource: new URL(request.url).origin },
      authorizeEndpoint: "/authorize",
      tokenEndpoint: "/token",
      clientRegistrationEndpoint: "/register",
    });
    return provider.fetch(request, env, context);
  },
};
