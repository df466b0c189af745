//! Chance, from the host (`wasi:random`).

use store_core::Random;

/// The host's cryptographically secure generator.
#[derive(Debug, Clone, Copy)]
pub struct HostRandom;

impl Random for HostRandom {
    fn fill(&self, bytes: &mut [u8]) {
        #[expect(
            clippy::expect_used,
            reason = "WASI's random functions cannot fail, and nothing is safe without"
        )]
        getrandom::fill(bytes).expect("the host provides randomness");
    }
}
