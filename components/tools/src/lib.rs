//! The tools that this server offers: a little mathematics. **This is the file to replace by yours.**
//!
//! A tool is a function, `async` if it waits for something: its doc comment says what it does, its arguments and its
//! result say what it takes and gives, and the attribute says which scope a caller needs. At the end, `export!` lists
//! the tools, and the scopes in the words in which the consent page asks for them. The crate `postern-tools` explains
//! the rest.
//!
//! Signing in, tokens, scopes, HTTP and JSON-RPC are other components' work and never get here.

use postern_tools::{Context, ToolError, Unanswered, tool};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

const BASIC: &str = "math:basic";
const STATISTICS: &str = "math:statistics";

/// Adds two numbers: a + b.
#[tool(title = "Add", scopes(BASIC), read_only, open_world = false)]
fn add(a: f64, b: f64) -> Result<f64, &'static str> {
    finite(a + b)
}

/// Subtracts the second number from the first: a - b.
#[tool(title = "Subtract", scopes(BASIC), read_only, open_world = false)]
fn subtract(a: f64, b: f64) -> Result<f64, &'static str> {
    finite(a - b)
}

/// Multiplies two numbers: a * b.
#[tool(title = "Multiply", scopes(BASIC), read_only, open_world = false)]
fn multiply(a: f64, b: f64) -> Result<f64, &'static str> {
    finite(a * b)
}

/// Divides the first number by the second: a / b. b must not be 0.
#[tool(title = "Divide", scopes(BASIC), read_only, open_world = false)]
fn divide(a: f64, b: f64) -> Result<f64, &'static str> {
    if b == 0.0 {
        return Err("Division by zero.");
    }
    finite(a / b)
}

/// Raises the first number to the power of the second: a to the b.
#[tool(title = "Power", scopes(BASIC), read_only, open_world = false)]
fn power(a: f64, b: f64) -> Result<f64, &'static str> {
    finite(a.powf(b))
}

/// Gives the square root of a number that is not negative.
#[tool(title = "Square root", scopes(BASIC), read_only, open_world = false)]
fn square_root(#[schemars(range(min = 0))] number: f64) -> Result<f64, &'static str> {
    if number < 0.0 {
        return Err("A negative number has no real square root.");
    }
    finite(number.sqrt())
}

/// Summarises a list of numbers: count, mean, median and standard deviation (of the numbers as a whole population).
#[tool(title = "Statistics", scopes(STATISTICS), read_only, open_world = false)]
fn statistics(#[schemars(length(min = 1))] mut numbers: Vec<f64>) -> Result<Summary, ToolError> {
    numbers.sort_unstable_by(f64::total_cmp);
    let count = numbers.len();
    let (Some(upper), Some(lower)) = (numbers.get(count / 2), numbers.get(count.saturating_sub(1) / 2))
    else {
        return Err(ToolError::InvalidArguments("numbers must not be empty".to_owned()));
    };
    let mean = numbers.iter().sum::<f64>() / count as f64;
    let variance = numbers.iter().map(|number| (number - mean).powi(2)).sum::<f64>() / count as f64;
    Ok(Summary {
        count,
        mean: finite(mean)?,
        median: finite(lower / 2.0 + upper / 2.0)?,
        standard_deviation: finite(variance.sqrt())?,
    })
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Summary {
    count: usize,
    mean: f64,
    median: f64,
    standard_deviation: f64,
}

/// Counts the prime numbers up to a limit, and tells how far it is.
#[tool(title = "Count primes", scopes(BASIC), read_only, open_world = false)]
async fn count_primes(ctx: &Context, #[schemars(range(max = 1_000_000))] limit: u32) -> u32 {
    let mut count = 0;
    for number in 2..=limit.min(1_000_000) {
        count += u32::from(
            (2..).take_while(|divisor| divisor * divisor <= number).all(|divisor| number % divisor != 0),
        );
        if number % 10_000 == 0 {
            ctx.progress(f64::from(number), f64::from(limit)).await;
        }
    }
    count
}

/// Splits a bill, and asks among how many people and with how much of a tip.
#[tool(title = "Split a bill", scopes(BASIC), read_only, open_world = false)]
async fn split_bill(ctx: &Context, amount: f64) -> Result<f64, Unanswered> {
    let party: Party = ctx.elicit("party", "Who pays?").await?;
    let total = amount * (1.0 + party.tip.unwrap_or(0.0) / 100.0);
    Ok((total / f64::from(party.people.max(1)) * 100.0).round() / 100.0)
}

#[derive(Deserialize, JsonSchema)]
struct Party {
    /// How many people pay
    #[schemars(range(min = 1))]
    people: u16,
    /// Tip, in percent
    tip: Option<f64>,
}

/// JSON has no number for infinity, nor for what is none.
fn finite(number: f64) -> Result<f64, &'static str> {
    if number.is_finite() { Ok(number) } else { Err("The result is not a finite real number.") }
}

postern_tools::export! {
    scopes {
        BASIC => "Do arithmetic", initial;
        STATISTICS => "Summarise lists of numbers";
    }
    tools { add, subtract, multiply, divide, power, square_root, statistics, count_primes, split_bill }
}
