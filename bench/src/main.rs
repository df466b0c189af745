//! Measures Postern beside what it is compared with. `cargo xtask bench` builds everything and runs this.
//!
//! Reading order: [`target`] is what is measured, each a [`process`]; [`workloads`] what is asked of it, by
//! [`load`]; [`start`] how it starts; [`seam`] what a call from component to component takes; [`scale`], over [`seed`], what a full store does to it, and [`streams`]
//! what open streams do. [`figures`] are what comes of it, and [`report`] how it is told. [`soak`] and
//! [`instructions`] are commands of their own: the one looks for leaks, the other counts.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "what is measured here is time, and what is told are figures"
)]

mod figures;
mod instructions;
mod load;
mod process;
mod report;
mod scale;
mod seam;
mod seed;
mod soak;
mod start;
mod streams;
mod target;
mod workloads;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::figures::Figures;
use crate::target::Built;
use crate::workloads::Effort;

const USAGE: &str = "usage: postern-bench [soak|instructions] --root DIR --host FILE [--native FILE] [--cloudflare] [--quick] [--minutes N] [--accept]";

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1).peekable();
    let task = arguments.next_if(|argument| !argument.starts_with("--")).unwrap_or_default();
    let (mut root, mut host, mut native, mut has_cloudflare) = (None, None, None, false);
    let (mut quick, mut accept, mut minutes) = (false, false, 30.0);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--root" => root = Some(PathBuf::from(value()?)),
            "--host" => host = Some(PathBuf::from(value()?)),
            "--native" => native = Some(PathBuf::from(value()?)),
            "--minutes" => minutes = value()?.parse().context("--minutes needs a number")?,
            "--cloudflare" => has_cloudflare = true,
            "--quick" => quick = true,
            "--accept" => accept = true,
            _ => bail!("{USAGE}"),
        }
    }
    let (root, host) = root.zip(host).context(USAGE)?;
    let folder = root.join("target/tmp").join(format!("bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let built = Built { root, host, native, has_cloudflare, folder };
    let outcome = match task.as_str() {
        "" => bench(&built, quick),
        "soak" => soak::run(&built, minutes),
        "instructions" => instructions::run(&built, accept),
        _ => bail!("{USAGE}"),
    };
    // Somebody may want to see the logs of what failed.
    if outcome.is_ok() {
        std::fs::remove_dir_all(&built.folder)?;
    }
    outcome.with_context(|| format!("the logs are in {}", built.folder.display()))
}

fn bench(built: &Built, quick: bool) -> Result<()> {
    let effort = match quick {
        true => Effort { rounds: 1, time: Duration::from_secs(2), times: 10 },
        false => Effort { rounds: 3, time: Duration::from_secs(3), times: 50 },
    };
    let mut figures = Figures::default();
    println!("Size");
    start::sizes(built, &mut figures)?;
    println!("Start");
    start::measure(built, &effort, &mut figures)?;
    println!("Seam");
    seam::measure(built, &effort, &mut figures)?;
    println!("Load");
    side_by_side(built, &effort, &mut figures)?;
    println!("Scale");
    scale::measure(built, &effort, quick, &mut figures)?;
    println!("Streams");
    streams::measure(built, quick, &mut figures)?;
    let lines = figures.lines();
    if quick {
        println!();
    } else {
        report::write(&built.root, &figures)?;
        println!("\nbench/README.md has them as a table.");
    }
    lines.iter().for_each(|line| println!("{line}"));
    report::goals(&figures).iter().for_each(|line| println!("{line}"));
    Ok(())
}

/// All targets at once, measured in turn.
fn side_by_side(built: &Built, effort: &Effort, figures: &mut Figures) -> Result<()> {
    let state = built.folder.join("postern");
    let postern = built.postern("postern", &[])?;
    let store = state.join("sqlite_key_value.db");
    let seeded = seed::seed(&seed::Place::Sqlite(&store), &postern.tokens.access_token, 100)?;
    let native = match &built.native {
        Some(program) => Some(built.native(program, &state, &postern.process.base)?),
        None => None,
    };
    let spin = match find_program("spin") {
        Some(spin) => Some(built.spin(&spin)?),
        None => None,
    };
    let mut cloudflare = if built.has_cloudflare { Some(built.cloudflare()?) } else { None };
    memory("idle", &postern.process, "postern", figures);
    if let Some(cloudflare) = &cloudflare {
        memory("idle", &cloudflare.process, "workerd", figures);
    }

    let mut work = workloads::of_postern("postern", &postern)?;
    let client_id = &postern.client.client_id;
    work.push(workloads::refresh("refresh-8.postern", &postern.process, client_id, seeded.refresh_tokens));
    if let Some(spin) = &spin {
        work.extend(workloads::of_postern("spin", spin)?);
    }
    if let Some(native) = &native {
        work.extend(workloads::of_native(native, &postern.tokens.access_token));
    }
    if let Some(cloudflare) = &cloudflare {
        work.extend(workloads::of_cloudflare(cloudflare)?);
        let tokens = vec![cloudflare.refresh_token.clone()];
        let work_of_one = workloads::refresh(
            "refresh-1.workerd-stateless",
            &cloudflare.process,
            &cloudflare.client_id,
            tokens,
        );
        work.push(work_of_one.with_connections(1));
    }
    workloads::measure_all(&work, effort, &built.folder, figures)?;
    drop(work);
    memory("loaded", &postern.process, "postern", figures);
    if let Some(cloudflare) = &cloudflare {
        memory("loaded", &cloudflare.process, "workerd", figures);
    }

    figures.take("first-event.postern.median", workloads::first_events(&postern, effort.times), "ms");
    // Last, because a user has so many grants, and the newest take the place of the oldest.
    figures.take("sign-in.postern.median", workloads::sign_ins(&postern, effort.times), "ms");
    if let Some(cloudflare) = &mut cloudflare {
        let median = workloads::cloudflare_sign_ins(cloudflare, effort.times)?;
        figures.take("sign-in.workerd.median", median, "ms");
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "memory is far below what a float counts")]
fn memory(when: &str, process: &process::Process, name: &str, figures: &mut Figures) {
    figures.take(&format!("memory-{when}.{name}"), process.usage().resident as f64 / 1024.0, "MiB");
}

/// A program on the path.
fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| Path::is_file(file))
}
