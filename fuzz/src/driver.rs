//! Generates inputs and runs a target on them.

use crate::Target;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use store_core::{Random, testing::SequenceRandom};

/// The longest generated input, in bytes.
const MAX_BYTES: usize = 4096;

/// Bytes that have a meaning to some parser.
const SIGNS: &[u8] = b"%&=;:/?#@\\\"'{}[],. \t\r\n\0-_+~0aA\x80\xff";

/// How many inputs are kept for mutation.
const MAX_CORPUS: usize = 512;

/// Runs a target on this many inputs. The same start gives the same inputs. Fails with an input that broke
/// something, as Rust writes it.
pub fn drive(target: Target, iterations: u32, start: u64) -> Result<usize, String> {
    let mut corpus = (target.seeds)();
    let mut outcomes = BTreeSet::new();
    for seed in &corpus {
        outcomes.insert(give(target, seed)?);
    }
    let random = SequenceRandom::new(start);
    for _ in 0..iterations {
        let input = mutate(&corpus, target.words, &random);
        if outcomes.insert(give(target, &input)?) && corpus.len() < MAX_CORPUS {
            corpus.push(input);
        }
    }
    Ok(outcomes.len())
}

fn give(target: Target, input: &[u8]) -> Result<String, String> {
    catch_unwind(AssertUnwindSafe(|| (target.run)(input)))
        .map_err(|_| format!("{} does not hold for b\"{}\"", target.name, input.escape_ascii()))
}

fn below(random: &SequenceRandom, bound: usize) -> usize {
    usize::try_from(u64::from_le_bytes(random.bytes()) % (bound.max(1) as u64)).unwrap_or_default()
}

/// Picks a range of an input, most often a short one.
fn range(random: &SequenceRandom, length: usize) -> std::ops::Range<usize> {
    let start = below(random, length + 1);
    let reach = if below(random, 4) == 0 { length } else { 8 };
    start..(start + below(random, reach + 1)).min(length)
}

fn mutate(corpus: &[Vec<u8>], words: &[&str], random: &SequenceRandom) -> Vec<u8> {
    let pick = || corpus[below(random, corpus.len())].clone();
    let mut input = pick();
    for _ in 0..=below(random, 4) {
        let at = below(random, input.len() + 1);
        match below(random, 10) {
            0 | 1 if !words.is_empty() => {
                let place = if below(random, 2) == 0 { at..at } else { range(random, input.len()) };
                input.splice(place, words[below(random, words.len())].bytes());
            }
            2 if at < input.len() => input[at] ^= 1 << below(random, 8),
            3 if at < input.len() => input[at] = random.bytes::<1>()[0],
            4 => input.insert(at, SIGNS[below(random, SIGNS.len())]),
            5 => drop(input.drain(range(random, input.len()))),
            6 => {
                let piece = input[range(random, input.len())].to_vec();
                input.splice(at..at, piece);
            }
            7 => {
                let other = pick();
                let piece = other[range(random, other.len())].to_vec();
                input.splice(range(random, input.len()), piece);
            }
            8 => input.truncate(at),
            _ => {
                let place = range(random, input.len());
                input[place].iter_mut().for_each(|byte| {
                    *byte = if byte.is_ascii_lowercase() {
                        byte.to_ascii_uppercase()
                    } else {
                        byte.to_ascii_lowercase()
                    };
                });
            }
        }
    }
    input.truncate(MAX_BYTES);
    input
}
