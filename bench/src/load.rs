//! Load, by `wrk`: one thread, so many connections, the same request over and over.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

/// A request that is sent over and over.
#[derive(Debug, Clone, Default)]
pub(crate) struct Load {
    /// Where to, with scheme and authority.
    pub(crate) url: String,
    /// POST if there is one, GET otherwise.
    pub(crate) body: Option<String>,
    /// Headers, by name.
    pub(crate) headers: Vec<(String, String)>,
    /// The status that each answer is to have.
    pub(crate) status: u16,
    /// What stands for `{}` in the body, one after the other; each answer brings the next: the text
    /// in its JSON member `refresh_token`.
    pub(crate) chain: Vec<String>,
    /// What stands for `{}` in the headers, one after the other, from the beginning again.
    pub(crate) rotation: Vec<String>,
}

/// What came of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// Answers a second.
    pub(crate) rate: f64,
    /// The median time to an answer, in microseconds.
    pub(crate) median: f64,
    /// What 99 of 100 stay under, in microseconds.
    pub(crate) p99: f64,
    /// How many answers there were.
    pub(crate) answers: u64,
}

impl Load {
    /// Puts it on a server.
    pub(crate) fn run(&self, connections: usize, time: Duration, folder: &Path) -> Result<Sample> {
        let script = folder.join("load.lua");
        std::fs::write(&script, self.script())?;
        let output = Command::new("wrk")
            .arg("-t1")
            .arg(format!("-c{connections}"))
            .arg(format!("-d{}s", time.as_secs().max(1)))
            .args(["--timeout", "20s", "-s"])
            .arg(&script)
            .arg(&self.url)
            .output()
            .context("cannot start wrk; on Debian: apt-get install wrk")?;
        let said = String::from_utf8_lossy(&output.stdout);
        let line = said.lines().find_map(|line| line.strip_prefix("RESULT "));
        let line = line.with_context(|| format!("wrk: {said}{}", String::from_utf8_lossy(&output.stderr)))?;
        let figures: Vec<f64> = line.split_whitespace().filter_map(|figure| figure.parse().ok()).collect();
        let [answers, time, failed, broken, median, p99] = figures.as_slice() else { bail!("wrk: {line}") };
        if *answers == 0.0 && *broken == 0.0 {
            // It is that slow.
            return Ok(Sample { rate: 0.0, median: *time, p99: *time, answers: 0 });
        }
        // wrk counts what is above 399.
        let expected = if self.status > 399 { *answers } else { 0.0 };
        ensure!(*failed == expected, "{}: {failed} of {answers} answers had another status", self.url);
        ensure!(*broken == 0.0, "{}: {broken} requests got no answer", self.url);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is a count")]
        let count = *answers as u64;
        Ok(Sample { rate: answers / time * 1e6, median: *median, p99: *p99, answers: count })
    }

    /// The script that makes the requests and prints what came of them.
    fn script(&self) -> String {
        let mut script = String::new();
        let method = if self.body.is_some() { "POST" } else { "GET" };
        let _ = writeln!(script, "wrk.method = {}", quoted(method));
        for (name, value) in &self.headers {
            let _ = writeln!(script, "wrk.headers[{}] = {}", quoted(name), quoted(value));
        }
        if let Some(body) = &self.body {
            let _ = writeln!(script, "wrk.body = {}", quoted(body));
        }
        if !self.chain.is_empty() {
            let _ = writeln!(script, "local links = {{ {} }}", list(&self.chain));
            script.push_str(CHAIN);
        }
        if !self.rotation.is_empty() {
            let _ = writeln!(script, "local values = {{ {} }}", list(&self.rotation));
            script.push_str(ROTATION);
        }
        script.push_str(DONE);
        script
    }
}

/// Each answer's refresh token goes into a later request. Where there was none, the load fails for want of it.
const CHAIN: &str = r#"
local pattern, before, after = wrk.body, wrk.body:match("^(.-){}(.*)$")
local first, last, asked = 1, #links, false
function request()
  local link = links[first]
  -- wrk asks once before it begins, and sends nothing.
  if asked then
    links[first] = nil
    first = first + 1
  end
  asked = true
  return wrk.format(nil, nil, nil, before .. link .. after)
end
function response(status, headers, body)
  local link = body:match('"refresh_token":"([^"]+)"')
  if link then
    last = last + 1
    links[last] = link
  end
end
"#;

/// Requests are made beforehand, so that Lua costs little while they are sent.
const ROTATION: &str = r#"
local requests, next = {}, 0
function init()
  for index, value in ipairs(values) do
    local headers = {}
    for name, text in pairs(wrk.headers) do headers[name] = text:gsub("{}", value) end
    requests[index] = wrk.format(nil, nil, headers)
  end
end
function request()
  next = next % #requests + 1
  return requests[next]
end
"#;

const DONE: &str = r#"
function done(summary, latency)
  local errors = summary.errors
  print(string.format("RESULT %d %d %d %d %d %d", summary.requests, summary.duration, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout, latency:percentile(50), latency:percentile(99)))
end
"#;

fn list(texts: &[String]) -> String {
    texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", ")
}

/// A string of Lua. What is sent here has no line ends.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
