//! The first pacts that ship beside the command.
#![allow(
    clippy::allow_attributes,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]
use cloister_pact::{Pact, Severity, compile, lint};

#[test]
fn every_shipped_pact_compiles_and_lints_without_errors() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../cloister/pacts");
    let mut seen = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let pact = Pact::parse(&std::fs::read(&path).unwrap());
        let pact = pact.unwrap_or_else(|e| panic!("{}: {e} ({})", path.display(), e.code()));
        let compiled = compile(&pact).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert!(compiled.consent().len() >= 4, "{}", path.display());
        let mut errors = lint(&pact);
        errors.retain(|f| f.severity == Severity::Error);
        assert!(errors.is_empty(), "{}: {errors:?}", path.display());
        seen += 1;
    }
    assert!(seen >= 5);
}
