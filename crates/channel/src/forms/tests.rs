//! Laws of the forms: what is written is read back the same; no bytes make a reader fall over.

mod any;

use messages::ids::SessionId;
use messages::reply::Request;
use proptest::{collection::vec, option::of, prelude::*};

use self::any::*;
use super::*;

fn worded(code: &str) -> Problem {
    Problem::new(code, 422, "a reason", "a remedy")
}

fn any_operation() -> impl Strategy<Value = Operation> {
    prop::sample::select(Operation::ALL.to_vec())
}

/// JSON of any shape, with the names and texts that the forms know, so that readers get deep.
fn near_json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let known = prop::sample::select(vec![
        "",
        "did:web:a",
        "AA==",
        "allow",
        "initiator",
        "verdict",
        "receipt",
        "opened",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        known.prop_map(Value::from),
        "[0-9a-f]{64}".prop_map(Value::from),
    ];
    let name = prop::sample::select(vec![
        "kind",
        "open",
        "signature",
        "session",
        "pact",
        "receipt",
        "counts",
        "event",
        "leaves",
        "nonce",
        "note",
        "query",
        "draft",
        "claim",
        "by_ms",
        "approval",
        "resumption",
    ]);
    leaf.prop_recursive(4, 32, 4, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((name.clone(), inner), 0..6).prop_map(|members| {
                members.into_iter().map(|(n, v)| (n.to_owned(), v)).collect::<Value>()
            }),
        ]
    })
}

proptest! {
    #[test]
    fn every_request_is_read_back_the_same(request in request()) {
        let http = to_http(&request).unwrap();
        let read = from_http(&http.method, &http.target, http.content_type, &http.body);
        prop_assert_eq!(read, Ok(request));
    }

    #[test]
    fn every_reply_is_read_back_the_same(reply in reply()) {
        prop_assert_eq!(from_json(&to_json(&reply, &worded)), Ok(reply.clone()));
        let decision = Decision::Answered(Box::new(reply));
        prop_assert_eq!(decision_from_json(&decision.to_json(&worded)), Ok(decision));
    }

    #[test]
    fn notices_are_read_back_however_the_stream_is_cut(
        notices in vec(notice(), 0..4),
        cut in 1_usize..64,
    ) {
        let mut stream = String::from(": from 18446744073709551615\n\n");
        for notice in &notices {
            let data = notice_data(notice);
            stream.push_str(&format!("id: {}\r\ndata: {data}\r\n\r\n: \n\n", notice.journal.seq));
        }
        let mut reader = NoticeReader::default();
        let mut read = Vec::new();
        for part in stream.as_bytes().chunks(cut) {
            read.extend(reader.push(part).unwrap());
        }
        prop_assert_eq!(read, notices);
        prop_assert_eq!(reader.from(), Some(u64::MAX));
    }

    #[test]
    fn no_bytes_make_a_reader_fall_over(
        operation in any_operation(),
        parameter in "[0-9a-f]{64}|[0-9]{1,22}|.{0,8}",
        query in of("(from|old)=[0-9]{0,22}|.{0,8}"),
        json in near_json(),
        noise in bytes(),
    ) {
        let query = query.map_or_else(String::new, |query| ["?", &query].concat());
        let target = [operation.path(&parameter), query].concat();
        let text = serde_json::to_vec(&json).unwrap();
        let mut reader = NoticeReader::default();
        for body in [&text, &noise] {
            if let Ok(request) = from_http(&operation.method(), &target, Some(JSON), body) {
                let again = to_http(&request).unwrap();
                let read =
                    from_http(&again.method, &again.target, again.content_type, &again.body);
                prop_assert_eq!(read, Ok(request));
            }
            if let Ok(reply) = from_json(body) {
                prop_assert_eq!(from_json(&to_json(&reply, &worded)), Ok(reply));
            }
            prop_assert!(decision_from_json(body).is_ok() || from_json(body).is_err());
            prop_assert!(batch_lines(body).is_ok());
            prop_assert!(reader.push(body).is_ok() || !body.is_empty());
        }
    }
}

#[test]
fn path_and_body_name_one_session() {
    let event = format!(r#"{{"event":{{"session":"{}"}}}}"#, "0a".repeat(32));
    let http = to_decision(event.as_bytes()).unwrap();
    let other = Operation::Decide.path(&"0b".repeat(32));
    let read = |target| from_http(&http.method, target, http.content_type, &http.body);
    assert!(read(&http.target).is_ok());
    assert_eq!(read(&other), Err(FormError::OtherSession));
    assert_eq!(to_http(&Request::Event { event: b"{}".to_vec() }), Err(FormError::Malformed));
}

#[test]
fn unknown_members_media_types_and_methods_are_refused() {
    let post = http::Method::POST;
    let ask = |target, media, body: &str| from_http(&post, target, media, body.as_bytes());
    let by = r#"{"by_ms":1}"#;
    assert!(ask("/v1/clock/advance", Some("application/json; charset=utf-8"), by).is_ok());
    assert_eq!(ask("/v1/clock/advance", None, by), Err(FormError::MediaType));
    assert_eq!(ask("/v1/clock/advance", Some("text/plain"), by), Err(FormError::MediaType));
    assert_eq!(ask("/v1/inbox", Some(JSON), by), Err(FormError::MethodUnknown));
    assert_eq!(ask("/v1/inboxes", Some(JSON), by), Err(FormError::PathUnknown));
    for bad in [r#"{"by_ms":1,"x":2}"#, r#"{"by_ms":1,"by_ms":1}"#, r#"{"by_ms":-1}"#, ""] {
        let read = ask("/v1/clock/advance", Some(JSON), bad);
        assert_eq!(read, Err(FormError::Malformed), "{bad}");
    }
    let large = " ".repeat(MAX_BODY_BYTES + 1);
    assert_eq!(ask("/v1/pacts", Some(JSON), &large), Err(FormError::TooLarge));
}

#[test]
fn a_batch_keeps_its_order_and_its_bounds() {
    let events: Vec<Vec<u8>> = (0..3).map(|n| format!("{{{n}}}").into_bytes()).collect();
    let http = to_batch(&SessionId([1; 32]), &events).unwrap();
    assert_eq!(http.content_type, Some(NDJSON));
    assert_eq!(batch_lines(&http.body).unwrap(), events);
    assert_eq!(batch_lines(b"a\r\n\n\nb\n").unwrap(), [b"a", b"b"]);
    let broken = [b"{\n}".to_vec()];
    assert_eq!(to_batch(&SessionId([1; 32]), &broken), Err(FormError::Malformed));
    let many = "1\n".repeat(MAX_BATCH_EVENTS + 1);
    assert_eq!(batch_lines(many.as_bytes()), Err(FormError::TooLarge));
}
