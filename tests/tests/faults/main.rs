//! A store that fails in the middle of something, over HTTP, on the real host: what a write that failed, a
//! killed process, a full disk, a locked file or a dead Redis leaves behind.
//!
//! Whatever happens, the answer is "try again later" and never a word about the grant; nothing works that
//! was not handed out; and the user can start again (I5, threats K-07 to K-09, K-19 and K-20).
#![expect(clippy::unwrap_used, reason = "this is how a test fails")]

mod disk;
mod foreign;
mod killed;
mod scene;
mod store_down;
mod sweep;
