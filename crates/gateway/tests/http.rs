//! The plain HTTP door over real sockets.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that fails here says so"
)]

#[path = "support/desk.rs"]
mod desk;
#[path = "support/web.rs"]
mod web;

use std::net::SocketAddr;
use std::time::Duration;

use cloister_gateway as gateway;
use desk::{Recorder, Served};
use gateway::{Decision, DeskError, Scope, http};
use messages::did::Did;
use messages::event;
use serde_json::{Value, json};
use web::{Answer, send};

async fn door(desk: &Recorder, scope: Scope) -> Served {
    let desk = desk.clone();
    Served::start(|listener, stop| http::serve(listener, desk, scope, stop)).await
}

async fn post(to: SocketAddr, path: &str, body: &Value) -> Answer {
    let json = [("content-type", "application/json; charset=utf-8")];
    send(to, &format!("POST {path}"), &json, body.to_string().as_bytes()).await
}

fn read(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

fn call() -> Value {
    json!({"conversation": "c", "call": "7", "name": "pay", "args": {"to": "bob"}})
}

fn with(mut body: Value, key: &str, value: Value) -> Value {
    body[key] = value;
    body
}

#[tokio::test]
async fn decide_and_redeem_go_together() {
    let desk = Recorder::default();
    let served = door(&desk, Scope::Full).await;
    let to = served.address;
    let answer = post(to, "/decide", &call()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(read(&answer), json!({"decision": "allow", "ticket": "ticket of 7"}));
    let ticket = with(call(), "ticket", json!("ticket of 7"));
    assert_eq!(post(to, "/redeem", &ticket).await.status, 204);
    let again = post(to, "/redeem", &ticket).await;
    assert_eq!((again.status, &read(&again)["code"]), (403, &json!("ticket-refused")));
    let without = post(to, "/redeem", &call()).await;
    assert_eq!((without.status, &read(&without)["code"]), (403, &json!("ticket-missing")));
    assert_eq!(without.header("content-type"), Some("application/problem+json"));
    served.end().await;
}

#[tokio::test]
async fn refusals_are_problems() {
    let desk = Recorder::default();
    let served = door(&desk, Scope::Full).await;
    let to = served.address;
    let pause = Decision::Pause { rule: "r".into(), retry_after: Duration::from_secs(9) };
    desk.with(|book| book.decisions = vec![Err(DeskError::Closed), Ok(pause)]);
    let paused = post(to, "/decide", &call()).await;
    assert_eq!((paused.status, paused.header("retry-after")), (429, Some("9")));
    assert_eq!((&read(&paused)["code"], &read(&paused)["rule"]), (&json!("paused"), &json!("r")));
    assert_eq!(post(to, "/decide", &call()).await.status, 503);
    for (body, code) in [
        (with(call(), "extra", json!(1)), "body-malformed"),
        (with(call(), "call", json!("")), "body-malformed"),
        (with(call(), "name", json!("x".repeat(257))), "name-too-long"),
        (with(call(), "args", json!({"n": 9_007_199_254_740_993_u64})), "body-ambiguous"),
        (with(call(), "args", json!({"n": "x".repeat(300_000)})), "body-too-large"),
    ] {
        let answer = post(to, "/decide", &body).await;
        assert_eq!(read(&answer)["code"], code);
        assert!((400..500).contains(&answer.status));
    }
    let text = [("content-type", "text/plain")];
    let answer = send(to, "POST /decide", &text, call().to_string().as_bytes()).await;
    assert_eq!((answer.status, &read(&answer)["code"]), (415, &json!("media-type")));
    desk.with(|book| assert_eq!(book.asked.len(), 2));
    served.end().await;
}

#[tokio::test]
async fn observations_of_each_kind_arrive() {
    let desk = Recorder::default();
    let served = door(&desk, Scope::Full).await;
    let to = served.address;
    let at = |body: Value| with(body, "conversation", json!("c"));
    let call = at(json!({"kind": "call", "from": "initiator", "to": "provider", "call": "7",
        "name": "pay", "args": {"to": "bob"}, "id": "e1", "at_us": 5}));
    let said =
        at(json!({"kind": "message", "from": "principal", "to": "initiator", "text": "pay bob"}));
    let result = at(json!({"kind": "result", "from": "provider", "to": "initiator", "call": "7",
        "status": "ok", "content": {"done": true}, "latency_us": 9}));
    let handed = at(json!({"kind": "delegation", "from": "initiator", "to": "initiator",
        "delegate": "did:web:helper.example", "interactions": ["pay"]}));
    let acting = with(call.clone(), "via", json!("did:web:helper.example"));
    for body in [&call, &said, &result, &call, &handed, &acting] {
        assert_eq!(post(to, "/observe", body).await.status, 204);
    }
    desk.with(|book| {
        assert!(book.seen.iter().all(|o| o.body.to_event_body().is_some()));
        assert_eq!(book.seen[0].source, book.seen[3].source, "the sender's own name for it");
        assert_eq!((book.seen[1].source, book.seen[0].at_us), (None, Some(5)));
        let said = event::Body::Message { text: "pay bob".into() };
        assert_eq!(book.seen[1].body.to_event_body(), Some(said));
        let helper = Did::parse("did:web:helper.example").unwrap();
        let (via, interactions) = (None, vec!["pay".to_owned()]);
        let handed = event::Body::Delegation { to: helper.clone(), via, interactions };
        assert_eq!(book.seen[4].body.to_event_body(), Some(handed));
        let acting = book.seen[5].body.to_event_body().unwrap();
        assert!(matches!(acting, event::Body::Call { via: Some(did), .. } if did == helper));
    });
    for odd in [
        with(said.clone(), "via", json!("did:web:helper.example")),
        with(call.clone(), "interactions", json!([])),
        with(handed.clone(), "delegate", json!("helper")),
        with(handed.clone(), "call", json!("c")),
        with(handed, "interactions", json!(null)),
        with(call.clone(), "text", json!("x")),
        with(said, "args", json!({})),
        with(result, "name", json!("pay")),
        with(call, "kind", json!("chunk")),
    ] {
        assert_eq!(post(to, "/observe", &odd).await.status, 400, "{odd}");
    }
    served.end().await;
}

#[tokio::test]
async fn scope_holds_here_too() {
    let desk = Recorder::default();
    let served = door(&desk, Scope::Metadata).await;
    let said = json!({"conversation": "c", "kind": "message", "from": "principal",
        "to": "initiator", "text": "secret"});
    assert_eq!(post(served.address, "/observe", &said).await.status, 204);
    desk.with(|book| assert!(!format!("{:?}", book.seen).contains("secret")));
    served.end().await;
}

#[tokio::test]
async fn healthz_tells_nothing_and_pages_are_refused() {
    let desk = Recorder::default();
    let served = door(&desk, Scope::Full).await;
    let to = served.address;
    let answer = send(to, "GET /healthz", &[], b"").await;
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    assert_eq!(send(to, "GET /healthz", &[("host", "example.org")], b"").await.status, 403);
    let page = [("origin", "http://localhost"), ("content-type", "application/json")];
    let body = call().to_string();
    assert_eq!(send(to, "POST /decide", &page, body.as_bytes()).await.status, 403);
    served.end().await;
}

#[tokio::test]
async fn end_does_not_wait_for_a_silent_client() {
    let desk = Recorder::default();
    let served = door(&desk, Scope::Full).await;
    let _silent = tokio::net::TcpStream::connect(served.address).await.unwrap();
    served.end().await;
}
