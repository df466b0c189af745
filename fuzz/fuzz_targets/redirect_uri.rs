//! `cargo fuzz run redirect_uri`: see the library.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    postern_fuzz::run("redirect_uri", input);
});
