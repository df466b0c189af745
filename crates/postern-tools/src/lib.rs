//! MCP tools as functions, and the component that offers them.
//!
//! A tool is a function with a doc comment. Its arguments are the tool's arguments, what it returns is its result, and
//! the JSON Schemas of both follow from the types:
//!
//! ```
//! use postern_tools::tool;
//!
//! /// Adds two numbers: a + b.
//! #[tool(title = "Add", scopes("math:basic"), read_only)]
//! async fn add(a: f64, b: f64) -> f64 {
//!     a + b
//! }
//!
//! postern_tools::export! {
//!     scopes { "math:basic" => "Do arithmetic", initial; }
//!     tools { add }
//! }
//! # fn main() {}
//! ```
//!
//! Build that for `wasm32-wasip2` as a `cdylib`, name the file in `spin.toml`, and it is served. Signing in, tokens, scopes,
//! HTTP and JSON-RPC are done elsewhere; the arguments that arrive fit the schema, and the caller has the scopes.
//!
//! In `Cargo.toml`, types of your own take `serde` with its feature `derive`, and `schemars` 1. A tool may wait for whatever
//! WASI 0.3 has, with any crate that speaks it (`wasip3`, `spin-sdk`), as far as `spin.toml` grants it.
//!
//! # Reading order
//!
//! * [`tool`], the attribute, and [`export!`];
//! * [`ToolOutput`], what a tool may return, and [`ToolError`], what it may fail with;
//! * [`Context`], who calls, and how to tell and ask them something while the tool runs;
//! * [`Task`], for what takes longer than a client waits;
//! * [`testing`], a tool without a host.
//!
//! The types that the contract has are the contract's own ([`contract`]), made from `wit/tools/tools.wit`.
//!
//! # What lasts
//!
//! Nothing. An instance may serve one call or many, of different callers, so a `static` must not keep anything about a
//! caller. What one round of a call has to remember for the next travels with the call.

mod arguments;
mod carried;
mod context;
mod decode;
mod definition;
mod error;
mod integer;
mod json;
mod panics;
mod place;
mod questions;
mod result;
mod round;
mod schema;
mod serve;
pub mod testing;

#[doc(hidden)]
pub mod bindings;

// The macros name this crate as its users do.
extern crate self as postern_tools;

/// The contract in Rust: `wit/tools/tools.wit`, as `wit-bindgen` makes it.
pub use bindings::contract;
pub use context::{Context, TaskLost};
pub use contract::{
    Caller, ClientCapabilities, ClientInfo, ContentBlock, EmbeddedResource, LogLevel, Media,
    ResourceContents, ResourceLink, Role, Root, ToolResult,
};
pub use definition::{Provider, Tool};
pub use error::{ToolError, Unanswered};
pub use postern_tools_macros::tool;
pub use questions::{Sampled, Sampling};
pub use result::{Outcome, Structured, Task, ToolOutput, Unwritable};

/// What the macros write into other crates. No part of the interface.
#[doc(hidden)]
pub mod __private {
    pub use crate::{
        arguments::Arguments,
        bindings,
        definition::{
            Described, Entry, Fallible, ScopeEntry, check_names, check_scopes, check_tokens, done, finish,
            finish_result, list_scopes, list_tools,
        },
        round::Work,
        serve::call_tool,
    };
    pub use schemars::{self, JsonSchema};
    pub use std::sync::OnceLock;

    /// The word after a scope's description in `export!`.
    #[macro_export]
    #[doc(hidden)]
    macro_rules! __initial {
        (initial) => {
            true
        };
        ($other:ident) => {
            compile_error!("after a scope's description there can only be `initial`")
        };
    }
}

/// Makes a component of tools. Once in a crate.
///
/// `scopes` lists every scope that the tools name, with what granting it allows, in words for the person who is asked.
/// Clients ask at sign-in for those that are `initial`, and for the others when somebody calls a tool that takes them.
/// `tools` lists the tools in the order in which they are shown, by their functions' names or paths.
///
/// ```
/// # use postern_tools::tool;
/// # /// Adds.
/// # #[tool(scopes(BASIC))] async fn add(a: f64, b: f64) -> f64 { a + b }
/// # mod lists {
/// #     /// Finds the mean.
/// #     #[postern_tools::tool(scopes("math:statistics"))]
/// #     pub async fn mean(numbers: Vec<f64>) -> f64 { numbers.iter().sum::<f64>() / numbers.len() as f64 }
/// # }
/// const BASIC: &str = "math:basic";
///
/// postern_tools::export! {
///     scopes {
///         BASIC => "Do arithmetic", initial;
///         "math:statistics" => "Summarise lists of numbers";
///     }
///     tools { add, lists::mean }
/// }
/// # fn main() { assert_eq!(postern_tools::testing::tools::<Exported>().len(), 2); }
/// ```
///
/// A scope that a tool takes and that is not listed fails the build, and so do a scope that is no scope token and a name
/// that two tools have:
///
/// ```compile_fail
/// # use postern_tools::tool;
/// /// Adds.
/// #[tool(scopes("math:basic"))]
/// async fn add(a: f64, b: f64) -> f64 { a + b }
///
/// postern_tools::export! { scopes {} tools { add } }
/// # fn main() {}
/// ```
///
/// ```compile_fail
/// postern_tools::export! { scopes { "math basic" => "Do arithmetic"; } tools {} }
/// # fn main() {}
/// ```
///
/// ```compile_fail
/// # use postern_tools::tool;
/// /// Adds.
/// #[tool]
/// async fn add(a: f64, b: f64) -> f64 { a + b }
/// /// Adds, too.
/// #[tool(name = "add")]
/// async fn add_too(a: f64, b: f64) -> f64 { a + b }
///
/// postern_tools::export! { scopes {} tools { add, add_too } }
/// # fn main() {}
/// ```
///
/// It declares the type `Exported`, for tests ([`testing::tools`]).
#[macro_export]
macro_rules! export {
    (
        scopes { $($scope:expr => $description:expr $(, $initial:ident)?;)* }
        tools { $($tool:path),* $(,)? }
    ) => {
        /// The tools of this component.
        #[derive(Debug, Clone, Copy)]
        struct Exported;

        impl $crate::Provider for Exported {
            const TOOLS: &'static [$crate::__private::Entry] = &[$($crate::__private::Entry::of::<$tool>()),*];
            const SCOPES: &'static [$crate::__private::ScopeEntry] =
                &[$(($scope, $description, false $(|| $crate::__initial!($initial))?)),*];

            fn descriptions() -> &'static $crate::__private::OnceLock<::std::vec::Vec<$crate::__private::Described>> {
                static DESCRIPTIONS: $crate::__private::OnceLock<::std::vec::Vec<$crate::__private::Described>> =
                    $crate::__private::OnceLock::new();
                &DESCRIPTIONS
            }
        }

        const _: () = $crate::__private::check_tokens(<Exported as $crate::Provider>::SCOPES);
        const _: () = $crate::__private::check_names(<Exported as $crate::Provider>::TOOLS);
        $(const _: () = $crate::__private::check_scopes::<$tool>(<Exported as $crate::Provider>::SCOPES);)*

        impl $crate::contract::Guest for Exported {
            async fn list_tools() -> ::core::result::Result<::std::vec::Vec<$crate::contract::Tool>, $crate::contract::Error> {
                Ok($crate::__private::list_tools::<Self>())
            }

            async fn list_scopes() -> ::core::result::Result<::std::vec::Vec<$crate::contract::Scope>, $crate::contract::Error> {
                Ok($crate::__private::list_scopes::<Self>())
            }

            async fn call_tool(
                caller: $crate::contract::Caller,
                call: $crate::contract::Call,
            ) -> ::core::result::Result<$crate::contract::Reply, $crate::contract::Error> {
                $crate::__private::call_tool::<Self>(caller, call).await
            }
        }

        #[allow(unsafe_code, reason = "the component model's calling convention")]
        mod __postern_tools_export {
            use super::Exported;
            $crate::__private::bindings::export!(Exported with_types_in $crate::__private::bindings);
        }
    };
}
