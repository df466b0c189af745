//! WASI behind the ports of the cores: HTTP in and out, the store, variables, chance and time.
//!
//! This is the one crate here that is neither pure nor a component. It converts, calls and returns,
//! and decides nothing about OAuth or MCP. Every interface that it imports is standard WASI, so the
//! same components run on Spin, on the bundled host and elsewhere; a component imports only what it
//! uses of it.

#[cfg(any(feature = "http", feature = "fetch"))]
mod body;
pub mod clock;
pub mod deployment;
pub mod fault;
#[cfg(feature = "fetch")]
pub mod fetch;
#[cfg(feature = "http")]
pub mod http;
pub mod log;
pub mod random;
pub mod store;
pub mod variables;

mod bindings {
    wit_bindgen::generate!({
        inline: "
            package postern:platform;
            world platform {
                include wasi:keyvalue/imports@0.2.0-draft2;
                include wasi:config/imports@0.2.0-draft-2024-09-27;
            }
        ",
        world: "postern:platform/platform",
        path: ["../../wit/wasi/keyvalue", "../../wit/wasi/config"],
        generate_all,
    });
}
