//! Batches keep their order and lose nothing; decisions keep their deadline.

use channel::forms::{
    Decision, JSON, NDJSON, decision_from_json, from_json, prefer_wait, to_batch, to_decision,
};
use messages::receipt::Ticket;

use super::*;

fn decision_request(wait: Option<u64>) -> HttpOf<Body> {
    let mut request = of_form(to_decision(&event(&session(), 0)).unwrap());
    if let Some(wait) = wait {
        let wait = prefer_wait(Duration::from_secs(wait)).parse().unwrap();
        request.headers_mut().insert("prefer", wait);
    }
    request
}

async fn decided(response: Response) -> Decision {
    assert_eq!(response.status(), StatusCode::OK);
    decision_from_json(&body_of(response).await).unwrap()
}

fn answered(reply: Reply) -> Decision {
    Decision::Answered(Box::new(reply))
}

async fn lines_of(response: Response) -> Vec<Reply> {
    assert_eq!(response.headers()[CONTENT_TYPE], NDJSON);
    let body = body_of(response).await;
    assert!(body.is_empty() || body.ends_with(b"\n"));
    let lines = body.split(|b| *b == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| from_json(line).unwrap()).collect()
}

#[tokio::test]
async fn a_batch_is_asked_and_answered_in_its_order() {
    let events: Vec<Vec<u8>> = (0..1000).map(|n| event(&session(), n)).collect();
    let fake = Fake::saying((0..1000).map(|n| Reply::Receipt(receipt(n))));
    let batch = of_form(to_batch(&session(), &events).unwrap());
    let replies = lines_of(fake.ask_http(batch).await).await;
    let expected: Vec<Reply> = (0..1000).map(|n| Reply::Receipt(receipt(n))).collect();
    assert_eq!(replies, expected);
    let asked: Vec<Request> = events.into_iter().map(|event| Request::Event { event }).collect();
    assert_eq!(fake.asked(), asked);
}

#[tokio::test]
async fn a_batch_stops_at_nothing() {
    let other = SessionId([1; 32]);
    let mut body = Vec::new();
    for line in [&event(&session(), 0), &event(&other, 1), &b"{\"x\":".to_vec()] {
        body.extend_from_slice(line);
        body.extend_from_slice(b"\r\n\n");
    }
    body.extend_from_slice(&event(&session(), 3));
    let fake = Fake::saying([error("event-duplicate"), verdict(Action::Terminate)]);
    let target = path_of(Operation::Feed);
    let replies = lines_of(fake.ask_http(post(&target, NDJSON, body)).await).await;
    let expected = [
        error("event-duplicate"),
        error("request-other-session"),
        error("request-malformed"),
        verdict(Action::Terminate),
    ];
    assert_eq!(replies, expected);
    assert_eq!(fake.asked().len(), 2);
    let empty = fake.ask_http(post(&target, NDJSON, "\n\n")).await;
    assert!(lines_of(empty).await.is_empty());
    let nowhere = fake.ask_http(post("/v1/sessions/x/events", NDJSON, "")).await;
    assert_eq!(problem_of(nowhere).await, (400, "request-malformed".into()));
}

#[tokio::test(start_paused = true)]
async fn a_fast_batch_is_slowed_down_and_only_then_refused() {
    let events: Vec<Vec<u8>> = (0..8).map(|n| event(&session(), n)).collect();
    let batch = || of_form(to_batch(&session(), &events).unwrap());
    let slow = Limits { per_second: 2, burst: 2, ..Limits::default() };
    let started = tokio::time::Instant::now();
    let fake = Fake::new();
    let replies = lines_of(fake.router(slow).oneshot(batch()).await.unwrap()).await;
    assert_eq!(replies, vec![Reply::Opened; 8]);
    assert!(started.elapsed() >= Duration::from_secs(3));
    // The share holds for the request itself, and never again for an event.
    let hard = Limits { per_second: 1, burst: 1, patience: Duration::ZERO, ..slow };
    let replies = lines_of(Fake::new().router(hard).oneshot(batch()).await.unwrap()).await;
    assert_eq!(replies, vec![error("share-used-up"); 8]);
}

#[tokio::test(start_paused = true)]
async fn the_pacts_clause_answers_at_the_deadline() {
    for (clause, expected) in
        [(OnDeadline::Closed, Decision::DeadlineClosed), (OnDeadline::Open, Decision::DeadlineOpen)]
    {
        let fake = Fake::saying([verdict(Action::Allow), verdict(Action::Allow)]);
        *fake.0.terms.lock().unwrap() = Some((Duration::from_millis(50), clause));
        *fake.0.takes.lock().unwrap() = Duration::from_millis(60);
        let started = tokio::time::Instant::now();
        assert_eq!(decided(fake.ask_http(decision_request(None)).await).await, expected);
        assert_eq!(started.elapsed(), Duration::from_millis(50));
        // In time the monitor's word holds.
        *fake.0.takes.lock().unwrap() = Duration::from_millis(40);
        let answer = decided(fake.ask_http(decision_request(None)).await).await;
        assert_eq!(answer, answered(verdict(Action::Allow)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_is_asked_again_until_the_deadline() {
    let fake = Fake::saying([error("monitor-busy"), error("monitor-busy"), verdict(Action::Deny)]);
    *fake.0.terms.lock().unwrap() = Some((Duration::from_millis(50), OnDeadline::Open));
    let answer = decided(fake.ask_http(decision_request(None)).await).await;
    assert_eq!(answer, answered(verdict(Action::Deny)));
    let fake = Fake::saying(std::iter::repeat_n(error("monitor-busy"), 1000));
    *fake.0.terms.lock().unwrap() = Some((Duration::from_millis(50), OnDeadline::Open));
    let answer = decided(fake.ask_http(decision_request(None)).await).await;
    assert_eq!(answer, Decision::DeadlineOpen);
    let fake = Fake::saying([error("decision-late")]);
    let answer = decided(fake.ask_http(decision_request(None)).await).await;
    assert_eq!(answer, Decision::DeadlineClosed);
    // A refusal is a refusal, and no clause applies to it.
    let answer = Fake::saying([error("event-duplicate")]).ask_http(decision_request(None)).await;
    assert_eq!(problem_of(answer).await, (409, "event-duplicate".into()));
}

#[tokio::test(start_paused = true)]
async fn an_unknown_session_fails_closed_in_time() {
    let fake = Fake::new();
    *fake.0.takes.lock().unwrap() = Duration::from_secs(3600);
    let answer = decided(fake.ask_http(decision_request(None)).await).await;
    assert_eq!(answer, Decision::DeadlineClosed);
}

#[tokio::test(start_paused = true)]
async fn a_pause_waits_for_its_overseer_as_long_as_the_caller_prefers() {
    let allowed = Reply::Verdict {
        action: Action::Allow,
        rule: None,
        receipt: receipt(1),
        ticket: Some(Ticket {
            session: session(),
            call: receipt(1).head,
            expires: UnixMillis(9),
            boot: BootId([3; 32]),
            signature: Signature([4; 64]),
        }),
    };
    // Without a preference the pause is the answer.
    let fake = Fake::saying([verdict(Action::Pause)]);
    let answer = fake.ask_http(decision_request(None)).await;
    assert!(!answer.headers().contains_key("preference-applied"));
    assert_eq!(decided(answer).await, answered(verdict(Action::Pause)));
    // The overseer is in time.
    let fake = Fake::saying([verdict(Action::Pause)]);
    let overseer = (fake.clone(), allowed.clone());
    let deciding = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(20)).await;
        *overseer.0.0.decided.1.lock().unwrap() = Some(overseer.1);
        overseer.0.0.decided.0.notify_waiters();
    });
    let answer = fake.ask_http(decision_request(Some(30))).await;
    assert_eq!(answer.headers()["preference-applied"], "wait=30");
    assert_eq!(decided(answer).await, answered(allowed));
    deciding.await.unwrap();
    // The overseer is not, and nobody waits for more than five minutes.
    let fake = Fake::saying([verdict(Action::Pause)]);
    let started = tokio::time::Instant::now();
    let answer = fake.ask_http(decision_request(Some(1_000_000))).await;
    assert_eq!(decided(answer).await, answered(verdict(Action::Pause)));
    assert_eq!(started.elapsed(), Duration::from_secs(300));
}

#[tokio::test]
async fn a_decision_takes_one_event_of_its_own_session() {
    let other = event(&SessionId([1; 32]), 0);
    let target = path_of(Operation::Decide);
    let answer = Fake::new().ask_http(post(&target, JSON, other)).await;
    assert_eq!(problem_of(answer).await, (400, "request-other-session".into()));
    let answer = Fake::new().ask_http(post(&target, NDJSON, event(&session(), 0))).await;
    assert_eq!(problem_of(answer).await, (415, "request-media-type".into()));
}
