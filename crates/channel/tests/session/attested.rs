//! What an attested channel does.

use std::sync::Arc;
use std::time::Duration;

use attestations::EvidenceClass;
use channel::client::{Channel, ChannelError, Endpoint, Limits, Step};
use channel::login::{sign_login, verify_login};
use cloister_channel as channel;
use http::{HeaderMap, Method, StatusCode};
use messages::did::Did;
use messages::ids::BootId;
use messages::signature::{PublicKey, SigningKey};
use messages::time::Millis;

use crate::monitor::{CONFIG, Monitor, NOW, connect, identity, open, policy, rng};

fn none() -> HeaderMap {
    HeaderMap::new()
}

fn party() -> (Did, SigningKey) {
    let key = SigningKey::from_seed(&[21; 32]);
    (Did::from_key(&key.public()), key)
}

#[tokio::test]
async fn an_attested_channel_knows_its_monitor_and_carries_requests() {
    let monitor = Monitor::honest().await;
    let channel = open(monitor.address).await.unwrap();
    let appraised = channel.appraised();
    assert_eq!(appraised.class(), EvidenceClass::InsecureSoftware);
    assert_eq!(appraised.claims().boot, BootId([4; 32]));
    assert_eq!(appraised.claims().boot_key, PublicKey([1; 32]));
    assert_eq!(appraised.claims().log_key, PublicKey([2; 32]));
    assert_eq!(appraised.claims().config, CONFIG);
    assert_eq!(appraised.claims().exporter.as_ref(), Some(channel.binding().exporter()));
    let answer = channel.request(Method::POST, "/echo", none(), "event".into()).await.unwrap();
    assert_eq!((answer.status, &answer.body[..]), (StatusCode::OK, &b"event"[..]));
    let answer = channel.request(Method::GET, "/other", none(), "".into()).await.unwrap();
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_name_leads_to_a_monitor_as_well_as_an_address() {
    let monitor = Monitor::honest().await;
    let url = format!("https://localhost:{}", monitor.address.port());
    let endpoint = Endpoint::parse(&url).unwrap();
    let channel = Channel::connect(&endpoint, &policy(), NOW, Limits::default()).await.unwrap();
    assert!(channel.attest(NOW, &mut rng(1)).await.is_ok());
}

#[tokio::test]
async fn requests_run_side_by_side_on_one_session() {
    let monitor = Monitor::honest().await;
    let channel = Arc::new(open(monitor.address).await.unwrap());
    let asked: Vec<_> = (0..50)
        .map(|n: u32| {
            let channel = Arc::clone(&channel);
            tokio::spawn(async move {
                let body = n.to_string().into();
                let answer = channel.request(Method::POST, "/echo", none(), body).await.unwrap();
                assert_eq!(answer.body, n.to_string());
            })
        })
        .collect();
    for one in asked {
        one.await.unwrap();
    }
    assert_eq!(monitor.shown.lock().unwrap().len(), 1, "one session, one challenge");
}

#[tokio::test]
async fn an_answer_can_arrive_piece_by_piece() {
    let monitor = Monitor::honest().await;
    let channel = open(monitor.address).await.unwrap();
    let mut events = channel.stream(Method::GET, "/events", none(), "".into()).await.unwrap();
    // The stream keeps the session alive.
    drop(channel);
    let mut text = Vec::new();
    while let Some(piece) = events.next().await.unwrap() {
        text.extend_from_slice(&piece);
    }
    assert_eq!(text, b"data: 0\n\ndata: 1\n\ndata: 2\n\n");
}

#[tokio::test]
async fn answers_are_bounded_in_size_and_time() {
    let monitor = Monitor::honest().await;
    let endpoint = Endpoint::try_from(monitor.address).unwrap();
    let limits = Limits {
        answer: Duration::from_millis(300),
        piece: Duration::from_millis(50),
        body_bytes: 50_000,
        ..Limits::default()
    };
    let channel = Channel::connect(&endpoint, &policy(), NOW, limits).await.unwrap();
    let channel = channel.attest(NOW, &mut rng(1)).await.unwrap();
    let get = |path| channel.request(Method::GET, path, none(), "".into());
    let large = ChannelError::BodyTooLarge { limit: 50_000 };
    assert_eq!(get("/large").await.unwrap_err(), large);
    assert_eq!(get("/never").await.unwrap_err(), ChannelError::TimedOut(Step::Answer));
    assert_eq!(get("never").await.unwrap_err(), ChannelError::PathMalformed);
    let stalled = channel.stream(Method::GET, "/events?stall", none(), "".into()).await;
    let mut stalled = stalled.unwrap();
    let end = loop {
        match stalled.next().await {
            Ok(Some(_)) => {}
            end => break end,
        }
    };
    assert_eq!(end, Err(ChannelError::TimedOut(Step::Piece)));
    let answer = channel.request(Method::POST, "/echo", none(), "on".into()).await;
    assert_eq!(answer.unwrap().body, "on", "one request's failure is not the channel's");
}

#[tokio::test]
async fn a_channel_that_ended_stays_ended() {
    let monitor = Monitor::honest().await;
    let relay = crate::between::Relay::start(monitor.address).await;
    let channel = open(relay.address).await.unwrap();
    relay.cut();
    let answer = channel.request(Method::POST, "/echo", none(), "event".into()).await;
    assert_eq!(answer.unwrap_err(), ChannelError::Ended);
}

#[tokio::test]
async fn a_session_keeps_the_key_that_it_began_with() {
    let monitor = Monitor::honest().await;
    let first = connect(monitor.address).await.unwrap();
    monitor.rotation.replace(identity());
    let first = first.attest(NOW, &mut rng(1)).await.unwrap();
    let second = open(monitor.address).await.unwrap();
    assert_ne!(first.binding().spki(), second.binding().spki());
    assert_eq!(second.binding().spki(), monitor.rotation.current().spki());
}

#[tokio::test]
async fn a_login_holds_in_its_own_session_only() {
    let monitor = Monitor::honest().await;
    let (did, key) = party();
    let channel = open(monitor.address).await.unwrap();
    let token = channel.login(&did, &key).await.unwrap();
    assert_eq!(token.life(), Millis(60_000));
    let mut headers = HeaderMap::new();
    token.authorize(&mut headers);
    let answer = channel.request(Method::GET, "/whoami", headers.clone(), "".into()).await;
    assert_eq!(answer.unwrap().body, did.as_str());

    let other = open(monitor.address).await.unwrap();
    let answer = other.request(Method::GET, "/whoami", headers, "".into()).await.unwrap();
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let signature = sign_login(&did, channel.binding(), &key);
    assert!(verify_login(&did, channel.binding(), &key.public(), &signature).is_ok());
    assert!(verify_login(&did, other.binding(), &key.public(), &signature).is_err());
    let web = Did::parse("did:web:party.example").unwrap();
    assert!(verify_login(&web, channel.binding(), &key.public(), &signature).is_err());
}

#[tokio::test]
async fn a_login_with_another_key_is_refused() {
    let monitor = Monitor::honest().await;
    let channel = open(monitor.address).await.unwrap();
    let other = SigningKey::from_seed(&[22; 32]);
    let refused = channel.login(&party().0, &other).await.err();
    assert_eq!(refused, Some(ChannelError::LoginRefused { status: 401 }));
}
