//! `cargo fuzz run form`: see the library.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    postern_fuzz::run("form", input);
});
