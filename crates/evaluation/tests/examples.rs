//! The design's example pacts, when they are beside the repository.
#![expect(clippy::print_stderr, clippy::disallowed_macros, reason = "says why nothing was tested")]

use messages::event::Body;
use pact::{Approval, Decision, Pact, SessionState, Severity, StandingState, check, compile, lint};

fn absent() {
    eprintln!("skipped: the example pacts and recorded sessions (../shared) are absent");
}

#[test]
fn the_example_pacts_parse_compile_and_lint_without_errors() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/design/pact");
    for name in ["airline", "banking", "workspace"] {
        let Ok(bytes) = std::fs::read(format!("{folder}/example-{name}.pact.json")) else {
            absent();
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

#[test]
fn the_example_pacts_judge_the_recorded_sessions_of_their_suites() {
    let shared = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    for (name, file) in [
        ("airline", "airline.tau-bench"),
        ("banking", "banking.agentdojo-groundtruth"),
        ("workspace", "workspace.agentdojo-groundtruth"),
    ] {
        let sessions = format!("{shared}/traces/sessions/{file}.ndjson.gz");
        let Ok(bytes) = std::fs::read(format!("{shared}/design/pact/example-{name}.pact.json"))
        else {
            absent();
            return;
        };
        let pact = compile(&Pact::parse(&bytes).unwrap()).unwrap();
        let (now, _) = pact.term();
        let (mut allowed, mut held, mut read) = (0, 0, 0);
        for session in traces::read(std::path::Path::new(&sessions)).unwrap() {
            let (mut state, mut standing) = (SessionState::new([7; 16]), StandingState::default());
            for recorded in session.events {
                let event = recorded.event();
                let judged = check(&pact, &state, &standing, &event, Approval::Absent, now);
                // Open loop: what is held runs all the same.
                state.observe(&judged.change);
                standing.apply(&judged.change);
                match (&event.body, judged.verdict.decision) {
                    (Body::Call { .. }, Decision::Allow | Decision::Alert) => allowed += 1,
                    (Body::Call { .. }, _) => held += 1,
                    (_, _) => read += 1,
                }
            }
        }
        assert!(allowed > held && held > 0 && read > 0, "{name}: {allowed} {held} {read}");
    }
}
