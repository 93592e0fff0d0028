//! Any request and any reply.

use messages::bundle::{
    LinearProof, OpenedCommitments, OpenedConsent, Proof, ProvenClaim, SchnorrProof, SignedProof,
    Stand,
};
use messages::circuit::{CircuitKey, Setup};
use messages::claim::{Audience, Calendar, Claim, ConsentEntry, Predicate, Range};
use messages::coins::Deal;
use messages::counter::{Bucket, Counter, Schema};
use messages::custody::{Hold, Share, Unlock};
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

pub(super) fn b32() -> impl Strategy<Value = [u8; 32]> {
    any::<[u8; 32]>()
}

pub(super) fn signature() -> impl Strategy<Value = Signature> {
    vec(any::<u8>(), 64).prop_map(|bytes| Signature(bytes.try_into().unwrap()))
}

pub(super) fn did() -> impl Strategy<Value = Did> {
    b32().prop_map(|key| Did::from_key(&PublicKey(key)))
}

pub(super) fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..64)
}

pub(super) fn party() -> impl Strategy<Value = Party> {
    prop_oneof![Just(Party::Initiator), Just(Party::Provider)]
}

pub(super) fn action() -> impl Strategy<Value = Action> {
    use Action::{Alert, Allow, Deny, Pause, Terminate};
    prop::sample::select(vec![Alert, Allow, Deny, Pause, Terminate])
}

pub(super) fn place() -> impl Strategy<Value = JournalHead> {
    (any::<u64>(), b32()).prop_map(|(seq, head)| JournalHead { seq, head: Root(head) })
}

pub(super) fn receipt() -> impl Strategy<Value = Receipt> {
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

pub(super) fn ticket() -> impl Strategy<Value = Ticket> {
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

pub(super) fn certificate() -> impl Strategy<Value = BootCertificate> {
    (b32(), b32(), signature()).prop_map(|(boot, key, signature)| BootCertificate {
        boot: BootId(boot),
        key: PublicKey(key),
        signature,
    })
}

pub(super) fn open() -> impl Strategy<Value = Open> {
    (b32(), b32(), did(), b32()).prop_map(|(session, pact, principal, boot)| Open {
        session: SessionId(session),
        pact: PactHash(pact),
        principal,
        boot: BootId(boot),
    })
}

pub(super) fn counts() -> impl Strategy<Value = Counts> {
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

pub(super) fn claim() -> impl Strategy<Value = Claim> {
    let audience = prop_oneof![
        Just(Audience::Public),
        (did(), b32()).prop_map(|(did, nonce)| Audience::Verifier { did, nonce }),
    ];
    (".*", b32(), audience, any::<[u64; 5]>()).prop_map(|(counter, tally, audience, n)| Claim {
        statements: vec![Predicate::between(counter.as_str(), n[0], n[1])],
        ranges: vec![Range {
            origin: counter,
            root: PactHash(tally),
            party: Did::parse("did:web:a.example").unwrap(),
            generation: 3,
            first: Epoch(n[2]),
            last: Epoch(n[3]),
        }],
        audience,
        expiry: UnixMillis(n[4]),
        admitted_gaps: n[0],
    })
}

pub(super) fn disclosed() -> impl Strategy<Value = Disclosed> {
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

pub(super) fn proven() -> impl Strategy<Value = ProvenClaim> {
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

pub(super) fn request() -> impl Strategy<Value = Request> {
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
        (any::<u64>(), of(any::<u64>())).prop_map(|(old, new)| Request::Consistency { old, new }),
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
        Just(Request::Undealt),
        (".*", any::<u64>(), b32(), any::<u64>(), b32(), signature()).prop_map(
            |(origin, day, value, size, root, signature)| {
                let deal = Deal { origin, day, value, size, root: Root(root) };
                Request::Deal { deal, signature }
            }
        ),
        (b32(), did(), signature()).prop_map(|(boot, custodian, signature)| {
            Request::Hold { hold: Hold { boot: BootId(boot), custodian }, signature }
        }),
        (b32(), did(), b32(), signature()).prop_map(|(boot, custodian, share, signature)| {
            let (boot, share) = (BootId(boot), Share::from_bytes(share));
            Request::Unlock { unlock: Unlock { boot, custodian, share }, signature }
        }),
    ]
}

pub(super) fn reply() -> impl Strategy<Value = Reply> {
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
            circuits: vec![CircuitKey {
                circuit: "segment".into(),
                constraints: Root(boot),
                setup: Setup::InsecureTest,
                points: boot.to_vec(),
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
        Just(Reply::Dealt),
        (b32(), b32()).prop_map(|(key, share)| Reply::Share {
            key: Root(key),
            share: Share::from_bytes(share),
        }),
        any::<u64>().prop_map(|missing| Reply::Unlocking { missing }),
        (vec(any::<u64>(), 0..4), ".*", any::<u64>()).prop_map(|(days, checkpoint, now)| {
            Reply::Undealt { days, checkpoint, now: UnixMillis(now) }
        }),
    ]
}

pub(super) fn notice() -> impl Strategy<Value = Notice> {
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
