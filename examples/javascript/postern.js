// Tools from functions: the few things between `app.js` and `wit/tools/tools.wit`.
//
// `tool` declares a tool; `tools` is what the server calls. Everything is read when the component is built.

const declared = new Map();
const scopes = [];

/** Where each tool and scope is declared, for `cargo xtask build`, which names the place where one has a mistake. */
export const places = new Map();

function declare(what, name) {
  if (places.has(`${what} ${name}`)) throw new TypeError(`two ${what}s have the name \`${name}\``);
  places.set(`${what} ${name}`, new Error().stack);
}

/** The tool ran and failed. The text is for the model, which can try something else. */
export class Failed extends Error {}

/** The arguments cannot be, beyond what their schema says. The text is for the model. */
export class InvalidArguments extends Error {}

/** This call takes scopes that the tool does not declare. The client is told to ask the user for them. */
export class NeedsScopes extends Error {
  constructor(...scopes) {
    super(scopes.join(" "));
    this.scopes = scopes;
  }
}

/** Nobody waits for the call any more. */
class Gone extends Error {}

/** What the interface calls an error: the component model takes it for the function's result. */
class WitError {
  constructor(tag, val) {
    this.tag = tag;
    if (val !== undefined) this.val = val;
  }
}

/** Declares a scope: what granting it allows, and whether clients ask for it at first sign-in. */
export function scope(name, description, { initial = false } = {}) {
  declare("scope", name);
  scopes.push({ name, description, initial });
}

/**
 * Declares a tool.
 *
 * `input` and `output` have a JSON Schema for each member of the arguments and of the result; a member with a `default`
 * may be left out. With `output`, `run` returns an object; without, text. `run` gets the arguments, which fit, and a
 * `Context`, and may be `async`.
 */
export function tool(name, { title, description, scopes = [], input = {}, output, ...hints }, run) {
  declare("tool", name);
  const { readOnly = null, destructive = null, idempotent = null, openWorld = null, ...unknown } = hints;
  for (const key of Object.keys(unknown)) {
    const keys = "title, description, scopes, input, output, readOnly, destructive, idempotent and openWorld";
    throw new TypeError(`${name}: unknown \`${key}\`: there are ${keys}`);
  }
  if (typeof run !== "function") throw new TypeError(`${name}: a tool is a function, the third argument of \`tool\``);
  if (/GeneratorFunction$/.test(run.constructor.name)) {
    throw new TypeError(`${name}: a tool returns its result, and this function yields`);
  }
  declared.set(name, {
    run,
    input,
    structured: output !== undefined,
    declaration: {
      name,
      title: title ?? null,
      description,
      inputSchema: JSON.stringify(object(input)),
      outputSchema: output ? JSON.stringify(object(output)) : null,
      annotations: { readOnly, destructive, idempotent, openWorld },
      scopes,
    },
  });
}

/** The call that a tool is in. */
class Context {
  #call;
  #tell;
  #end;
  #answers = {};

  constructor(caller, call, tell, end) {
    /** Who calls: `subject`, `clientId`, `scopes`, `clientInfo`. */
    this.caller = caller;
    /** What the client can be asked for: `elicitForm` and so on. */
    this.client = call.client;
    this.#call = call;
    this.#tell = tell;
    this.#end = end;
    if (call.resumption) {
      // What was answered in the rounds before, and what has been since.
      const { state, answers } = call.resumption;
      if (state.length > 0) this.#answers = JSON.parse(text(state));
      for (const { key, value } of answers) this.#answers[key] = plain(value);
    }
  }

  /** Tells how far the call is. `progress` has to be more than the last time. */
  async progress(progress, total = null, message = null) {
    if (this.#call.wantsProgress) await this.#tell({ tag: "progress", val: { progress, total, message } });
  }

  /** Writes to the client's log, if it wants that level ("debug", "info", … "emergency") at all. */
  async log(level, data, logger = null) {
    const least = this.#call.logLevel;
    if (least !== null && LEVELS.indexOf(level) >= LEVELS.indexOf(least)) {
      await this.#tell({ tag: "log", val: { level, logger, data: JSON.stringify(data) } });
    }
  }

  /**
   * Asks the person to fill in a form, a JSON Schema for each of its members, and returns what they filled in, or `null`
   * if they would not.
   *
   * The tool ends here and is called again with the answer, **from its beginning**: ask before you change anything.
   * `key` names the question, and no other of this call. Never ask for passwords, keys or payment data.
   */
  async elicit(key, message, form) {
    if (!this.client.elicitForm) throw new WitError("missing-capability", { ...NOTHING, elicitForm: true });
    const { type, properties, required } = object(form);
    if (key in this.#answers) {
      const answer = this.#answers[key];
      // Nobody has checked it: a client can send anything.
      if (answer && !required.every((name) => fits(properties[name], answer[name]))) {
        throw new Failed("The answer does not fit the form.");
      }
      return answer;
    }
    const requestedSchema = JSON.stringify({ type, properties, required });
    const ask = { tag: "elicit-form", val: { message, requestedSchema } };
    this.#end({
      tag: "input-required",
      val: { questions: [{ key, ask }], state: bytes(JSON.stringify(this.#answers)) },
    });
    // This round goes no further.
    return new Promise(() => {});
  }
}

const LEVELS = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];

const NOTHING = {
  elicitForm: false,
  elicitUrl: false,
  sample: false,
  sampleWithTools: false,
  listRoots: false,
  tasks: false,
};

/** What the component exports: the interface of `wit/tools/tools.wit`. */
export const tools = {
  async listTools() {
    return [...declared.values()].map((tool) => tool.declaration);
  },

  async listScopes() {
    return scopes;
  },

  async callTool(caller, call) {
    const tool = declared.get(call.name);
    if (!tool) throw new WitError("unknown-tool");
    if (!call.wantsProgress && call.logLevel === null) {
      return { tag: "done", val: await outcome(tool, caller, call, async () => {}) };
    }
    const notifications = wit.Stream(wit.Stream.NOTIFICATION);
    const result = wit.Future(wit.Future.RESULT_OUTCOME_ERROR);
    runAndTell(tool, caller, call, notifications.writable, result.writable);
    return { tag: "running", val: { notifications: notifications.readable, outcome: result.readable } };
  },
};

async function runAndTell(tool, caller, call, notifications, result) {
  const tell = async (notification) => {
    if ((await notifications.writeAll([notification])) === 0) throw new Gone();
  };
  let value;
  try {
    value = { tag: "ok", val: await outcome(tool, caller, call, tell) };
  } catch (error) {
    value = { tag: "err", val: error };
  }
  // The stream's end comes before the outcome.
  notifications.drop();
  await result.write(value);
}

/** Runs a tool to its end, or to its first question that is not answered. Throws what the interface calls an error. */
async function outcome(tool, caller, call, tell) {
  try {
    return await new Promise((resolve, reject) => {
      const context = new Context(caller, call, tell, resolve);
      const run = async () => complete(tool, await tool.run(filledIn(tool, call), context));
      run().then(resolve, reject);
    });
  } catch (error) {
    if (error instanceof WitError) throw error;
    if (error instanceof Failed) return { tag: "complete", val: content(error.message, null, true) };
    if (error instanceof InvalidArguments) throw new WitError("invalid-arguments", error.message);
    if (error instanceof NeedsScopes) throw new WitError("insufficient-scope", error.scopes);
    // For the operator's log. The client only learns that it did not work.
    throw new WitError("other", `${call.name}: ${described(error)}`);
  }
}

/** An error on one line: its type, its message, and where it passed through the author's code. */
function described(error) {
  const frames = String(error?.stack ?? "").matchAll(/at (?:(.+?) \()?\/([^\s)]+?):(\d+)(?::\d+)?\)?/g);
  const own = [...frames].filter(([, , file]) => file !== "postern.js");
  const where = own.map(([, name, file, line]) => `${file}:${line}${name && name[0] !== "<" ? ` (${name})` : ""}`);
  const text = String(error).replace(/\s+/g, " ").trim();
  return where.length > 0 ? `${text}, at ${where.join(", called from ")}` : text;
}

function filledIn(tool, call) {
  const given = JSON.parse(call.arguments);
  for (const [name, schema] of Object.entries(tool.input)) {
    if (!(name in given) && "default" in schema) given[name] = schema.default;
  }
  return given;
}

function complete(tool, result) {
  if (!tool.structured) return { tag: "complete", val: content(String(result ?? ""), null, false) };
  const value = JSON.stringify(result, (_, value) => {
    // JSON has no number for these, and JavaScript would write `null`.
    if (typeof value === "number" && !Number.isFinite(value)) {
      throw new Failed("The result is not a finite real number.");
    }
    return value;
  });
  const only = Object.keys(result).length === 1 && "result" in result;
  const text = only ? (typeof result.result === "string" ? result.result : JSON.stringify(result.result)) : value;
  return { tag: "complete", val: content(text, value, false) };
}

function content(text, structuredContent, isError) {
  return { content: [{ tag: "text", val: text }], structuredContent, isError };
}

/** The schema of an object with these members. */
function object(properties) {
  const required = Object.keys(properties).filter((name) => !("default" in properties[name]));
  return { type: "object", properties, required, additionalProperties: false };
}

/** Whether a member of a form is there and of its type. */
function fits({ type }, value) {
  return type === "integer" ? Number.isInteger(value) : typeof value === type;
}

/** The form that was filled in, `null` for a person who would not. */
function plain({ tag, val }) {
  return tag === "elicited" && val.tag === "accept" && val.val ? JSON.parse(val.val) : null;
}

// QuickJS has no TextEncoder: UTF-8 by way of what it does have.
function bytes(text) {
  const escaped = encodeURIComponent(text).replace(/%(..)/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
  return Uint8Array.from(escaped, (letter) => letter.charCodeAt(0));
}

function text(bytes) {
  return decodeURIComponent(Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, "0")}`).join(""));
}
