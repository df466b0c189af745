//! The task `doctor`: what is missing on this machine, and how to get it.

use crate::command::{Program, find_program};
use crate::{build, clients, redis};
use anyhow::Result;
use std::process::ExitCode;

/// What was found out about one thing.
struct Finding {
    what: &'static str,
    /// What is there, or how to get it.
    state: Result<String, String>,
    /// For what it is needed.
    needed_for: &'static str,
}

/// The task `doctor`. It succeeds if everything is there that building and serving needs.
pub(crate) fn run() -> Result<ExitCode> {
    let findings = [
        Finding { what: "Rust", state: rust(), needed_for: "everything" },
        Finding { what: "wasm32-wasip2", state: wasm_target(), needed_for: "building components" },
        Finding { what: "C compiler", state: c_compiler(), needed_for: "building the server (SQLite)" },
        Finding {
            what: "Node, npm",
            state: node(),
            needed_for: "tools in JavaScript, and testing with real clients",
        },
        Finding {
            what: "Python",
            state: python(),
            needed_for: "tools in Python, and testing with the Python SDK",
        },
        Finding { what: "Chromium", state: browser(), needed_for: "testing with a real browser" },
        Finding { what: "Redis", state: redis_server(), needed_for: "testing on Redis" },
        Finding {
            what: "Spin",
            state: spin(),
            needed_for: "nothing here; another host for the same components",
        },
    ];
    let mut ready = true;
    for (index, Finding { what, state, needed_for }) in findings.into_iter().enumerate() {
        match state {
            Ok(found) => println!("ok       {what:<14} {found}"),
            Err(advice) => {
                println!("missing  {what:<14} {advice}\n                        needed for {needed_for}");
                ready &= index > 2;
            }
        }
    }
    Ok(if ready { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn rust() -> Result<String, String> {
    let version = Program::new("rustc").args(["--version"]).output();
    version
        .map(|version| version.trim().to_owned())
        .map_err(|_| "install it from https://rustup.rs".to_owned())
}

fn wasm_target() -> Result<String, String> {
    match build::has_wasm_target() {
        Ok(true) => Ok("installed".to_owned()),
        _ => Err(format!("rustup target add {} (`up`, `build` and `test` do it)", build::WASM_TARGET)),
    }
}

fn c_compiler() -> Result<String, String> {
    let compilers = if cfg!(windows) { ["cl", "clang"] } else { ["cc", "clang"] };
    compilers
        .iter()
        .find_map(|name| find_program(name))
        .map(|file| file.display().to_string())
        .ok_or_else(|| "install gcc or clang; on Debian: apt-get install build-essential".to_owned())
}

fn node() -> Result<String, String> {
    match clients::node_fault() {
        Some(fault) => Err(fault),
        None => Ok(Program::new("node").args(["--version"]).output().unwrap_or_default().trim().to_owned()),
    }
}

fn python() -> Result<String, String> {
    let python = clients::find_python().ok_or_else(|| clients::PYTHON_ADVICE.to_owned())?;
    Ok(python.display().to_string())
}

fn browser() -> Result<String, String> {
    clients::find_browser()
        .map(|file| file.display().to_string())
        .ok_or_else(|| "on Debian: apt-get install chromium; or set CHROMIUM to the file of one".to_owned())
}

fn redis_server() -> Result<String, String> {
    redis::find().map(|file| file.display().to_string()).ok_or_else(|| redis::ADVICE.to_owned())
}

fn spin() -> Result<String, String> {
    find_program("spin")
        .map(|file| file.display().to_string())
        .ok_or_else(|| "https://spinframework.dev".to_owned())
}
