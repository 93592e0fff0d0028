#![doc = include_str!("../README.md")]

use std::sync::{Mutex, MutexGuard, PoisonError};

use messages::time::UnixMillis;
use serde_json::{Value, json};
use verify::documents::{AnchorsDocument, Context, FORMAT, unusable, verdict};
use verify::{Findings, explain as words};

/// The two buffers. One caller at a time: a module instance has one thread.
static INPUT: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static OUTPUT: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Makes room for `length` bytes of input and says where; none for more than any bundle and its
/// anchors have.
#[expect(unsafe_code, reason = "an export must keep its name")]
#[unsafe(no_mangle)]
pub extern "C" fn input(length: usize) -> *mut u8 {
    let mut input = lock(&INPUT);
    input.clear();
    if length > MAX_INPUT {
        return core::ptr::null_mut();
    }
    input.resize(length, 0);
    input.as_mut_ptr()
}

/// Verifies the bundle in the first bytes of the input under the anchors in the rest; returns the
/// length of the verdict.
#[expect(unsafe_code, reason = "an export must keep its name")]
#[unsafe(no_mangle)]
pub extern "C" fn verify(bundle: usize, now_ms: u64) -> usize {
    let input = lock(&INPUT);
    let document = match input.split_at_checked(bundle) {
        Some((bundle, anchors)) => checked(bundle, anchors, UnixMillis(now_ms)),
        None => fault("input-cut", "the input is shorter than the bundle", "fill the whole buffer"),
    };
    answer(document.to_string().into_bytes())
}

/// Says in words what the bundle in the first bytes of the input contains, and checks nothing;
/// returns the length of the words.
#[expect(unsafe_code, reason = "an export must keep its name")]
#[unsafe(no_mangle)]
pub extern "C" fn explain(bundle: usize) -> usize {
    let input = lock(&INPUT);
    let bundle = input.get(..bundle).unwrap_or_default();
    answer(words(bundle).unwrap_or_else(|error| error.to_string()).into_bytes())
}

/// Where the last answer is.
#[expect(unsafe_code, reason = "an export must keep its name")]
#[unsafe(no_mangle)]
pub extern "C" fn output() -> *const u8 {
    lock(&OUTPUT).as_ptr()
}

/// The verdict document of a bundle under anchors in JSON.
#[must_use]
pub fn checked(bundle: &[u8], anchors: &[u8], now: UnixMillis) -> Value {
    let read = serde_json::from_slice::<AnchorsDocument>(anchors).ok();
    let Some(anchors) = read.and_then(|document| document.anchors().ok()) else {
        return fault(
            "anchors-malformed",
            "the anchors are not of their form",
            "give the JSON that `cloister anchors show FILE --json` prints",
        );
    };
    match verify::verify(bundle, &anchors, Findings::default(), now) {
        Ok(report) => verdict(&report, Context { at: now, refusals: &[], stamps_refused: false }),
        Err(error) => unusable(error),
    }
}

fn fault(code: &str, reason: &str, remedy: &str) -> Value {
    json!({"format": FORMAT, "exit": 3, "code": code, "reason": reason, "remedy": remedy})
}

fn answer(bytes: Vec<u8>) -> usize {
    let mut output = lock(&OUTPUT);
    *output = bytes;
    output.len()
}

fn lock(buffer: &'static Mutex<Vec<u8>>) -> MutexGuard<'static, Vec<u8>> {
    buffer.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The largest bundle, and a mebibyte of anchors.
const MAX_INPUT: usize = 9 << 20;
