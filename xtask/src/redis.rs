//! The Redis server that the tests start for themselves.

use crate::clients::{install_debian_package, may_install};
use crate::command::find_program;
use anyhow::{Context, Result, bail};
use std::path::PathBuf;

/// How to get it.
pub(crate) const ADVICE: &str =
    "on Debian: apt-get install redis-server; or set REDIS_SERVER to the file of one";

/// The server's program on this machine.
pub(crate) fn find() -> Option<PathBuf> {
    if let Some(program) = std::env::var_os("REDIS_SERVER").filter(|program| !program.is_empty()) {
        return Some(program.into());
    }
    find_program("redis-server").or_else(|| find_program("valkey-server"))
}

/// The server's program, installed if this is a Debian and we may.
pub(crate) fn program() -> Result<PathBuf> {
    if let Some(program) = find() {
        return Ok(program);
    }
    if !may_install() {
        bail!("no redis-server found; {ADVICE}");
    }
    install_debian_package("redis-server")?;
    find().context("Debian's redis-server was installed and is not to be found")
}
