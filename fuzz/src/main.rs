//! `cargo run --release -p postern-fuzz -- NAME COUNT`: runs a target on COUNT inputs.

use anyhow::{Context, Result, anyhow};
use postern_fuzz::{TARGETS, driver, find};

fn main() -> Result<()> {
    let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    let mut arguments = std::env::args().skip(1);
    let usage = || format!("NAME COUNT [START]; the names are {}", names.join(", "));
    let target = arguments.next().as_deref().and_then(find).with_context(usage)?;
    let count: u32 = arguments.next().and_then(|count| count.parse().ok()).with_context(usage)?;
    let start = match arguments.next() {
        Some(start) => start.parse().with_context(usage)?,
        // A random start.
        None => std::process::id().into(),
    };
    println!("{}: {count} inputs from {start}", target.name);
    let outcomes = driver::drive(target, count, start).map_err(|input| anyhow!(input))?;
    println!("{outcomes} different outcomes, and everything held");
    Ok(())
}
