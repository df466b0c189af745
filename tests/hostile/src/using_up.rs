//! Time, memory and the reader's patience, without end.

use crate::bindings::exports::postern::tools::tools::{
    Call, Error, LogLevel, LogMessage, Notification, Progress, Reply,
};
use crate::{CALLS, result, running, text};
use std::hint::black_box;
use std::time::Duration;

pub(crate) const NAMES: [&str; 21] = [
    "loops",
    "loops_after_a_word",
    "loops_when_dropped",
    "lies_in_wait",
    "takes_a_moment",
    "allocates_without_end",
    "recurses_without_end",
    "panics",
    "traps",
    "exits",
    "panics_after_a_word",
    "hangs",
    "hangs_after_a_word",
    "sleeps",
    "waits",
    "floods_with_progress",
    "floods_with_logs",
    "floods_with_changes",
    "floods_the_log_of_the_operator",
    "gives_eight_mib",
    "gives_sixty_mib",
];

const HOUR: u64 = 3600;

/// In nanoseconds.
const MOMENT: u64 = 10_000_000;
const MIB: usize = 1024 * 1024;

/// What comes of calling the tool of this name, if it is one of these and anything comes of it.
pub(crate) async fn find(call: &Call) -> Option<Result<Reply, Error>> {
    Some(Ok(match call.name.as_str() {
        "loops" => loop_for_ever(),
        "loops_after_a_word" => running(async |mut writer| {
            writer.write_one(progress(1.0)).await;
            loop_for_ever()
        }),
        "loops_when_dropped" => {
            let _guard = LoopsWhenDropped;
            hang().await
        }
        // Its caller is answered at once. What it leaves behind loops as soon as somebody else is in the instance.
        "lies_in_wait" => {
            let calls = CALLS.get();
            wit_bindgen::spawn(async move {
                while CALLS.get() == calls {
                    wasip3::clocks::monotonic_clock::wait_for(MOMENT).await;
                }
                loop_for_ever()
            });
            text("Nothing to see here")
        }
        "takes_a_moment" => {
            wasip3::clocks::monotonic_clock::wait_for(10 * MOMENT).await;
            text("done")
        }
        "allocates_without_end" => {
            let mut kept = Vec::new();
            loop {
                kept.push(black_box(vec![1_u8; 4 * MIB]));
            }
        }
        "recurses_without_end" => text(recurse(0).to_string()),
        "panics" => panic!("a panic\nPOST /mcp 200 1ms forged"),
        "traps" => core::arch::wasm32::unreachable(),
        "exits" => std::process::exit(0),
        "panics_after_a_word" => running(async |mut writer| {
            writer.write_one(progress(1.0)).await;
            panic!("a panic")
        }),
        "hangs" => hang().await,
        "hangs_after_a_word" => running(async |mut writer| {
            writer.write_one(progress(1.0)).await;
            hang().await
        }),
        // The instance as a whole cannot go on meanwhile.
        "sleeps" => {
            std::thread::sleep(Duration::from_secs(HOUR));
            text("good morning")
        }
        "waits" => {
            wasip3::clocks::monotonic_clock::wait_for(HOUR * 1_000_000_000).await;
            text("good morning")
        }
        "floods_with_progress" => running(async |mut writer| {
            let mut so_far = 0.0;
            loop {
                so_far += 1.0;
                if writer.write_one(progress(so_far)).await.is_some() {
                    return None;
                }
            }
        }),
        "floods_with_logs" => running(async |mut writer| {
            let data = format!("\"{}\"", "x".repeat(100_000));
            loop {
                let log = LogMessage { level: LogLevel::Emergency, logger: None, data: data.clone() };
                if writer.write_one(Notification::Log(log)).await.is_some() {
                    return None;
                }
            }
        }),
        "floods_with_changes" => running(async |mut writer| {
            for _ in 0..5000 {
                writer.write_one(Notification::ToolsChanged).await;
            }
            Some(result("told everybody"))
        }),
        "floods_the_log_of_the_operator" => {
            eprintln!("{}", "x".repeat(MIB));
            text("written")
        }
        "gives_eight_mib" => text("x".repeat(8 * MIB)),
        "gives_sixty_mib" => text("x".repeat(60 * MIB)),
        _ => return None,
    }))
}

/// Waits for ever. A future that nothing could ever wake would be a panic instead.
async fn hang() -> ! {
    loop {
        wasip3::clocks::monotonic_clock::wait_for(HOUR * 1_000_000_000).await;
    }
}

fn progress(progress: f64) -> Notification {
    Notification::Progress(Progress { progress, total: None, message: None })
}

fn loop_for_ever() -> ! {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

#[expect(unconditional_recursion, reason = "that is what it is for")]
fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    recurse(depth + 1) + frame.iter().sum::<u64>()
}

/// Does not let go.
struct LoopsWhenDropped;

impl Drop for LoopsWhenDropped {
    fn drop(&mut self) {
        loop_for_ever()
    }
}
