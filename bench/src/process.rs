//! Servers that are measured: started, watched and stopped.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// What a server prints once it answers, before its address.
const SERVING: &str = "Serving ";

/// How long it may take to get there: it may have to compile something first.
const START: Duration = Duration::from_secs(180);

/// How long it may take to stop when it is asked to.
const STOP: Duration = Duration::from_secs(5);

/// A running server, with whatever it has started itself.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    /// For example `http://127.0.0.1:40123`.
    pub(crate) base: String,
    /// From its start until it said that it serves.
    pub(crate) started_in: Duration,
}

/// What processes have used and hold.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    /// Resident memory in KiB, of which pages that they share count for each.
    pub(crate) resident: u64,
    /// Processor time in milliseconds, theirs and the kernel's for them.
    pub(crate) processor: u64,
    /// Open files and sockets.
    pub(crate) descriptors: usize,
}

impl Process {
    /// Starts it, and waits until it says `Serving http://…`. What it says besides goes to `log`.
    pub(crate) fn start(mut command: Command, log: &Path) -> Result<Self> {
        let began = Instant::now();
        let program = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(log).with_context(|| format!("cannot write {}", log.display()))?)
            .spawn()
            .with_context(|| format!("cannot start {program}"))?;
        let stdout = child.stdout.take().context("its output is piped")?;
        let (sender, address) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some((_, rest)) = line.split_once(SERVING) {
                    let address = rest.split_whitespace().next().unwrap_or_default();
                    let _ = sender.send(address.trim_end_matches('/').to_owned());
                }
            }
        });
        let mut process = Self { child, base: String::new(), started_in: Duration::ZERO };
        process.base = match address.recv_timeout(START) {
            Ok(address) => address,
            Err(_) => bail!("{program} did not come to serve; see {}", log.display()),
        };
        process.started_in = began.elapsed();
        Ok(process)
    }

    /// What it and its descendants use.
    pub(crate) fn usage(&self) -> Usage {
        let mut family = vec![self.child.id()];
        let parents = parents();
        let mut next = 0;
        while let Some(parent) = family.get(next).copied() {
            family.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(id, _)| *id));
            next += 1;
        }
        family.iter().fold(Usage::default(), |sum, id| {
            let usage = usage_of(*id).unwrap_or_default();
            Usage {
                resident: sum.resident + usage.resident,
                processor: sum.processor + usage.processor,
                descriptors: sum.descriptors + usage.descriptors,
            }
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Asked first, so that it stops what it has started.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let began = Instant::now();
        while began.elapsed() < STOP {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// All processes, each with its parent.
fn parents() -> Vec<(u32, u32)> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let ids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    ids.filter_map(|id: u32| Some((id, stat(id)?.get(1)?.parse().ok()?))).collect()
}

/// The fields of `/proc/ID/stat` after the name, which may have spaces in it.
fn stat(id: u32) -> Option<Vec<String>> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}

fn usage_of(id: u32) -> Option<Usage> {
    let folder = PathBuf::from(format!("/proc/{id}"));
    let status = std::fs::read_to_string(folder.join("status")).ok()?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let resident = resident.split_whitespace().next()?.parse().ok()?;
    let fields = stat(id)?;
    // In hundredths of a second, on every Linux there is.
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    let descriptors = std::fs::read_dir(folder.join("fd")).map_or(0, Iterator::count);
    Some(Usage { resident, processor: (ticks(11) + ticks(12)) * 10, descriptors })
}
