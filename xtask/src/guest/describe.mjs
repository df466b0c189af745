// Prints what the module of a tools component declares, as JSON: `node describe.mjs /path/to/app.js`.

import { pathToFileURL } from "node:url";

const entry = pathToFileURL(process.argv[2]);

/** Where the author's own code is in a stack, rather than where `postern.js` looks at it. */
function place(stack) {
  const folder = new URL(".", entry).href;
  for (const [, url, line] of String(stack ?? "").matchAll(/(file:\/\/[^\s)]+?):(\d+):\d+/g)) {
    if (url.startsWith(folder) && url !== `${folder}postern.js`) {
      return { file: decodeURIComponent(url.slice(folder.length)), line: Number(line) };
    }
  }
  return null;
}

function badPatterns(schema, bad = []) {
  if (schema === null || typeof schema !== "object") return bad;
  for (const [name, value] of Object.entries(schema)) {
    const patterns = name === "pattern" ? [value] : name === "patternProperties" ? Object.keys(value ?? {}) : [];
    for (const pattern of patterns) {
      try {
        if (typeof pattern === "string") new RegExp(pattern, "u");
      } catch (error) {
        bad.push([pattern, error.message]);
      }
    }
    badPatterns(value, bad);
  }
  return bad;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

async function report() {
  const { tools } = await import(entry);
  const { places = new Map() } = await import(new URL("postern.js", entry)).catch(() => ({}));
  return {
    tools: (await tools.listTools()).map((tool) => ({
      name: tool.name,
      title: tool.title,
      description: tool.description,
      input_schema: tool.inputSchema,
      output_schema: tool.outputSchema,
      annotations: tool.annotations,
      scopes: tool.scopes,
      bad_patterns: [tool.inputSchema, tool.outputSchema].flatMap((text) => badPatterns(parsed(text))),
      place: place(places.get(`tool ${tool.name}`)),
    })),
    scopes: (await tools.listScopes()).map((scope) => ({ ...scope, place: place(places.get(`scope ${scope.name}`)) })),
  };
}

const print = (value) => process.stdout.write(JSON.stringify(value), () => process.exit());

report().then(print, (error) => print({ failure: { message: String(error), place: place(error?.stack) } }));
