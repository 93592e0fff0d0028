//! Every route answers, every refusal has words, and nobody is answered without a channel.

use channel::CMW_MEDIA_TYPE as CMW;
use channel::forms::{JSON, Operation, from_json, to_http};
use http::header::{ACCEPT, ALLOW, CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use messages::ids::BootId;
use messages::receipt::BootCertificate;

use super::*;
use crate::api::login::LoginError;
use crate::api::problems::{self, problem};

fn attestation() -> Reply {
    Reply::Attestation {
        evidence: b"evidence".to_vec(),
        checkpoint: "log\n1\nroot\n".into(),
        certificate: BootCertificate {
            boot: BootId([1; 32]),
            key: PublicKey([2; 32]),
            signature: Signature([3; 64]),
        },
    }
}

#[tokio::test]
async fn requests_reach_the_desk_with_what_their_connection_proved() {
    let fake = Fake::saying([Reply::Opened, verdict(Action::Deny)]);
    let router = fake.router(Limits::default());
    let token = login(&router, 5).await;
    let register = Request::Register { pact: b"{}".to_vec() };
    let first = of_form(to_http(&register).unwrap());
    let answer = router.clone().oneshot(first).await.unwrap();
    assert_eq!(from_json(&body_of(answer).await), Ok(Reply::Opened));
    let request = Request::Event { event: event(&session(), 0) };
    let second = bearing(of_form(to_http(&request).unwrap()), &token);
    let answer = router.oneshot(second).await.unwrap();
    assert_eq!(answer.headers()[CACHE_CONTROL], "no-store");
    assert_eq!(from_json(&body_of(answer).await), Ok(verdict(Action::Deny)));
    assert_eq!(fake.asked(), [register, request]);
    assert_eq!(fake.callers(), [None, Some(did(5))]);
}

#[tokio::test]
async fn a_login_holds_on_its_own_connection_for_its_own_time_only() {
    let fake = Fake::new();
    let router = fake.router(Limits::default());
    let token = login(&router, 5).await;
    let ask = |request| {
        let router = router.clone();
        async move { router.oneshot(request).await.unwrap() }
    };
    assert_eq!(ask(bearing(get("/v1/inbox"), &token)).await.status(), StatusCode::OK);
    // Another connection.
    let mut elsewhere = bearing(get("/v1/inbox"), &token);
    elsewhere.extensions_mut().insert(BINDINGS[1]);
    assert_eq!(problem_of(ask(elsewhere).await).await, (401, "token-invalid".into()));
    // Another DID under the same tag, and noise.
    let forged = format!("{}{}", token.split_at(80).0, hex::encode(did(6).as_str()));
    for bad in
        [forged.as_str(), "", "00", "zz", &"0".repeat(100_000), token.split_at(token.len() - 2).0]
    {
        let answer = ask(bearing(get("/v1/inbox"), bad)).await;
        assert_eq!(answer.headers()[WWW_AUTHENTICATE], "Bearer");
        assert_eq!(problem_of(answer).await, (401, "token-invalid".into()), "{bad:.20}");
    }
    // A bad token is refused also where none is needed.
    let answer = ask(bearing(get("/v1/checkpoint"), "00")).await;
    assert_eq!(problem_of(answer).await.0, 401);
    // Somebody else's signature, and one over another connection.
    for (signer, at) in [(6, 0), (5, 1)] {
        let signature = channel::login::sign_login(&did(5), &BINDINGS[at], &key(signer));
        let signature = hex::encode(signature.0);
        let body = format!(r#"{{"did":"{}","signature":"{signature}"}}"#, did(5));
        let answer = ask(post("/v1/token", JSON, body)).await;
        assert_eq!(problem_of(answer).await, (403, "login-bad-signature".into()));
    }
    let body = format!(r#"{{"did":"did:web:a","signature":"{}"}}"#, "00".repeat(64));
    let answer = ask(post("/v1/token", JSON, body)).await;
    assert_eq!(problem_of(answer).await, (403, "login-unknown-key".into()));
}

#[tokio::test(start_paused = true)]
async fn a_login_expires() {
    let router = Fake::new().router(Limits::default());
    let token = login(&router, 5).await;
    let ask = || router.clone().oneshot(bearing(get("/v1/inbox"), &token));
    tokio::time::advance(Duration::from_secs(899)).await;
    assert_eq!(ask().await.unwrap().status(), StatusCode::OK);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(problem_of(ask().await.unwrap()).await, (401, "token-expired".into()));
}

#[tokio::test]
async fn nothing_is_answered_without_a_channel_but_health() {
    for operation in Operation::ALL {
        let request = HttpOf::builder().method(operation.method()).uri(path_of(*operation));
        let request = request.body(Body::empty()).unwrap();
        let answer = Fake::new().ask_http(request).await;
        let open = matches!(operation, Operation::Health | Operation::Ready | Operation::OpenApi);
        assert_eq!(answer.status().is_success(), open, "{operation:?}");
        if !open {
            assert_eq!(problem_of(answer).await, (403, "channel-missing".into()));
        }
    }
}

#[tokio::test]
async fn what_needs_a_login_is_refused_without_one() {
    for operation in Operation::ALL.iter().filter(|operation| operation.needs_login()) {
        let fake = Fake::new();
        let answer = fake.ask_http(get(&path_of(*operation))).await;
        assert_eq!(problem_of(answer).await, (401, "login-required".into()));
        assert!(fake.asked().is_empty());
    }
}

#[tokio::test]
async fn a_challenge_is_answered_as_its_asker_accepts() {
    let nonce = to_http(&Request::Attest { nonce: [9; 32] }).unwrap();
    let fake = Fake::saying([attestation(), attestation()]);
    let answer = fake.ask_http(of_form(nonce.clone())).await;
    assert_eq!(answer.headers()[CONTENT_TYPE], CMW);
    assert_eq!(body_of(answer).await, &b"evidence"[..]);
    let mut request = of_form(nonce);
    request.headers_mut().insert(ACCEPT, "text/html, application/json;q=0.9".parse().unwrap());
    let answer = fake.ask_http(request).await;
    assert_eq!(from_json(&body_of(answer).await), Ok(attestation()));
    let callers = fake.0.asked.lock().unwrap();
    let exporter = callers[0].1.channel.map(|channel| *channel.exporter());
    assert_eq!(exporter, Some(*BINDINGS[0].exporter()));
}

#[tokio::test]
async fn the_log_is_served_as_its_readers_expect_it() {
    let note = "log\n1\nroot\n";
    for path in ["/v1/checkpoint", "/checkpoint"] {
        let included = Reply::Included { checkpoint: note.into(), paths: Vec::new() };
        let fake = Fake::saying([included]);
        let answer = fake.ask_http(get(path)).await;
        assert_eq!(answer.headers()[CONTENT_TYPE], "text/plain; charset=utf-8");
        assert_eq!(body_of(answer).await, note);
        assert_eq!(fake.asked(), [Request::Include { leaves: Vec::new() }]);
    }
    let answer = Fake::new().ask_http(get("/tile/0/x001/234.p/5")).await;
    assert!(answer.headers()[CACHE_CONTROL].to_str().unwrap().contains("immutable"));
    assert_eq!(body_of(answer).await, &[1, 2, 3][..]);
    let long = format!("/tile/{}", "0/".repeat(99));
    for bad in ["/tile/0/1", "/tile/../0", "/tile/0%2f1", "/tile/0/A", &long] {
        let answer = Fake::new().ask_http(get(bad)).await;
        assert_eq!(problem_of(answer).await, (404, "log-no-such-tile".into()), "{bad}");
    }
}

#[tokio::test]
async fn health_and_readiness_are_one_bit_each() {
    let fake = Fake::new();
    for (ready, status) in [(true, 204), (false, 503)] {
        *fake.0.ready.lock().unwrap() = ready;
        let answer = fake.ask_http(get("/readyz")).await;
        assert_eq!(answer.status(), status);
        assert!(body_of(answer).await.is_empty());
        assert_eq!(fake.ask_http(get("/healthz")).await.status(), 204);
    }
}

#[tokio::test]
async fn the_document_is_served() {
    let answer = Fake::new().ask_http(get("/openapi.json")).await;
    let document: serde_json::Value = serde_json::from_slice(&body_of(answer).await).unwrap();
    assert_eq!(document["paths"].as_object().unwrap().len(), Operation::ALL.len());
}

#[tokio::test]
async fn wrong_paths_and_methods_are_problems() {
    let answer = Fake::new().ask_http(get("/v2/inbox")).await;
    assert_eq!(problem_of(answer).await, (404, "request-path-unknown".into()));
    for operation in Operation::ALL {
        let (method, allow) = match operation.method().as_str() {
            "POST" => ("GET", "POST"),
            _ => ("POST", "GET, HEAD"),
        };
        let request = on_channel(method, &path_of(*operation)).body(Body::empty()).unwrap();
        let answer = Fake::new().ask_http(request).await;
        assert_eq!(answer.headers()[ALLOW], allow);
        assert_eq!(problem_of(answer).await, (405, "request-method-unknown".into()));
    }
    let head = on_channel("HEAD", "/v1/checkpoint").body(Body::empty()).unwrap();
    assert_eq!(Fake::new().ask_http(head).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn every_refusal_keeps_its_code_and_says_what_to_do() {
    for code in codes() {
        let answer = Fake::saying([error(&code)]).ask_http(get("/v1/checkpoint")).await;
        let again = answer.headers().contains_key(RETRY_AFTER);
        let (status, told) = problem_of(answer).await;
        assert_eq!(told, code);
        assert!((400..=503).contains(&status), "{code}");
        assert_eq!(again, status == 503, "{code}");
    }
    // A code without words is our fault, and is not passed on.
    let answer = Fake::saying([error("did:web:secret")]).ask_http(get("/v1/checkpoint")).await;
    assert_eq!(problem_of(answer).await, (500, "internal-fault".into()));
}

/// Every code that can reach a caller: those of the parts, and those that this crate names.
fn codes() -> std::collections::BTreeSet<String> {
    let mut codes: std::collections::BTreeSet<String> = named_in_source();
    codes.extend(pact::Fault::ALL.iter().map(|e| e.code().to_owned()));
    codes.extend(channel::forms::FormError::ALL.iter().map(|e| e.code().to_owned()));
    codes.extend(LoginError::ALL.iter().map(|e| e.code().to_owned()));
    codes.extend(verify::StatementError::ALL.iter().map(|e| e.code().to_owned()));
    codes.extend(verify::Fault::ALL.iter().map(|e| e.code().to_owned()));
    codes
}

/// Texts in quotes that stand where a refusal is made, in this crate and in those whose refusals
/// it passes on: a new one without words fails this test.
fn named_in_source() -> std::collections::BTreeSet<String> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let files = [
        ("enclave/src", &["Refused(\"", "Reply::Error { code: \""][..]),
        ("enclave/src/clock.rs", &["=> \"", "&str = \""]),
        ("enclave/src/pipeline.rs", &["&str = \""]),
        ("crates/monitor/src/refusal.rs", &[" = \""]),
        ("crates/prove/src/error.rs", &["=> \""]),
        ("crates/release/src/ledger.rs", &["=> \""]),
    ];
    let mut codes = std::collections::BTreeSet::new();
    for (path, marks) in files {
        let mut paths = vec![std::path::PathBuf::from(format!("{root}/{path}"))];
        while let Some(path) = paths.pop() {
            if path.is_dir() {
                paths.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            for mark in marks.iter() {
                let ends = text.split(mark).skip(1).filter_map(|rest| rest.split('"').next());
                let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
                codes.extend(
                    ends.filter(|code| code.contains('-') && code.chars().all(kebab))
                        .map(str::to_owned),
                );
            }
        }
    }
    assert!(codes.len() > 60, "{codes:?}");
    codes
}

#[test]
fn words_are_found_for_every_code_of_the_table_once() {
    assert_eq!(problem(problems::MONITOR_BUSY).status, 503);
    assert_eq!(problem("bad-did").status, 422);
    assert_eq!(problem("too-wide").detail, "the bounds of the statement do not fit 127 bits");
    let mut seen = std::collections::BTreeSet::new();
    assert!(channel::refusals::codes().all(|code| seen.insert(code)));
}
