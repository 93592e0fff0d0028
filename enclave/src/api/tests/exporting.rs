//! Unsigned telemetry is counted, answered and forgotten.

use axum::BoxError;
use channel::forms::export::PROTOBUF;
use channel::forms::{JSON, MAX_EXPORT_BYTES, export_answer};
use futures_util::stream;

use super::*;

const EXPORTS: [Operation; 3] =
    [Operation::ExportLogs, Operation::ExportMetrics, Operation::ExportTraces];

/// How many exports the operator sees.
fn counted(metrics: &Metrics) -> String {
    let text = metrics.text().unwrap();
    let name = "cloister_unattributed_exports_total ";
    text.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned()
}

#[tokio::test]
async fn anybodys_telemetry_is_counted_and_reaches_no_desk() {
    let (fake, metrics) = (Fake::new(), Metrics::new());
    let api = Api::new(fake.clone(), Limits::default(), metrics.clone(), &[7; 32]).unwrap();
    let router = router(api);
    let token = login(&router, 5).await;
    for operation in EXPORTS {
        for media_type in [PROTOBUF, JSON] {
            // What the bytes say does not matter: nobody looks at them.
            let noise = vec![0xff; MAX_EXPORT_BYTES];
            let request = post(operation.template(), media_type, noise);
            let answer = router.clone().oneshot(request).await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK);
            let (same, wanted) = export_answer(operation, Some(media_type)).unwrap();
            assert_eq!(answer.headers()[CONTENT_TYPE], same);
            assert_eq!(body_of(answer).await, wanted);
        }
        let logged_in = bearing(post(operation.template(), JSON, "{}"), &token);
        assert_eq!(router.clone().oneshot(logged_in).await.unwrap().status(), StatusCode::OK);
    }
    assert!(fake.asked().is_empty());
    assert_eq!(counted(&metrics), "9");
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_not_counted() {
    let (fake, metrics) = (Fake::new(), Metrics::new());
    let limits = Limits { per_second: 1, burst: 1, ..Limits::default() };
    let api = Api::new(fake, limits, metrics.clone(), &[7; 32]).unwrap();
    let router = router(api);
    let ask = |media_type: &str, body: Body| {
        let request = post("/v1/traces", media_type, body);
        let router = router.clone();
        async move {
            tokio::time::advance(Duration::from_secs(1)).await;
            problem_of(router.oneshot(request).await.unwrap()).await
        }
    };
    let large = || vec![0; MAX_EXPORT_BYTES + 1];
    let parts = |body: Vec<u8>| {
        let parts: Vec<_> = body.chunks(65_536).map(|p| Ok::<_, BoxError>(p.to_vec())).collect();
        Body::from_stream(stream::iter(parts))
    };
    assert_eq!(ask(PROTOBUF, large().into()).await, (413, "request-too-large".into()));
    assert_eq!(ask(PROTOBUF, parts(large())).await, (413, "request-too-large".into()));
    assert_eq!(ask("text/plain", "{}".into()).await, (415, "request-media-type".into()));
    let never = Body::from_stream(stream::pending::<Result<Bytes, BoxError>>());
    assert_eq!(ask(JSON, never).await, (408, "request-too-slow".into()));
    assert_eq!(counted(&metrics), "0");
    // The share is the caller's, as with everything else.
    tokio::time::advance(Duration::from_secs(1)).await;
    let ask = || router.clone().oneshot(post("/v1/traces", PROTOBUF, ""));
    assert_eq!(ask().await.unwrap().status(), StatusCode::OK);
    assert_eq!(problem_of(ask().await.unwrap()).await, (429, "share-used-up".into()));
    assert_eq!(counted(&metrics), "1");
}
