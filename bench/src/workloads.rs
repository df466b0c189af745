//! What is asked of each target, side by side.

use std::cell::Cell;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use postern_tests::{Authorization, Browser, Request, Server, Tokens};
use serde_json::json;

use crate::figures::{Figures, median};
use crate::load::Load;
use crate::process::Process;
use crate::target::{Cloudflare, LEGACY, MODERN, Postern, call, message, send_once};

/// How much of everything there is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    /// How often each load is put on each target.
    pub(crate) rounds: usize,
    /// For how long.
    pub(crate) time: Duration,
    /// How often what is timed one by one is done.
    pub(crate) times: usize,
}

/// A load on a target.
pub(crate) struct Work<'a> {
    /// The figures' name: the workload and the target.
    name: String,
    load: Load,
    connections: usize,
    process: &'a Process,
    /// How many of the load's links have been used up.
    used: Cell<usize>,
}

/// Into so many parts the links of a chain are divided: each is good once, so each round has its own. Who has fewer is
/// measured in fewer rounds.
const PARTS: usize = 3;

/// The number of connections at which calls are measured.
pub(crate) const CONNECTIONS: [usize; 3] = [1, 8, 64];

/// The loads on Postern, wherever it runs.
pub(crate) fn of_postern<'a>(name: &str, postern: &'a Postern) -> Result<Vec<Work<'a>>> {
    let process = &postern.process;
    let (base, token) = (&process.base, &postern.tokens.access_token);
    let mut work = Vec::new();
    for connections in CONNECTIONS {
        work.push(Work::new(
            &format!("call-{connections}.{name}"),
            postern.call(MODERN)?,
            connections,
            process,
        ));
        let load = postern.call(LEGACY)?;
        work.push(Work::new(&format!("call-2025-{connections}.{name}"), load, connections, process));
    }
    let list = message(base, "/mcp", token, MODERN, None, ("tools/list", json!({})));
    work.push(Work::new(&format!("list-8.{name}"), list, 8, process));
    work.push(Work::new(&format!("challenge-8.{name}"), challenge(base, "/mcp"), 8, process));
    Ok(work)
}

/// The loads on the native server.
pub(crate) fn of_native<'a>(process: &'a Process, token: &str) -> Vec<Work<'a>> {
    let base = &process.base;
    let mut work = Vec::new();
    for connections in CONNECTIONS {
        let load = call(base, "/mcp", token, MODERN, None);
        work.push(Work::new(&format!("call-{connections}.native"), load, connections, process));
        let load = call(base, "/mcp", token, LEGACY, None);
        work.push(Work::new(&format!("call-2025-{connections}.native"), load, connections, process));
    }
    let list = message(base, "/mcp", token, MODERN, None, ("tools/list", json!({})));
    work.push(Work::new("list-8.native", list, 8, process));
    work.push(Work::new("challenge-8.native", challenge(base, "/mcp"), 8, process));
    work
}

/// The loads on Cloudflare's stack.
pub(crate) fn of_cloudflare(cloudflare: &Cloudflare) -> Result<Vec<Work<'_>>> {
    let process = &cloudflare.process;
    let mut work = Vec::new();
    for connections in CONNECTIONS {
        for (name, in_session) in [("workerd-session", true), ("workerd-stateless", false)] {
            let load = cloudflare.call(in_session)?;
            work.push(Work::new(&format!("call-2025-{connections}.{name}"), load, connections, process));
        }
    }
    let token = &cloudflare.access_token;
    let list = message(&process.base, "/stateless", token, LEGACY, None, ("tools/list", json!({})));
    work.push(Work::new("list-8.workerd-stateless", list, 8, process));
    work.push(Work::new("challenge-8.workerd-stateless", challenge(&process.base, "/stateless"), 8, process));
    Ok(work)
}

/// A POST without a token.
fn challenge(base: &str, path: &str) -> Load {
    let mut load = call(base, path, "", LEGACY, None);
    load.headers.retain(|(name, _)| name != "authorization");
    load.status = 401;
    load
}

/// Refreshes at the token endpoint, each with the token that an earlier one gave.
pub(crate) fn refresh<'a>(
    name: &str,
    process: &'a Process,
    client_id: &str,
    tokens: Vec<String>,
) -> Work<'a> {
    let load = Load {
        url: format!("{}/token", process.base),
        body: Some(format!("grant_type=refresh_token&client_id={client_id}&refresh_token={{}}")),
        headers: vec![("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())],
        status: 200,
        chain: tokens,
        ..Load::default()
    };
    Work::new(name, load, 8, process)
}

impl<'a> Work<'a> {
    pub(crate) fn new(name: &str, load: Load, connections: usize, process: &'a Process) -> Self {
        Self { name: name.to_owned(), load, connections, process, used: Cell::new(0) }
    }

    /// The same at another number of connections.
    pub(crate) fn with_connections(self, connections: usize) -> Self {
        Self { connections, ..self }
    }

    /// Sees that the target does as it should, and gets it warm.
    pub(crate) fn prepare(&self, folder: &Path) -> Result<()> {
        if self.load.chain.is_empty() && self.load.rotation.is_empty() {
            let response = send_once(&self.load).with_context(|| self.name.clone())?;
            if self.name.starts_with("call") {
                ensure!(
                    response.text().contains(r#""structuredContent":{"result":5"#),
                    "{}: {response}",
                    self.name
                );
            }
            self.load.run(self.connections, Duration::from_secs(1), folder)?;
        }
        Ok(())
    }

    /// Measures it once, unless its links are used up.
    pub(crate) fn measure(&self, effort: &Effort, folder: &Path, figures: &mut Figures) -> Result<()> {
        let mut load = self.load.clone();
        if !load.chain.is_empty() {
            let part = load.chain.len().div_ceil(PARTS);
            load.chain =
                load.chain.into_iter().skip(self.used.replace(self.used.get() + part)).take(part).collect();
            if load.chain.is_empty() {
                return Ok(());
            }
        }
        let before = self.process.usage();
        let sample = load.run(self.connections, effort.time, folder).with_context(|| self.name.clone())?;
        let used = self.process.usage();
        figures.take(&format!("{}.rate", self.name), sample.rate, "1/s");
        figures.take(&format!("{}.median", self.name), sample.median / 1000.0, "ms");
        figures.take(&format!("{}.p99", self.name), sample.p99 / 1000.0, "ms");
        // What the machine does besides changes this least.
        #[expect(clippy::cast_precision_loss, reason = "milliseconds and counts are small")]
        let each = (used.processor - before.processor) as f64 / sample.answers.max(1) as f64;
        figures.take(&format!("{}.processor", self.name), each, "ms");
        Ok(())
    }
}

/// Measures all, one after the other, and that several times over: what disturbs one disturbs the others.
pub(crate) fn measure_all(
    work: &[Work<'_>],
    effort: &Effort,
    folder: &Path,
    figures: &mut Figures,
) -> Result<()> {
    for work in work {
        work.prepare(folder)?;
    }
    // The same loads together.
    let mut order: Vec<&Work<'_>> = work.iter().collect();
    order.sort_by_key(|work| work.name.split('.').next().unwrap_or_default().to_owned());
    for _ in 0..effort.rounds {
        for work in &order {
            work.measure(effort, folder, figures)?;
        }
    }
    Ok(())
}

/// How long a sign-in takes where the browser is signed in already, so that no password is hashed: from the
/// authorization request over the consent page to the tokens.
pub(crate) fn sign_ins(postern: &Postern, times: usize) -> f64 {
    let server = Server::at(&postern.process.base);
    let mut browser = Browser::new(&server);
    let walk = |browser: &mut Browser| {
        let began = Instant::now();
        let authorization = Authorization::new(&postern.client);
        let answer = postern.person.approve(browser, &authorization);
        Tokens::of(&postern.client.redeem(answer.code(), &authorization.verifier));
        began.elapsed()
    };
    walk(&mut browser);
    milliseconds((0..times).map(|_| walk(&mut browser)))
}

/// The same at Cloudflare's, where there is no page.
pub(crate) fn cloudflare_sign_ins(cloudflare: &mut Cloudflare, times: usize) -> Result<f64> {
    let mut walks = Vec::new();
    for _ in 0..times {
        let began = Instant::now();
        cloudflare.walk()?;
        walks.push(began.elapsed());
    }
    Ok(milliseconds(walks))
}

/// How long it takes until the first event of an `/sse` stream is there.
pub(crate) fn first_events(postern: &Postern, times: usize) -> f64 {
    let server = Server::at(&postern.process.base);
    milliseconds((0..times).map(|_| {
        let request = Request::new("GET", "/sse")
            .header("accept", "text/event-stream")
            .bearer(&postern.tokens.access_token);
        let began = Instant::now();
        server.open(&request).read_until("event: endpoint");
        began.elapsed()
    }))
}

/// The median of some times.
pub(crate) fn milliseconds(times: impl IntoIterator<Item = Duration>) -> f64 {
    median(times.into_iter().map(|time| time.as_secs_f64() * 1000.0).collect())
}
