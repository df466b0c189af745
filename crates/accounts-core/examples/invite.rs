//! Writes an invitation: a code with which one e-mail address may make an account (`sign_up=invited`).
//!
//! It takes the deployment's secret and nothing else: neither the server nor its store is asked, so it works for a
//! server anywhere, also for its very first account.
//!
//! ```text
//! SPIN_VARIABLE_DEPLOYMENT_SECRET=… cargo run -p accounts-core --example invite -- alice@example.com --days 7
//! ```
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the operator reads its environment and the clock, and prints"
)]

use accounts_core::{invitation, name};
use std::{
    process::ExitCode,
    time::{Duration, SystemTime},
};
use store_core::Keyring;

const USAGE: &str = "usage: invite ADDRESS [--days N], with the secret in SPIN_VARIABLE_DEPLOYMENT_SECRET";
const SECRET: &str = "SPIN_VARIABLE_DEPLOYMENT_SECRET";

/// For how many days an invitation is good unless another number is given, and at most.
const DEFAULT_DAYS: u64 = 7;
const MAX_DAYS: u64 = 90;

fn main() -> ExitCode {
    match invite() {
        Ok((email, days, code)) => {
            eprintln!(
                "For {email}, good once and for {days} days, in the field \u{201c}Invitation code\u{201d}:"
            );
            println!("{code}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("invite: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn invite() -> Result<(String, u64, String), String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (address, days) = match arguments[..] {
        [address] => (address, DEFAULT_DAYS),
        [address, "--days", days] | ["--days", days, address] => (address, days.parse().map_err(|_| USAGE)?),
        _ => return Err(USAGE.into()),
    };
    if !(1..=MAX_DAYS).contains(&days) {
        return Err(format!("an invitation is good for 1 to {MAX_DAYS} days"));
    }
    let email = name::normalise(address).ok_or_else(|| format!("{address} is not an e-mail address"))?;
    let secret = std::env::var(SECRET).map_err(|_| format!("{SECRET} is not set"))?;
    let keys = Keyring::parse(&secret).map_err(|error| error.to_string())?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let code = invitation::issue(&keys, &email, now.saturating_add(days * 24 * 60 * 60));
    code.map(|code| (email, days, code)).ok_or_else(|| "the clock is wrong".into())
}
