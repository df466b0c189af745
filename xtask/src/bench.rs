//! The task `bench`: builds what is measured and what measures it, and runs that.

use crate::build;
use crate::clients::{install_debian_package, install_packages, may_install, node_fault};
use crate::command::{Program, find_program, root, target_dir};
use anyhow::{Context, Result, bail};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// The task.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let (mut quick, mut soak, mut accept, mut minutes) = (false, false, false, None);
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => quick = true,
            "--soak" => soak = true,
            "--accept-instructions" => accept = true,
            "--minutes" => minutes = Some(arguments.next().context("--minutes needs a number")?),
            other => bail!("`bench` knows no `{other}`"),
        }
    }
    if minutes.is_some() && !soak {
        bail!("--minutes is for --soak");
    }
    build::finished_components()?;
    if accept {
        return done(instructions(build::host()?, true));
    }
    let host = build::finished_host()?;
    let mut more: Vec<OsString> = Vec::new();
    if soak {
        more.push("soak".into());
        more.extend(minutes.into_iter().flat_map(|minutes| ["--minutes".into(), minutes.into()]));
        return done(driver("host", host, more)?.run());
    }
    if find_program("wrk").is_none() {
        if !may_install() {
            bail!("wrk, the load generator, is missing; on Debian: apt-get install wrk");
        }
        install_debian_package("wrk")?;
    }
    let seam = ["-p", "seam-caller", "-p", "seam-noop"];
    Program::cargo().args(["build", "--release", "--target", build::WASM_TARGET]).args(seam).run()?;
    more.extend(["--native".into(), native()?.into_os_string()]);
    match node_fault() {
        None => {
            install_packages(&root().join("bench/cloudflare"))?;
            more.push("--cloudflare".into());
        }
        Some(missing) => println!("Cloudflare's stack is left out: {missing}"),
    }
    if quick {
        more.push("--quick".into());
    }
    done(driver("host", host, more)?.run())
}

/// Counts instructions, and holds them to the baseline.
pub(crate) fn instructions(host: PathBuf, accept: bool) -> Result<()> {
    let accept = if accept { vec!["--accept".into()] } else { Vec::new() };
    // In the profile of the tests, most of which has been built for them.
    driver("dev", host, ["instructions".into()].into_iter().chain(accept))?.run()
}

fn done(outcome: Result<()>) -> Result<ExitCode> {
    outcome.map(|()| ExitCode::SUCCESS)
}

/// What measures. A task of its own comes first among `more`.
fn driver(profile: &str, host: PathBuf, more: impl IntoIterator<Item = OsString>) -> Result<Program> {
    Program::cargo().args(["build", "--profile", profile, "-p", "postern-bench"]).run()?;
    let folder = if profile == "dev" { "debug" } else { profile };
    let program = target_dir().join(folder).join(format!("postern-bench{}", std::env::consts::EXE_SUFFIX));
    let given = ["--root".into(), root().into_os_string(), "--host".into(), host.into_os_string()];
    Ok(Program::new(program).args(more).args(given))
}

/// Builds the native server, which is a workspace of its own.
fn native() -> Result<PathBuf> {
    let folder = target_dir().join("bench-native");
    Program::cargo()
        .args(["build", "--release", "--locked", "--manifest-path", "bench/native/Cargo.toml"])
        .env("CARGO_TARGET_DIR", &folder)
        .run()?;
    Ok(folder.join("release").join(format!("postern-bench-native{}", std::env::consts::EXE_SUFFIX)))
}
