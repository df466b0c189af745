// A person without a browser: the pages' forms, posted over plain HTTP. What a browser would add to the
// request is added; nothing is rendered.

const references = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** Text without its character references. */
function decode(text) {
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hexadecimal, decimal, name) => {
    if (name) return references[name] ?? whole;
    return String.fromCodePoint(hexadecimal ? parseInt(hexadecimal, 16) : Number(decimal));
  });
}

function attributes(tag) {
  const found = [...tag.matchAll(/([\w-]+)(?:="([^"]*)")?/g)].slice(1);
  return Object.fromEntries(found.map(([, name, value]) => [name, decode(value ?? "")]));
}

/** The form of a page, and what is sent when a button of this value is pressed. */
function submission(html, filledIn, button) {
  const form = /<form[^>]*>[^]*?<\/form>/.exec(html)?.[0];
  if (!form) throw new Error(`no form on this page:\n${html}`);
  const fields = new URLSearchParams();
  for (const [tag] of form.matchAll(/<(?:input|button)[^>]*>/g)) {
    const { name, value = "", type, ...rest } = attributes(tag);
    if (!name || (type === "checkbox" && !("checked" in rest))) continue;
    if (tag.startsWith("<button") && value !== button) continue;
    fields.append(name, filledIn[name] ?? value);
  }
  return { action: attributes(/<form[^>]*>/.exec(form)[0]).action, fields };
}

/** Signs in and decides. Returns the address that the browser is sent to in the end, and does not go there. */
export async function walkThroughForms(url, person, decision = "approve") {
  const cookies = new Map();
  let answer = { url: new URL(url) };
  const open = async (target, options = {}) => {
    const headers = { accept: "text/html", ...options.headers };
    if (cookies.size) headers.cookie = [...cookies].map((pair) => pair.join("=")).join("; ");
    const response = await fetch(target, { redirect: "manual", ...options, headers });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      if (value) cookies.set(name, value);
      else cookies.delete(name);
    }
    const location = response.headers.get("location");
    const html = await response.text();
    return { url: target, status: response.status, html, location: location && new URL(location, target) };
  };
  answer = await open(answer.url);
  for (let step = 0; step < 10; step += 1) {
    const { location, html, status } = answer;
    if (location?.origin === answer.url.origin) {
      answer = await open(location);
    } else if (location) {
      return location;
    } else {
      if (status !== 200) throw new Error(`status ${status}:\n${html}`);
      const { action, fields } = submission(html, person, decision);
      answer = await open(new URL(action, answer.url), {
        method: "POST",
        body: fields,
        headers: { origin: answer.url.origin, "sec-fetch-site": "same-origin" },
      });
    }
  }
  throw new Error("sent in circles");
}
