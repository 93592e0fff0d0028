//! Laws of the forms: what is written is read back the same; no bytes make a reader fall over.

use messages::bundle::{
    LinearProof, OpenedCommitments, OpenedConsent, Proof, ProvenClaim, SchnorrProof, SignedProof,
    Stand,
};
use messages::claim::{Audience, Calendar, Claim, ConsentEntry, Predicate, Range};
use messages::counter::{Bucket, Counter, Schema};
use messages::did::Did;
use messages::event::{Counts, Party};
use messages::hidden::Hidden;
use messages::ids::{
    BodyDigest, BootId, Commitment, EventHash, LeafHash, PactHash, ProgramId, Root, Salt,
    SessionId, TallyId,
};
use messages::leaf::{BootEntry, Boots, Gaps, Kind, Leaf};
use messages::opening::SealedOpenings;
use messages::publication::Disclosed;
use messages::receipt::{
    BootCertificate, JournalHead, Notice, NoticeKind, Receipt, Resumption, Ticket,
};
use messages::reply::{
    Action, Approval, Metadata, ModeName, Open, ProofKind, RecordEntry, Reinstatement, Reply,
    Request, Statistic, WaitingCall, Wanted,
};
use messages::signature::{PublicKey, Signature};
use messages::time::{Epoch, Millis, UnixMillis};
use proptest::{collection::vec, option::of, prelude::*};

use super::*;

fn b32() -> impl Strategy<Value = [u8; 32]> {
    any::<[u8; 32]>()
}

fn signature() -> impl Strategy<Value = Signature> {
    vec(any::<u8>(), 64).prop_map(|bytes| Signature(bytes.try_into().unwrap()))
}

fn did() -> impl Strategy<Value = Did> {
    b32().prop_map(|key| Did::from_key(&PublicKey(key)))
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..64)
}

fn party() -> impl Strategy<Value = Party> {
    prop_oneof![Just(Party::Initiator), Just(Party::Provider)]
}

fn action() -> impl Strategy<Value = Action> {
    use Action::{Alert, Allow, Deny, Pause, Terminate};
    prop::sample::select(vec![Alert, Allow, Deny, Pause, Terminate])
}

fn place() -> impl Strategy<Value = JournalHead> {
    (any::<u64>(), b32()).prop_map(|(seq, head)| JournalHead { seq, head: Root(head) })
}

fn receipt() -> impl Strategy<Value = Receipt> {
    (b32(), party(), any::<[u64; 2]>(), b32(), place(), b32(), signature()).prop_map(
        |(session, party, [count, other], head, journal, boot, signature)| Receipt {
            session: SessionId(session),
            party,
            count,
            head: EventHash(head),
            other,
            journal,
            boot: BootId(boot),
            signature,
        },
    )
}

fn ticket() -> impl Strategy<Value = Ticket> {
    (b32(), b32(), any::<u64>(), b32(), signature()).prop_map(
        |(session, call, expires, boot, signature)| Ticket {
            session: SessionId(session),
            call: EventHash(call),
            expires: UnixMillis(expires),
            boot: BootId(boot),
            signature,
        },
    )
}

fn certificate() -> impl Strategy<Value = BootCertificate> {
    (b32(), b32(), signature()).prop_map(|(boot, key, signature)| BootCertificate {
        boot: BootId(boot),
        key: PublicKey(key),
        signature,
    })
}

fn open() -> impl Strategy<Value = Open> {
    (b32(), b32(), did(), b32()).prop_map(|(session, pact, principal, boot)| Open {
        session: SessionId(session),
        pact: PactHash(pact),
        principal,
        boot: BootId(boot),
    })
}

fn counts() -> impl Strategy<Value = Counts> {
    let heads = (b32(), b32());
    (b32(), party(), any::<[u64; 3]>(), heads, of(receipt()), any::<bool>()).prop_map(
        |(session, party, [sent, received, delivered], heads, receipt, closing)| Counts {
            session: SessionId(session),
            party,
            sent,
            sent_head: EventHash(heads.0),
            received,
            delivered,
            receipt,
            closing,
            received_head: EventHash(heads.1),
        },
    )
}

fn claim() -> impl Strategy<Value = Claim> {
    let audience = prop_oneof![
        Just(Audience::Public),
        (did(), b32()).prop_map(|(did, nonce)| Audience::Verifier { did, nonce }),
    ];
    (".*", b32(), audience, any::<[u64; 5]>()).prop_map(|(counter, tally, audience, n)| Claim {
        statements: vec![Predicate::between(counter.as_str(), n[0], n[1])],
        ranges: vec![Range {
            origin: counter,
            root: PactHash(tally),
            tally: TallyId(tally),
            first: Epoch(n[2]),
            last: Epoch(n[3]),
        }],
        audience,
        expiry: UnixMillis(n[4]),
        admitted_gaps: n[0],
    })
}

fn disclosed() -> impl Strategy<Value = Disclosed> {
    (any::<u64>(), b32(), b32(), b32(), signature(), bytes()).prop_map(
        |(index, digest, boot, salt, signature, body)| Disclosed {
            index,
            leaf: Leaf {
                kind: Kind::Tally,
                body: BodyDigest(digest),
                boot: BootId(boot),
                signature,
            },
            salt: Salt(salt),
            body,
        },
    )
}

fn proven() -> impl Strategy<Value = ProvenClaim> {
    let path = || vec(b32().prop_map(LeafHash), 0..3);
    (claim(), any::<[u64; 3]>(), b32(), path(), vec(did(), 0..3), bytes()).prop_map(
        |(claim, [before, after, pact], some, path, audience, range)| ProvenClaim {
            claim,
            stands: vec![Stand {
                before,
                after,
                pact,
                consent: vec![OpenedConsent {
                    entry: ConsentEntry {
                        id: "weekly".into(),
                        program: ProgramId(some),
                        grid: vec![vec![before], vec![after, pact]],
                        audience,
                        per: Some(Calendar::Every(Millis(before))),
                        salt: some,
                    },
                    index: 3,
                    path: path.clone(),
                }],
                commitments: vec![OpenedCommitments {
                    counter: 7,
                    before: Some(Commitment(some)),
                    before_path: path.clone(),
                    after: Commitment(some),
                    after_path: path,
                }],
            }],
            proof: if before % 2 == 0 {
                let (boot, signature) = (BootId(some), Signature([7; 64]));
                Proof::Signed(SignedProof { boot, size: after, signature })
            } else {
                Proof::ZeroKnowledge(LinearProof {
                    equalities: vec![SchnorrProof { nonce: Commitment(some), response: some }],
                    high: vec![Commitment(some)],
                    range,
                })
            },
        },
    )
}

fn request() -> impl Strategy<Value = Request> {
    let event = b32().prop_map(|session| {
        let text = format!(r#"{{"event":{{"session":"{}"}},"sig":"x"}}"#, hex::encode(session));
        Request::Event { event: text.into_bytes() }
    });
    let modes = [ModeName::Active, ModeName::Interventionist, ModeName::Passive];
    let mode = of(prop::sample::select(modes.to_vec()));
    let approval = (b32(), b32(), did(), any::<bool>());
    let resumption = (receipt(), certificate(), b32());
    prop_oneof![
        b32().prop_map(|nonce| Request::Attest { nonce }),
        bytes().prop_map(|pact| Request::Register { pact }),
        (open(), signature()).prop_map(|(open, signature)| Request::Open { open, signature }),
        (bytes(), open(), [did(), did()], mode).prop_map(|(draft, open, parties, mode)| {
            Request::Try { draft, open, parties, mode }
        }),
        event,
        (counts(), signature())
            .prop_map(|(counts, signature)| Request::Count { counts, signature }),
        (approval, signature()).prop_map(|((session, call, overseer, granted), signature)| {
            let (session, call) = (SessionId(session), EventHash(call));
            let approval = Approval { session, call, overseer, granted };
            Request::Approve { approval, signature }
        }),
        any::<u64>().prop_map(|by| Request::Advance { by: Millis(by) }),
        (claim(), any::<bool>(), did(), signature()).prop_map(
            |(claim, signed, requester, signature)| {
                let kind = if signed { ProofKind::Signed } else { ProofKind::ZeroKnowledge };
                let over = signed.then_some([UnixMillis(1), claim.expiry]);
                Request::Prove { wanted: Wanted { claim, kind, over }, requester, signature }
            }
        ),
        (claim(), did(), signature()).prop_map(|(mut claim, requester, signature)| {
            Request::Openings { range: claim.ranges.remove(0), requester, signature }
        }),
        (b32(), ".*", any::<u64>(), did(), signature()).prop_map(
            |(pact, statistic, day, requester, signature)| {
                let query = Statistic { pact: PactHash(pact), statistic, day };
                Request::Release { query, requester, signature }
            }
        ),
        vec(any::<u64>(), 0..8).prop_map(|leaves| Request::Include { leaves }),
        any::<u64>().prop_map(|old| Request::Consistency { old }),
        (resumption, signature()).prop_map(|((receipt, certificate, pact), signature)| {
            let resumption = Resumption { receipt, certificate, pact: PactHash(pact) };
            Request::Resume { resumption, signature }
        }),
        (b32(), b32(), did(), signature()).prop_map(|(pact, boot, overseer, signature)| {
            let (pact, boot) = (PactHash(pact), BootId(boot));
            Request::Reinstate { reinstatement: Reinstatement { pact, boot, overseer }, signature }
        }),
        Just(Request::Inbox),
        (b32(), any::<u64>())
            .prop_map(|(session, from)| Request::Read { session: SessionId(session), from }),
        any::<u64>().prop_map(|leaf| Request::Disclose { leaf }),
        b32().prop_map(|pact| Request::Chain { pact: PactHash(pact) }),
        ".*".prop_map(|note| Request::Cosign { note }),
    ]
}

fn reply() -> impl Strategy<Value = Reply> {
    let path = || vec(b32().prop_map(LeafHash), 0..4);
    let waiting = (b32(), b32(), b32(), ".*", any::<u64>(), bytes()).prop_map(
        |(pact, session, call, rule, until, event)| WaitingCall {
            pact: PactHash(pact),
            session: SessionId(session),
            call: EventHash(call),
            rule,
            until: UnixMillis(until),
            event,
        },
    );
    let metadata = (of(".*"), any::<u64>()).prop_map(|(name, bytes)| Metadata { name, bytes });
    let entry = (place(), party(), b32(), action(), ".*", of(metadata), of(bytes())).prop_map(
        |(place, party, event, action, rule, metadata, content)| RecordEntry {
            place,
            at: UnixMillis(place.seq),
            party,
            event: EventHash(event),
            action,
            rule,
            metadata,
            content,
        },
    );
    let counter = (".*", any::<u64>(), of(any::<u64>())).prop_map(|(name, max, edge)| Counter {
        name,
        unit: "ms".into(),
        max,
        bucket: Some(Bucket { histogram: "latency".into(), edge }),
    });
    let proof = (proven(), vec(disclosed(), 0..3), vec(counter, 0..3), b32()).prop_map(
        |(claim, leaves, counters, boot)| Reply::Proof {
            claim: Box::new(claim),
            leaves,
            schemas: vec![Schema { counters }],
            boots: vec![Boots {
                entries: vec![BootEntry { boot: BootId(boot), ..Default::default() }],
            }],
        },
    );
    let verdict = (action(), of(".*"), receipt(), of(ticket()));
    prop_oneof![
        (bytes(), ".*", certificate()).prop_map(|(evidence, checkpoint, certificate)| {
            Reply::Attestation { evidence, checkpoint, certificate }
        }),
        (b32(), b32(), b32(), any::<u64>()).prop_map(|(root, a, b, leaf)| {
            let tallies = [TallyId(a), TallyId(b)];
            Reply::Registered { root: PactHash(root), tallies, leaf }
        }),
        Just(Reply::Opened),
        verdict.prop_map(|(action, rule, receipt, ticket)| Reply::Verdict {
            action,
            rule,
            receipt,
            ticket
        }),
        receipt().prop_map(Reply::Receipt),
        (action(), ".*", receipt()).prop_map(|(action, rule, receipt)| Reply::Alert {
            action,
            rule,
            receipt
        }),
        (any::<bool>(), any::<[u64; 4]>()).prop_map(|(closed, n)| {
            let gaps = Gaps { agent: n[0], network: n[1], monitor: n[2], tail_open: n[3] };
            Reply::Counted { closed, gaps }
        }),
        any::<[u64; 2]>()
            .prop_map(|[a, b]| Reply::Advanced { now: UnixMillis(a), epoch: Epoch(b) }),
        proof,
        vec(disclosed(), 0..3).prop_map(|leaves| Reply::Released { leaves }),
        (".*", vec(path(), 0..3))
            .prop_map(|(checkpoint, paths)| Reply::Included { checkpoint, paths }),
        (".*", path()).prop_map(|(checkpoint, path)| Reply::Consistent { checkpoint, path }),
        "[a-z-]{1,32}".prop_map(|code| Reply::Error { code }),
        (any::<u64>(), b32(), any::<bool>()).prop_map(|(count, head, rolled_back)| {
            Reply::Resumed { count, head: EventHash(head), rolled_back }
        }),
        Just(Reply::Reinstated),
        vec(waiting, 0..3).prop_map(|calls| Reply::Waiting { calls }),
        (vec(entry, 0..3), of(any::<u64>()))
            .prop_map(|(entries, next)| Reply::Recorded { entries, next }),
        (b32(), bytes(), vec(disclosed(), 0..3)).prop_map(|(some, ciphertext, leaves)| {
            let (leaf, encapsulated) = (LeafHash(some), some);
            Reply::Openings {
                sealed: vec![SealedOpenings { leaf, encapsulated, ciphertext }],
                leaves,
                schemas: vec![Schema::default()],
                boots: Boots::default(),
            }
        }),
        (disclosed(), of(b32())).prop_map(|(leaf, salt)| Reply::Disclosed {
            leaf,
            hidden: salt.map(|salt| Hidden { salt: Salt(salt), ..Hidden::default() }.padded()),
        }),
        vec(bytes(), 0..4).prop_map(|documents| Reply::Chain { documents }),
        any::<u64>().prop_map(|witnesses| Reply::Cosigned { witnesses }),
    ]
}

fn notice() -> impl Strategy<Value = Notice> {
    (b32(), of(b32()), of(b32()), action(), "[ -~]{0,64}", place(), signature()).prop_map(
        |(some, session, event, action, rule, journal, signature)| Notice {
            kind: NoticeKind::Paused,
            pact: PactHash(some),
            due: session.map(|_| UnixMillis(7)),
            session: session.map(SessionId),
            event: event.map(EventHash),
            action,
            rule,
            at: UnixMillis(journal.seq),
            journal,
            boot: BootId(some),
            signature,
        },
    )
}

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
