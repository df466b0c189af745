//! How many instructions guests execute for a request: a figure that does not depend on the machine, so that it can be
//! held to a baseline.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::target::{Built, MODERN, Postern, send_once};

/// The baseline, in the repository.
const BASELINE: &str = "bench/instructions.txt";

/// Which part of the baseline is too much of a difference: a twentieth, 5 %.
const PART: u64 = 20;

/// How many calls an instance answers that is kept.
const KEPT: u64 = 33;

/// Counts, and fails when it has become more. With `accept`, what was counted is the new baseline.
pub(crate) fn run(built: &Built, accept: bool) -> Result<()> {
    let counted = count(built)?;
    let text: String = counted.iter().map(|(name, count)| format!("{name} {count}\n")).collect();
    counted.iter().for_each(|(name, count)| println!("bench instructions.{name} {count} instructions"));
    let file = built.root.join(BASELINE);
    if accept {
        return Ok(std::fs::write(file, text)?);
    }
    let baseline = std::fs::read_to_string(&file).with_context(|| format!("there is no {BASELINE}"))?;
    let faults: Vec<String> =
        counted.iter().filter_map(|(name, count)| fault(&baseline, name, *count)).collect();
    ensure!(
        faults.is_empty(),
        "{}. If that is meant to be, `cargo xtask bench --accept-instructions` makes it the baseline",
        faults.join("; ")
    );
    Ok(())
}

/// What is wrong with a count. Much less than the baseline is, too: the next 5 % would go unseen.
#[expect(clippy::cast_precision_loss, reason = "no request takes so many")]
fn fault(baseline: &str, name: &str, count: u64) -> Option<String> {
    let known = baseline.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok());
    let Some(known) = known else { return Some(format!("{BASELINE} has no {name}")) };
    let change = count as f64 / known as f64 - 1.0;
    let is_fault = count.abs_diff(known) * PART > known;
    is_fault.then(|| format!("{name} takes {count} instructions and took {known} ({:+.1} %)", change * 100.0))
}

fn count(built: &Built) -> Result<Vec<(&'static str, u64)>> {
    let start = |name: &str, reuse: u64| -> Result<Postern> {
        let mut more = vec!["--count-instructions".into(), "--idle-instance-timeout".into(), "1s".into()];
        more.extend(["--max-instance-reuse-count".into(), reuse.to_string().into()]);
        built.postern(name, &more)
    };
    let each = start("instructions-each", 1)?;
    let log = built.folder.join("instructions-each/log");
    let before = settled(&log, "mcp")?;
    send_once(&each.call(MODERN)?)?;
    let new = executed(&log, "mcp", before, 1)?.instructions;
    let before = settled(&log, "oauth")?;
    each.client.refresh(&each.tokens.refresh_token).expect(200);
    let refresh = executed(&log, "oauth", before, 1)?.instructions;
    drop(each);
    let kept = start("instructions-kept", KEPT)?;
    let log = built.folder.join("instructions-kept/log");
    let before = settled(&log, "mcp")?;
    for _ in 0..KEPT {
        send_once(&kept.call(MODERN)?)?;
    }
    let all = executed(&log, "mcp", before, KEPT)?;
    // An instance that is not done with one call when the next comes is not the only one.
    let call = all.instructions.saturating_sub(all.instances * new) / (all.requests - all.instances).max(1);
    Ok(vec![("call-in-new-instance", new), ("call", call), ("refresh-in-new-instance", refresh)])
}

/// What the instances of a component executed that have ended.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Executed {
    instances: u64,
    instructions: u64,
    requests: u64,
}

impl Executed {
    /// The sum over a log.
    fn read(log: &str, component: &str) -> Self {
        let before = format!("component {component} executed ");
        let mut sum = Self::default();
        for line in log.lines() {
            let Some((_, line)) = line.split_once(&before) else { continue };
            let mut numbers = line.split(' ').filter_map(|word| word.parse::<u64>().ok());
            if let (Some(instructions), Some(requests)) = (numbers.next(), numbers.next()) {
                sum.instances += 1;
                sum.instructions += instructions;
                sum.requests += requests;
            }
        }
        sum
    }

    /// What came after another sum over the same log.
    fn since(self, before: Self) -> Self {
        Self {
            instances: self.instances - before.instances,
            instructions: self.instructions - before.instructions,
            requests: self.requests - before.requests,
        }
    }
}

/// How long a look at the log waits: longer than an instance without work stays.
const TURN: Duration = Duration::from_millis(1500);

/// What a component executed before the requests that are counted: the host sends requests of its own when it
/// starts, and signing in takes some. Waits until their instances have ended.
fn settled(log: &Path, component: &str) -> Result<Executed> {
    let mut before = None;
    for _ in 0..20 {
        std::thread::sleep(TURN);
        let now = Executed::read(&std::fs::read_to_string(log)?, component);
        if before.replace(now) == Some(now) {
            return Ok(now);
        }
    }
    bail!("instances of {component} keep ending without a request; see {}", log.display())
}

/// What they executed after `before` once they have answered so many more requests, and ended. An instance ends a
/// while after its last request.
fn executed(log: &Path, component: &str, before: Executed, requests: u64) -> Result<Executed> {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(TURN);
        let executed = Executed::read(&std::fs::read_to_string(log)?, component).since(before);
        if executed.requests >= requests {
            ensure!(
                executed.requests == requests,
                "{component} answered {} requests in the place of {requests}; see {}",
                executed.requests,
                log.display()
            );
            return Ok(executed);
        }
    }
    bail!(
        "no {requests} requests were answered by instances of {component} that ended; see {}",
        log.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_are_added_up() {
        let log = "component mcp executed 70 instructions for 3 requests\ncomponent oauth executed 9 instructions for 1 requests\n\
                   component mcp executed 30 instructions for 1 requests\n";
        let sum = Executed::read(log, "mcp");
        assert_eq!((sum.instances, sum.instructions, sum.requests), (2, 100, 4));
    }

    #[test]
    fn requests_from_before_are_not_counted() {
        let start = "component mcp executed 180 instructions for 1 requests\n";
        let before = Executed::read(start, "mcp");
        let log = format!("{start}component mcp executed 1000 instructions for 1 requests\n");
        let call = Executed::read(&log, "mcp").since(before);
        assert_eq!((call.instances, call.instructions, call.requests), (1, 1000, 1));
    }

    #[test]
    fn five_per_cent_more_is_too_much_and_five_less_is_a_new_baseline() {
        let baseline = "call 1000\nrefresh 2000\n";
        assert_eq!(fault(baseline, "call", 1050), None);
        assert_eq!(fault(baseline, "call", 950), None);
        let more = fault(baseline, "call", 1051).unwrap();
        assert_eq!(more, "call takes 1051 instructions and took 1000 (+5.1 %)");
        assert!(fault(baseline, "refresh", 1000).is_some());
        assert!(fault(baseline, "sign-in", 1).is_some(), "not in the baseline");
    }
}
