//! The interface against its own OpenAPI document, in the hands of a fuzzer.

use super::*;

#[path = "../../../tests/api/schemathesis.rs"]
mod schemathesis;

#[tokio::test]
async fn a_fuzzer_that_knows_the_document_finds_no_fault() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Fake::new().router(Limits::default()).layer(axum::Extension(BINDINGS[0]));
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    let fuzzing = tokio::task::spawn_blocking(move || schemathesis::fuzz(&url, 30));
    let found = fuzzing.await;
    serving.abort();
    found.unwrap();
}
