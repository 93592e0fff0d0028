//! What is too large, too slow, too much or not even a request is refused in words, and never
//! with a fault.

use channel::forms::{JSON, MAX_BODY_BYTES, NDJSON, Operation};
use futures_util::stream;
use http::header::RETRY_AFTER;
use proptest::prelude::*;

use super::*;

#[tokio::test]
async fn bodies_over_their_bound_are_refused_announced_or_not() {
    let ten_mib = vec![b' '; 10 * 1024 * 1024];
    let feed = path_of(Operation::Feed);
    let single = vec![b' '; MAX_BODY_BYTES + 1];
    for (target, media_type, body) in
        [("/v1/pacts", JSON, &ten_mib), (&*feed, NDJSON, &ten_mib), (&*feed, JSON, &single)]
    {
        let fake = Fake::new();
        let announced = post(target, media_type, body.clone());
        assert_eq!(problem_of(fake.ask_http(announced).await).await.0, 413, "{target}");
        let parts = body.chunks(65_536).map(|part| Ok::<_, std::io::Error>(part.to_vec()));
        let parts: Vec<_> = parts.collect();
        let chunked = post(target, media_type, Body::from_stream(stream::iter(parts)));
        let told = problem_of(fake.ask_http(chunked).await).await;
        assert_eq!(told, (413, "request-too-large".into()), "{target}");
        let mut liar = post(target, media_type, "{}");
        liar.headers_mut().insert("content-length", "99999999".parse().unwrap());
        assert_eq!(problem_of(fake.ask_http(liar).await).await.0, 413);
        assert!(fake.asked().is_empty());
    }
    // A body where none belongs.
    let mut bodied = get("/v1/checkpoint");
    *bodied.body_mut() = Body::from("x");
    assert_eq!(problem_of(Fake::new().ask_http(bodied).await).await.0, 413);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_arrive_is_not_waited_for() {
    let never = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
    let answer = Fake::new().ask_http(post("/v1/pacts", JSON, never)).await;
    assert_eq!(problem_of(answer).await, (408, "request-too-slow".into()));
    let broken = stream::iter([Err::<Bytes, _>(std::io::Error::other("gone"))]);
    let answer = Fake::new().ask_http(post("/v1/pacts", JSON, Body::from_stream(broken))).await;
    assert_eq!(problem_of(answer).await, (400, "request-malformed".into()));
}

#[tokio::test(start_paused = true)]
async fn a_share_is_used_up_by_its_own_caller_alone() {
    let limits = Limits { per_second: 1, burst: 2, ..Limits::default() };
    let router = Fake::new().router(limits);
    let ask = |at: usize| {
        let mut request = get("/v1/checkpoint");
        request.extensions_mut().insert(BINDINGS[at]);
        router.clone().oneshot(request)
    };
    for _ in 0..2 {
        assert_eq!(ask(0).await.unwrap().status(), StatusCode::OK);
    }
    let refused = ask(0).await.unwrap();
    assert_eq!(refused.headers()[RETRY_AFTER], "1");
    assert_eq!(problem_of(refused).await, (429, "share-used-up".into()));
    assert_eq!(ask(1).await.unwrap().status(), StatusCode::OK);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(ask(0).await.unwrap().status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_stranger_gains_no_share_by_drawing_another_did() {
    let limits = Limits { per_second: 1, burst: 3, ..Limits::default() };
    let fake = Fake::new();
    let router = fake.router(limits);
    let ask = |token: &str| router.clone().oneshot(bearing(get("/v1/checkpoint"), token));
    // Each login is a request of the connection.
    let (one, other) = (login(&router, 1).await, login(&router, 2).await);
    assert_eq!(ask(&one).await.unwrap().status(), StatusCode::OK);
    assert_eq!(problem_of(ask(&other).await.unwrap()).await, (429, "share-used-up".into()));
    // Whom a pact names has a share of its own, on every connection the same.
    fake.0.named.lock().unwrap().push(did(2));
    for _ in 0..3 {
        assert_eq!(ask(&other).await.unwrap().status(), StatusCode::OK);
    }
    assert_eq!(problem_of(ask(&other).await.unwrap()).await, (429, "share-used-up".into()));
}

#[tokio::test]
async fn a_full_queue_says_so_and_when_to_come_back() {
    let answer = Fake::saying([error("monitor-busy")]).ask_http(get("/v1/checkpoint")).await;
    assert_eq!(answer.headers()[RETRY_AFTER], "1");
    assert_eq!(problem_of(answer).await, (503, "monitor-busy".into()));
}

#[tokio::test]
async fn a_panic_is_one_callers_fault_and_tells_nothing() {
    let fake = Fake::new();
    // A poisoned lock makes the desk panic.
    let poison = fake.clone();
    let poisoned = std::thread::spawn(move || {
        let _held = poison.0.replies.lock().unwrap();
        panic!("a secret");
    });
    assert!(poisoned.join().is_err());
    let answer = fake.ask_http(get("/v1/checkpoint")).await;
    let body = problem_of(answer).await;
    assert_eq!(body, (500, "internal-fault".into()));
    assert_eq!(fake.ask_http(get("/healthz")).await.status(), 204);
}

fn noise() -> impl Strategy<Value = Vec<u8>> {
    let text = r#"\{"(event|open|nonce|by_ms|leaves|note)":(\{"session":"[0-9a-f]{64}"\}|[0-9]{1,20}|\[\]|"[a-z]*")\}"#;
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200),
        text.prop_map(String::into_bytes),
        "(\\{\"event\":\\{\"session\":\"(ab){32}\"\\}\\}\n){0,4}.{0,8}"
            .prop_map(String::into_bytes),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn whatever_is_sent_is_no_fault(
        operation in prop::sample::select(Operation::ALL.to_vec()),
        parameter in "(ab){32}|[0-9]{1,22}|[!-~]{0,12}",
        query in prop::option::of("(from|old)=[0-9]{0,22}|[!-~]{0,8}"),
        headers in prop::collection::vec((
            prop::sample::select(vec!["authorization", "prefer", "accept", "content-length"]),
            "[ -~]{0,24}|wait=[0-9]{0,30}|Bearer [0-9a-f]{0,200}",
        ), 0..3),
        media_type in prop::sample::select(vec![JSON, NDJSON, "text/plain", ""]),
        body in noise(),
    ) {
        let target = match query {
            Some(query) => format!("{}?{query}", operation.path(&parameter)),
            None => operation.path(&parameter),
        };
        let Ok(uri) = target.parse::<http::Uri>() else { return Ok(()) };
        let mut request = post("/", media_type, body);
        *request.method_mut() = operation.method();
        *request.uri_mut() = uri;
        for (name, value) in headers {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let fake = Fake::new();
            let answer = fake.ask_http(request).await;
            let status = answer.status();
            assert!(status.is_success() || status.is_client_error(), "{target} {status}");
            if status.is_client_error() {
                problem_of(answer).await;
            } else if operation == Operation::Feed {
                body_of(answer).await;
            }
        });
    }
}
