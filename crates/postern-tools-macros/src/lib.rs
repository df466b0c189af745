//! The attribute macro of `postern-tools`. Its documentation is there.

mod arguments;
mod attributes;
mod expand;
#[cfg(test)]
mod refusals;

use proc_macro::TokenStream;

/// Makes a tool of a function.
///
/// ```
/// use postern_tools::tool;
///
/// /// Raises a number to a power.
/// #[tool(title = "Power", scopes("math:basic"), read_only, open_world = false)]
/// async fn power(
///     /// What is raised.
///     base: f64,
///     /// To which power. 2, if it is left out.
///     exponent: Option<f64>,
/// ) -> f64 {
///     base.powf(exponent.unwrap_or(2.0))
/// }
/// ```
///
/// * The **name** is the function's, or `name = "…"`: 1 to 64 of `A-Z a-z 0-9 _ - .`.
/// * The **description** is the doc comment. A model reads it to decide whether to call the tool.
/// * The **arguments** are the function's, of any type that is `serde::Deserialize` and `schemars::JsonSchema`. Their doc
///   comments are for the model too. One in an `Option` may be left out. `#[schemars(…)]` on an argument means what it means
///   on a field: `#[schemars(range(min = 0))]`. `#[name("page-size")]` gives it a name that Rust does not know. What
///   is no argument of the tool is refused.
/// * An argument of the type `&Context` is the tool's [`Context`](../postern_tools/struct.Context.html), and no argument for the client.
/// * The **result** is whatever is a [`ToolOutput`](../postern_tools/trait.ToolOutput.html), or a `Result` of that and something that
///   becomes a [`ToolError`](../postern_tools/enum.ToolError.html): all that can be displayed. (The attribute sees words, not types: an alias of
///   `Result` has to be called `Result`.)
/// * The function may be `async` or not. It stays what it is, and can be called like any other.
///
/// In the attribute, all of it optional:
///
/// | | |
/// |---|---|
/// | `title = "Power"` | the name to show to a person |
/// | `scopes("math:basic", STATISTICS)` | what a caller needs, all of them: literals or constants |
/// | `read_only` | it changes nothing (so it neither destroys anything, nor does it matter how often it is called) |
/// | `destructive = false` | it only adds; MCP assumes the worst |
/// | `idempotent` | calling it again with the same arguments changes nothing more |
/// | `open_world = false` | it does not reach beyond this server; MCP assumes that it does |
///
/// On an argument, `#[header("Region")]` has clients of revision 2026-07-28 repeat it in the HTTP header `Mcp-Param-Region`
/// (`x-mcp-header`), so that proxies can route by it. It is for texts, integers and `bool`s.
///
/// # What it refuses
///
/// A tool that nobody could know what it does:
///
/// ```compile_fail
/// # use postern_tools::tool;
/// #[tool]
/// async fn add(a: f64, b: f64) -> f64 { a + b }
/// ```
///
/// an argument that is borrowed from nobody:
///
/// ```compile_fail
/// # use postern_tools::tool;
/// /// Greets.
/// #[tool]
/// async fn greet(name: &str) -> String { format!("Hello, {name}!") }
/// ```
///
/// a result that has no form:
///
/// ```compile_fail
/// # use postern_tools::tool;
/// struct Opaque;
/// /// Looks away.
/// #[tool]
/// async fn look() -> Opaque { Opaque }
/// ```
#[proc_macro_attribute]
pub fn tool(attribute: TokenStream, item: TokenStream) -> TokenStream {
    expand::tool(attribute.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
