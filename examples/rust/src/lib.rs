//! The tools that this server offers: a little mathematics. **This is the file to replace by yours.**
//!
//! A tool is a function. Its doc comment is for the model that decides whether to call it; its types become the JSON Schema
//! that arguments are checked against before it is called. The crate `postern-tools` explains the rest.

use postern_tools::{Context, Unanswered, tool};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Adds two numbers: a + b.
#[tool(title = "Add", scopes("math:basic"), read_only, open_world = false)]
async fn add(a: f64, b: f64) -> Result<f64, &'static str> {
    finite(a + b)
}

/// Divides the first number by the second: a / b. b must not be 0.
#[tool(title = "Divide", scopes("math:basic"), read_only, open_world = false)]
async fn divide(a: f64, b: f64) -> Result<f64, &'static str> {
    if b == 0.0 {
        return Err("Division by zero.");
    }
    finite(a / b)
}

/// Gives the square root of a number that is not negative.
#[tool(title = "Square root", scopes("math:basic"), read_only, open_world = false)]
async fn square_root(#[schemars(range(min = 0))] number: f64) -> f64 {
    number.sqrt()
}

#[derive(Serialize, JsonSchema)]
struct Summary {
    count: usize,
    mean: f64,
    median: f64,
}

/// Summarises a list of numbers: count, mean and median.
#[tool(title = "Statistics", scopes("math:statistics"), read_only, open_world = false)]
async fn statistics(#[schemars(length(min = 1))] mut numbers: Vec<f64>) -> Result<Summary, &'static str> {
    numbers.sort_by(f64::total_cmp);
    let count = numbers.len();
    let (Some(upper), Some(lower)) = (numbers.get(count / 2), numbers.get(count.saturating_sub(1) / 2))
    else {
        return Err("There are no numbers.");
    };
    let mean = finite(numbers.iter().sum::<f64>() / count as f64)?;
    Ok(Summary { count, mean, median: lower / 2.0 + upper / 2.0 })
}

/// Adds up a list of numbers, and tells how far it is.
#[tool(title = "Sum step by step", scopes("math:basic"), read_only, open_world = false)]
async fn sum_slowly(
    ctx: &Context,
    #[schemars(length(min = 1))] numbers: Vec<f64>,
) -> Result<f64, &'static str> {
    let mut total = 0.0;
    for (step, number) in numbers.iter().enumerate() {
        total += number;
        ctx.progress_with(step as f64 + 1.0, numbers.len() as f64, format!("{total} so far")).await;
    }
    finite(total)
}

#[derive(Deserialize, JsonSchema)]
struct Precision {
    /// How many digits to keep after the point
    #[schemars(range(min = 0, max = 10))]
    digits: u8,
}

/// Rounds a number to as many digits as the person wants, who is asked.
#[tool(title = "Round", scopes("math:basic"), read_only, open_world = false)]
async fn round_number(ctx: &Context, number: f64) -> Result<f64, &'static str> {
    let asked = ctx.elicit("precision", format!("How precisely do you want {number}?")).await;
    let Precision { digits } = asked.map_err(|_: Unanswered| "Nobody said how precisely.")?;
    let scale = 10_f64.powi(i32::from(digits));
    finite((number * scale).round() / scale)
}

/// JSON has no number for infinity, nor for what is none.
fn finite(number: f64) -> Result<f64, &'static str> {
    if number.is_finite() { Ok(number) } else { Err("The result is not a finite real number.") }
}

postern_tools::export! {
    scopes {
        "math:basic" => "Do arithmetic with numbers that you give it", initial;
        "math:statistics" => "Summarise lists of numbers that you give it";
    }
    tools { add, divide, square_root, statistics, sum_slowly, round_number }
}

#[cfg(test)]
mod tests {
    use super::{add, round_number};
    use postern_tools::testing::{accept, call};
    use serde_json::json;

    #[test]
    fn numbers_are_added() {
        assert_eq!(call::<add>(json!({ "a": 19, "b": 23 })).run().text(), "42");
    }

    #[test]
    fn a_number_is_as_precise_as_the_person_wants() {
        let call = call::<round_number>(json!({ "number": 2.71728 }));
        assert_eq!(call.answer("precision", accept(json!({ "digits": 2 }))).run().text(), "2.72");
    }
}
