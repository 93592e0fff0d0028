//! Envoy's question over a real connection: every answer is a verdict.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that fails here says so"
)]

#[path = "support/desk.rs"]
mod desk;

use std::time::Duration;

use cloister_gateway as gateway;
use desk::{Recorder, Served};
use gateway::ext_authz::wire::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use gateway::ext_authz::wire::envoy::config::core::v3::{
    HeaderMap, HeaderValue, HeaderValueOption,
};
use gateway::ext_authz::wire::envoy::service::auth::v3::attribute_context::{HttpRequest, Request};
use gateway::ext_authz::wire::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use gateway::ext_authz::wire::envoy::service::auth::v3::check_response::HttpResponse;
use gateway::ext_authz::wire::envoy::service::auth::v3::{
    AttributeContext, CheckRequest, CheckResponse, DeniedHttpResponse,
};
use gateway::ext_authz::{self, Protocol, Side};
use gateway::{Decision, DeskError};
use serde_json::{Value, json};
use tonic::transport::{Channel, Endpoint};

struct Proxy {
    desk: Recorder,
    served: Served,
    client: AuthorizationClient<Channel>,
}

impl Proxy {
    async fn start(side: Side, protocol: Protocol) -> Self {
        let desk = Recorder::default();
        let behind = desk.clone();
        let served = Served::start(|listener, stop| {
            ext_authz::serve(listener, behind, side, protocol, stop)
        })
        .await;
        let endpoint = Endpoint::from_shared(format!("http://{}", served.address)).unwrap();
        let client = AuthorizationClient::new(endpoint.connect().await.unwrap());
        Self { desk, served, client }
    }

    async fn check(&mut self, http: HttpRequest) -> CheckResponse {
        self.check_on_route(http, &[]).await
    }

    async fn check_on_route(&mut self, http: HttpRequest, route: &[(&str, &str)]) -> CheckResponse {
        let attributes = AttributeContext {
            request: Some(Request { http: Some(http) }),
            context_extensions: pairs(route),
        };
        let request = CheckRequest { attributes: Some(attributes) };
        self.client.check(request).await.unwrap().into_inner()
    }
}

fn pairs<M: FromIterator<(String, String)>>(pairs: &[(&str, &str)]) -> M {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

fn post(body: &str, headers: &[(&str, &str)]) -> HttpRequest {
    let mut http = HttpRequest {
        id: "req-1".into(),
        method: "POST".into(),
        path: "/mcp".into(),
        host: "tools.example".into(),
        body: body.into(),
        headers: pairs(headers),
        ..HttpRequest::default()
    };
    http.headers.entry("content-length".into()).or_insert_with(|| body.len().to_string());
    http
}

fn pay() -> String {
    let params = json!({"name": "pay", "arguments": {"to": "bob"}});
    json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}).to_string()
}

fn denied(response: CheckResponse) -> (i32, Value, Vec<HeaderValueOption>) {
    assert_ne!(response.status.unwrap().code, 0);
    let Some(HttpResponse::DeniedResponse(DeniedHttpResponse { status, headers, body })) =
        response.http_response
    else {
        panic!("not denied")
    };
    let problem: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(problem["status"], status.unwrap().code);
    (status.unwrap().code, problem, headers)
}

fn passed(response: CheckResponse) -> (Vec<HeaderValueOption>, Vec<String>) {
    assert_eq!(response.status.unwrap().code, 0);
    match response.http_response {
        Some(HttpResponse::OkResponse(ok)) => (ok.headers, ok.headers_to_remove),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn allowed_call_leaves_with_its_ticket() {
    let mut proxy = Proxy::start(Side::Initiator, Protocol::Mcp).await;
    let session = [("mcp-session-id", "s1"), ("x-cloister-ticket", "forged")];
    let (headers, _) = passed(proxy.check(post(&pay(), &session)).await);
    let [header] = &headers[..] else { panic!("{headers:?}") };
    let value = header.header.as_ref().unwrap();
    assert_eq!((value.key.as_str(), value.value.as_str()), ("x-cloister-ticket", "ticket of 7"));
    assert_eq!(header.append_action(), HeaderAppendAction::OverwriteIfExistsOrAdd);
    proxy.desk.with(|book| {
        let [call] = &book.asked[..] else { panic!() };
        assert_eq!((call.name.as_str(), call.conversation.as_str()), ("pay", "s1"));
        assert_eq!(call.args, [("to".to_owned(), json!("bob"))].into());
        assert_eq!(call.ticket.as_deref(), Some("forged"));
    });
    proxy.served.end().await;
}

#[tokio::test]
async fn each_verdict_has_its_answer() {
    let mut proxy = Proxy::start(Side::Initiator, Protocol::Mcp).await;
    let rule = || "limits/0".to_owned();
    let wait = Duration::from_millis(2100);
    let answers = [
        (Ok(Decision::Deny { rule: rule() }), 403, "denied", None),
        (Ok(Decision::Pause { rule: rule(), retry_after: wait }), 429, "paused", Some("3")),
        (Ok(Decision::Terminate { rule: rule() }), 403, "terminated", None),
        (Err(DeskError::Full { retry_after: wait }), 503, "desk-full", Some("3")),
        (Err(DeskError::Unreachable { retry_after: wait }), 503, "monitor-unreachable", Some("3")),
        (Err(DeskError::Closed), 503, "desk-closed", Some("5")),
        (Err(DeskError::NoSession), 403, "no-session", None),
        (Err(DeskError::Unfit), 403, "not-an-event", None),
    ];
    for (decision, status, code, retry_after) in answers {
        let by_pact = decision.is_ok();
        proxy.desk.with(|book| book.decisions = vec![decision]);
        let (got, problem, headers) = denied(proxy.check(post(&pay(), &[])).await);
        assert_eq!((got, &problem["code"]), (status, &json!(code)));
        assert_eq!(problem.get("rule").is_some(), by_pact, "{code}");
        assert!(problem["remedy"].is_string());
        let header = |name: &str| {
            let found = headers.iter().filter_map(|h| h.header.as_ref()).find(|h| h.key == name);
            found.map(|h| h.value.as_str())
        };
        assert_eq!(header("content-type"), Some("application/problem+json"));
        assert_eq!(header("retry-after"), retry_after);
    }
    proxy.served.end().await;
}

#[tokio::test]
async fn provider_demands_a_ticket_and_takes_it_once() {
    let mut proxy = Proxy::start(Side::Provider, Protocol::Mcp).await;
    let (status, problem, _) = denied(proxy.check(post(&pay(), &[])).await);
    assert_eq!((status, &problem["code"]), (403, &json!("ticket-missing")));
    let ticket = [("x-cloister-ticket", "ticket of 7")];
    let (headers, removed) = passed(proxy.check(post(&pay(), &ticket)).await);
    assert!(headers.is_empty());
    assert_eq!(removed, ["x-cloister-ticket"]);
    let (status, problem, _) = denied(proxy.check(post(&pay(), &ticket)).await);
    assert_eq!((status, &problem["code"]), (403, &json!("ticket-refused")));
    let list = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    passed(proxy.check(post(list, &[])).await);
    proxy.desk.with(|book| {
        assert!(book.asked.is_empty());
        assert_eq!(book.redeemed.len(), 2);
        assert!(book.redeemed.iter().all(|(_, call)| call.name == "pay" && call.ticket.is_none()));
    });
    proxy.served.end().await;
}

#[tokio::test]
async fn body_that_is_cut_missing_or_unreadable_is_refused() {
    let mut proxy = Proxy::start(Side::Initiator, Protocol::Mcp).await;
    let partial = [("x-envoy-auth-partial-body", "true")];
    let code = |problem: Value| problem["code"].as_str().unwrap().to_owned();
    let (_, problem, _) = denied(proxy.check(post(&pay(), &partial)).await);
    assert_eq!(code(problem), "body-not-given");
    let (_, problem, _) = denied(proxy.check(post("", &[("content-length", "90")])).await);
    assert_eq!(code(problem), "body-not-given");
    let mut chunked = post("", &[]);
    chunked.headers.clear();
    let (_, problem, _) = denied(proxy.check(chunked).await);
    assert_eq!(code(problem), "body-not-given");
    let (status, problem, _) = denied(proxy.check(post("\u{1f}\u{8b}", &[])).await);
    assert_eq!((status, code(problem)), (400, "body-malformed".to_owned()));
    let (status, problem, _) = denied(proxy.check(post(&" ".repeat(300_000), &[])).await);
    assert_eq!((status, code(problem)), (413, "body-too-large".to_owned()));
    let empty = proxy.client.check(CheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(code(denied(empty).1), "not-http");
    proxy.desk.with(|book| assert!(book.asked.is_empty()));
    proxy.served.end().await;
}

#[tokio::test]
async fn raw_headers_and_bodies_are_read_alike() {
    let mut proxy = Proxy::start(Side::Provider, Protocol::Mcp).await;
    let mut http = post("", &[]);
    http.headers.clear();
    http.raw_body = pay().into_bytes();
    let header = HeaderValue {
        key: "X-Cloister-Ticket".into(),
        raw_value: b"ticket of 7".to_vec(),
        ..HeaderValue::default()
    };
    http.header_map = Some(HeaderMap { headers: vec![header] });
    passed(proxy.check(http).await);
    proxy.served.end().await;
}

#[tokio::test]
async fn streams_open_and_close_unasked_but_queries_do_not() {
    let mut proxy = Proxy::start(Side::Initiator, Protocol::Mcp).await;
    for method in ["GET", "DELETE"] {
        let http = HttpRequest { method: method.into(), ..post("", &[]) };
        let (_, removed) = passed(proxy.check(http).await);
        assert_eq!(removed, ["x-cloister-ticket"]);
    }
    let query = HttpRequest { method: "GET".into(), path: "/mcp?leak=1".into(), ..post("", &[]) };
    denied(proxy.check(query).await);
    proxy.served.end().await;
}

#[tokio::test]
async fn route_names_protocol_and_interaction() {
    let mut proxy = Proxy::start(Side::Initiator, Protocol::Mcp).await;
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let mut http = post(r#"{"amount":5}"#, &[("traceparent", trace), ("x-cloister-call", "mine")]);
    http.path = "/transfer?x=1".into();
    let route = [("cloister-protocol", "http"), ("cloister-call", "transfer")];
    passed(proxy.check_on_route(http.clone(), &route).await);
    passed(proxy.check_on_route(http.clone(), &[("cloister-protocol", "http")]).await);
    let a2a = r#"{"jsonrpc":"2.0","id":1,"method":"message/send",
        "params":{"message":{"messageId":"m","contextId":"k","parts":[]}}}"#;
    passed(proxy.check_on_route(post(a2a, &[]), &[("cloister-protocol", "a2a")]).await);
    proxy.desk.with(|book| {
        let names: Vec<_> =
            book.asked.iter().map(|c| (c.name.as_str(), c.conversation.as_str())).collect();
        let trace = "0af7651916cd43dd8448eb211c80319c";
        assert_eq!(names, [("transfer", trace), ("mine", trace), ("message/send", "k")]);
        let args = json!({"host": "tools.example", "method": "POST", "path": "/transfer",
            "query": "x=1", "body": {"amount": 5}});
        assert_eq!(json!(book.asked[0].args), args);
        assert_eq!(book.asked[0].call, "req-1");
    });
    let (_, problem, _) =
        denied(proxy.check_on_route(http, &[("cloister-protocol", "soap")]).await);
    assert_eq!(problem["code"], "protocol-unknown");
    let unnamed = post("{}", &[]);
    let route = [("cloister-protocol", "http")];
    let (_, problem, _) = denied(proxy.check_on_route(unnamed, &route).await);
    assert_eq!(problem["code"], "call-unnamed");
    let mut lost = post(&pay(), &[]);
    lost.id.clear();
    let (_, problem, _) = denied(proxy.check(lost).await);
    assert_eq!(problem["code"], "conversation-unnamed");
    proxy.served.end().await;
}
