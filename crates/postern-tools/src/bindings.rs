//! The contract, as `wit-bindgen` makes Rust of it.

wit_bindgen::generate!({
    path: "../../wit/tools",
    world: "tool-provider",
    pub_export_macro: true,
    default_bindings_module: "postern_tools::__private::bindings",
    additional_derives: [PartialEq],
    additional_derives_ignore: ["running", "reply"],
});

pub use exports::postern::tools::tools as contract;
