//! An invitation to make an account. What is in one is `accounts-core`'s to know, so its example writes it.

use crate::command::Program;
use anyhow::Result;
use std::process::ExitCode;

/// The task.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let example = ["run", "--quiet", "--package", "accounts-core", "--example", "invite", "--"];
    Program::cargo().args(example).args(arguments).run()?;
    Ok(ExitCode::SUCCESS)
}
