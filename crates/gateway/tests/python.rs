//! Clients of other makers, unmodified: the OpenTelemetry SDK for Python, and gRPC for Python with
//! Envoy's full definitions. They come from the package index, pinned, into the target folder.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that fails here says so")]

#[path = "support/desk.rs"]
mod desk;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use cloister_gateway as gateway;
use desk::{Recorder, Served};
use gateway::ext_authz::{self, Protocol, Side};
use gateway::{Decision, DeskError, Scope, otlp};
use messages::event::{self, Content, Role, Status};
use serde_json::{Value, json};

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python");

/// The interpreter of an environment with the pinned packages.
fn python() -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("gateway-python");
    fs::create_dir_all(&root).unwrap();
    let lock = File::create(root.join("lock")).unwrap();
    lock.lock().unwrap();
    let wanted = fs::read_to_string(Path::new(SCRIPTS).join("requirements.txt")).unwrap();
    let (venv, installed) = (root.join("venv"), root.join("installed.txt"));
    let python = venv.join("bin/python");
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) {
        return python;
    }
    let permitted = "this test needs python3 with venv, and pip with a package index";
    let run = |command: &mut Command| {
        let output = command.output().unwrap_or_else(|e| panic!("{permitted}: {e}"));
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{permitted}: {told}");
    };
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv));
    let quiet = ["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:", "-r"];
    run(Command::new(&python).args(quiet).arg(Path::new(SCRIPTS).join("requirements.txt")));
    fs::write(&installed, wanted).unwrap();
    python
}

/// Runs a script to its end and returns what it printed.
async fn script(name: &'static str, argument: String, endpoint: Option<String>) -> String {
    let output = tokio::task::spawn_blocking(move || {
        let mut command = Command::new(python());
        command.arg(Path::new(SCRIPTS).join(name)).arg(argument);
        command.env("NO_PROXY", "127.0.0.1");
        command.envs(endpoint.map(|endpoint| ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)));
        command.output().unwrap()
    })
    .await
    .unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    String::from_utf8(output.stdout).unwrap()
}

fn whole_turn(desk: &Recorder) {
    let seen = desk.with(|book| book.seen.clone());
    assert!(seen.iter().all(|o| o.conversation == "conv-7"), "{seen:?}");
    let find = |from: Role, body: event::Body| {
        let same = |o: &&gateway::Observation| {
            o.from == from && o.body.to_event_body() == Some(body.clone())
        };
        assert_eq!(seen.iter().filter(same).count(), 1, "{body:?} in {seen:?}");
    };
    find(Role::Principal, event::Body::Message { text: "What is my balance?".into() });
    find(Role::Initiator, event::Body::Message { text: "It is 12.50.".into() });
    let args = [("account".to_owned(), json!("a1"))].into();
    let (call, name) = ("call_1".to_owned(), "get_balance".to_owned());
    find(Role::Initiator, event::Body::Call { call, name, args, via: None });
    let results: Vec<_> = seen
        .iter()
        .filter_map(|o| match &o.body {
            gateway::Body::Result { call, status, latency_us, .. } => {
                assert!(latency_us.is_some());
                Some((call.as_str(), *status, o.body.to_event_body()))
            }
            gateway::Body::Call { .. }
            | gateway::Body::Delegation { .. }
            | gateway::Body::Message { .. } => None,
        })
        .collect();
    let [first, second] = &results[..] else { panic!("{results:?}") };
    assert_eq!((first.0, first.1), ("call_1", Status::Ok));
    let balance = Content::Document(json!({"balance": "12.50"}));
    assert!(matches!(&first.2, Some(event::Body::Result { content, .. }) if *content == balance));
    assert_eq!((second.0, second.1, &second.2), ("call_2", Status::Timeout, &None));
    assert_eq!(seen.len(), 6);
}

async fn exported_by(protocol: &str) -> Recorder {
    let desk = Recorder::default();
    // The first batch finds no room; the SDK comes again by itself.
    let full = DeskError::Full { retry_after: Duration::from_secs(1) };
    desk.with(|book| book.refusals = vec![full]);
    let intake = otlp::Intake::new(desk.clone(), Scope::Full);
    let served = if protocol == "grpc" {
        Served::start(|l, stop| otlp::serve_grpc(l, intake, stop)).await
    } else {
        Served::start(|l, stop| otlp::serve_http(l, intake, stop)).await
    };
    let endpoint = format!("http://{}", served.address);
    script("export.py", protocol.to_owned(), Some(endpoint)).await;
    served.end().await;
    desk
}

#[tokio::test]
async fn opentelemetry_sdk_exports_over_grpc() {
    whole_turn(&exported_by("grpc").await);
}

#[tokio::test]
async fn opentelemetry_sdk_exports_over_http() {
    whole_turn(&exported_by("http").await);
}

#[tokio::test]
async fn envoy_definitions_of_another_maker_are_understood() {
    let desk = Recorder::default();
    let deny = Decision::Deny { rule: "permits/2".into() };
    desk.with(|book| {
        let ticket = Some("t-1".to_owned());
        book.decisions = vec![Ok(deny), Ok(Decision::Allow { ticket })];
    });
    let behind = desk.clone();
    let served = Served::start(|listener, stop| {
        ext_authz::serve(listener, behind, Side::Initiator, Protocol::Http, stop)
    })
    .await;
    let told = script("check.py", served.address.to_string(), None).await;
    let answers: Vec<Value> =
        told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [allowed, denied, unread] = &answers[..] else { panic!("{told}") };
    assert_eq!(
        *allowed,
        json!({"code": 0, "kind": "ok_response", "headers": {"x-cloister-ticket": ["t-1", 2]}})
    );
    assert_eq!((&denied["code"], &denied["status"]), (&json!(7), &json!(403)));
    assert_eq!(denied["body"]["rule"], "permits/2");
    assert_eq!(
        (&unread["status"], &unread["body"]["code"]),
        (&json!(400), &json!("body-malformed"))
    );
    desk.with(|book| {
        assert_eq!(book.asked.len(), 2);
        assert_eq!(
            (book.asked[0].name.as_str(), book.asked[0].conversation.as_str()),
            ("pay", "s1")
        );
    });
    served.end().await;
}
