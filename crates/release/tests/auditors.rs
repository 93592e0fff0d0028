//! Auditors that know a mechanism only by what it answers, and what they say: of ours nothing, and
//! of each of these broken ones that it is broken. A mechanism whose noise nobody can seed is
//! tested by chance; together all auditors cry wolf about ours in less than one of 10⁹ runs.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "statistics over small numbers, in a test that panics when it fails"
)]

#[path = "auditors/audit.rs"]
mod audit;
#[path = "auditors/broken.rs"]
mod broken;
#[path = "auditors/exact.rs"]
mod exact;
#[path = "auditors/ours.rs"]
mod ours;

use audit::{Finding, Loss, audit};

/// A mechanism from outside: answers for a day, with and without one owner.
struct Subject {
    name: &'static str,
    /// What it claims to cost.
    loss: Loss,
    /// Which way the owner's data move the answers.
    direction: Vec<f64>,
    /// Answers of so many independent days; a day without an answer has none.
    run: Box<dyn Fn(bool, usize) -> Vec<Vec<i64>>>,
}

#[test]
fn nothing_is_found_in_what_is_released() {
    for subject in ours::subjects() {
        assert_eq!(audit(&subject), None, "{}", subject.name);
    }
}

#[test]
fn each_broken_mechanism_is_found_out() {
    let broken = broken::subjects();
    assert!(broken.len() >= 8);
    for (subject, due) in broken {
        assert_eq!(audit(&subject), Some(due), "{}", subject.name);
    }
}

/// Whatever is done with an answer costs nothing more, and auditors know that.
#[test]
fn post_processing_is_not_taken_for_a_fault() {
    for subject in broken::post_processed() {
        let found = audit(&subject);
        assert_ne!(found, Some(Finding::Tells), "{}", subject.name);
    }
}
