// Bundles the worker and serves it with workerd, on a socket of its own that no proxy stands before.
//
//     node serve.js [PORT]

import { build } from "esbuild";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { fileURLToPath } from "node:url";

const port = Number(process.argv[2] ?? 0);

const { outputFiles } = await build({
  entryPoints: [fileURLToPath(new URL("worker.js", import.meta.url))],
  bundle: true,
  write: false,
  minify: true,
  format: "esm",
  target: "es2024",
  conditions: ["workerd", "worker", "browser"],
  external: ["node:*", "cloudflare:*"],
  plugins: [
    {
      // Node's own modules by their bare names, as old packages have them.
      name: "node-modules",
      setup: (build) => {
        build.onResolve({ filter: /^(assert|async_hooks|buffer|child_process|crypto|events|fs|http|https|net|os|path|process|querystring|stream|string_decoder|tls|tty|url|util|zlib)(\/.*)?$/ }, ({ path, kind }) => ({
          path: `node:${path}`,
          external: true,
        }));
      },
    },
  ],
});

const miniflare = new Miniflare(
  convertV4MiniflareOptions({
  modules: [{ type: "ESModule", path: "worker.js", contents: outputFiles[0].text }],
  compatibilityDate: "2026-03-10",
  compatibilityFlags: ["nodejs_compat"],
  kvNamespaces: ["OAUTH_KV"],
  durableObjects: { SESSION: { className: "Session", useSQLite: true } },
  unsafeDirectSockets: [{ host: "127.0.0.1", port }],
  }),
);

await miniflare.ready;
console.log(`Serving ${(await miniflare.unsafeGetDirectURL()).origin}`);
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, async () => {
    await miniflare.dispose();
    process.exit(0);
  });
}
