//! Notices arrive as they happen, and a stream that ends ends.

use channel::forms::NoticeReader;
use messages::ids::{PactHash, Root};
use messages::receipt::NoticeKind;

use super::*;

fn notice(seq: u64) -> Arc<Notice> {
    Arc::new(Notice {
        kind: NoticeKind::Alert,
        pact: PactHash([1; 32]),
        session: Some(session()),
        event: None,
        action: Action::Alert,
        rule: "limit".into(),
        at: UnixMillis(seq),
        due: None,
        journal: JournalHead { seq, head: Root([2; 32]) },
        boot: BootId([3; 32]),
        signature: Signature([4; 64]),
    })
}

#[tokio::test(start_paused = true)]
async fn notices_reach_their_reader_until_the_desk_cuts_the_stream() {
    let fake = Fake::new();
    let router = fake.router(Limits::default());
    let token = login(&router, 5).await;
    let answer = router.oneshot(bearing(get("/v1/alerts"), &token)).await.unwrap();
    assert_eq!(answer.headers()[CONTENT_TYPE], "text/event-stream");
    let (reader, sender) = fake.0.readers.lock().unwrap().pop().unwrap();
    assert_eq!(reader, did(5));
    let mut body = answer.into_body();
    let mut reading = NoticeReader::default();
    let mut read = Vec::new();
    // Before anything else, where the stream begins; a reader of notices passes over it.
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(first, format!(": from {FROM}\n\n"));
    assert!(reading.push(&first).unwrap().is_empty());
    for seq in 1..=4 {
        sender.send(notice(seq)).await.unwrap();
        let frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
        let text = std::str::from_utf8(&frame).unwrap();
        assert!(text.contains(&format!("id: {seq}\n")), "{text}");
        read.extend(reading.push(&frame).unwrap());
    }
    assert_eq!(read, (1..=4).map(|seq| (*notice(seq)).clone()).collect::<Vec<_>>());
    // Silence is kept alive by comments.
    let comment = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(comment.starts_with(b":"));
    assert!(reading.push(&comment).unwrap().is_empty());
    // Nothing is buffered for a reader that does not read: the desk sees the channel fill.
    for seq in 5..=8 {
        sender.try_send(notice(seq)).unwrap();
    }
    assert!(sender.try_send(notice(9)).is_err());
    drop(sender);
    let rest = body.collect().await.unwrap().to_bytes();
    assert_eq!(reading.push(&rest).unwrap().len(), 4);
}

#[tokio::test]
async fn nobody_is_led_to_believe_that_notices_are_sent_again() {
    let router = Fake::new().router(Limits::default());
    let token = login(&router, 5).await;
    let mut request = bearing(get("/v1/alerts"), &token);
    request.headers_mut().insert("last-event-id", "17".parse().unwrap());
    let answer = router.oneshot(request).await.unwrap();
    let first = answer.into_body().frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(first, format!(": from {FROM}\n\n"));
}

#[tokio::test]
async fn a_desk_with_too_many_readers_says_so() {
    #[derive(Clone)]
    struct Full(Fake);
    impl Desk for Full {
        async fn submit(
            &self,
            request: Request,
            caller: Caller,
            deadline: Option<Instant>,
        ) -> Promise {
            self.0.submit(request, caller, deadline).await
        }
        async fn decided(&self, session: SessionId, call: EventHash) -> Option<Reply> {
            self.0.decided(session, call).await
        }
        async fn deadline(&self, session: SessionId) -> Option<(Duration, OnDeadline)> {
            self.0.deadline(session).await
        }
        async fn follow(&self, _: Did) -> Result<Following, &'static str> {
            Err("monitor-busy")
        }
        fn key(&self, did: &Did) -> Option<PublicKey> {
            did.key()
        }

        fn names(&self, did: &Did) -> bool {
            self.0.names(did)
        }
        async fn tile(&self, path: &str) -> Option<Vec<u8>> {
            self.0.tile(path).await
        }
        fn ready(&self) -> bool {
            true
        }
    }
    let api = Api::new(Full(Fake::new()), Limits::default(), Metrics::new(), &[7; 32]).unwrap();
    let router = router(api);
    let token = login(&router, 5).await;
    let answer = router.oneshot(bearing(get("/v1/alerts"), &token)).await.unwrap();
    assert_eq!(problem_of(answer).await, (503, "monitor-busy".into()));
}

#[tokio::test]
async fn followed_streams_use_the_callers_share_until_they_end() {
    let fake = Fake::new();
    let router = fake.router(Limits { in_flight: 2, ..Limits::default() });
    let token = login(&router, 5).await;
    let follow = || router.clone().oneshot(bearing(get("/v1/alerts"), &token));
    let held = [follow().await.unwrap(), follow().await.unwrap()];
    let refused = follow().await.unwrap();
    assert_eq!(problem_of(refused).await, (429, "share-used-up".into()));
    drop(held);
    assert_eq!(follow().await.unwrap().status(), StatusCode::OK);
}
