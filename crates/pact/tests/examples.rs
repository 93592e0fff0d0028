//! The design's example pacts, when they are beside the repository.
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
fn the_example_pacts_parse_compile_and_lint_without_errors() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/design/pact");
    for name in ["airline", "banking", "workspace"] {
        let Ok(bytes) = std::fs::read(format!("{folder}/example-{name}.pact.json")) else {
            #[expect(
                clippy::print_stdout,
                clippy::disallowed_macros,
                reason = "says why nothing was tested"
            )]
            {
                println!("skipped: ../shared absent");
            }
            return;
        };
        let pact = Pact::parse(&bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
        let compiled = compile(&pact).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(compiled.consent().len(), 2, "{name}");
        let errors: Vec<_> =
            lint(&pact).into_iter().filter(|f| f.severity == Severity::Error).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
    }
}
