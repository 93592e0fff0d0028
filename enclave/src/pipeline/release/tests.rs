//! When noise is drawn: after the day, after the debit, and after whoever has to see the debit.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "a test that fails here says so"
)]

use messages::ids::SessionId;
use messages::leaf::Kind;
use messages::publication::Disclosed;
use messages::reply::{Open, Request};
use messages::signature::SigningKey;
use messages::time::Millis;
use monitor::Effect;
use pact::{Pact, SignedPact};
use tempfile::TempDir;

mod coins;

use super::*;
use crate::clock::Clock;
use crate::config::{ClockValues, Config};
use crate::desk::Caller;
use crate::pipeline::Decided;
use crate::tee::Tee;

const CONFIG: &str = include_str!("../../../../crates/cloister/demo/monitor.toml");
const PACT: &str = include_str!("../../../../crates/cloister/demo/bank.pact.json");
/// 2026-12-01, a little after midnight.
const START: u64 = UnixMillis::begin_of(DAY).0 + 1_000;

struct Scene {
    folder: TempDir,
    pipeline: Pipeline,
    root: PactHash,
    auditor: SigningKey,
}

fn started(folder: &TempDir) -> Pipeline {
    started_with(folder, "")
}

/// With these lines at the end of the configuration.
fn started_with(folder: &TempDir, more: &str) -> Pipeline {
    let text = CONFIG.replace("{start_ms}", &START.to_string()) + more;
    let config = Config::parse(text.as_bytes()).unwrap();
    let tee = Tee::open(&config, std::path::Path::new("")).unwrap();
    let sealed = (std::sync::Arc::new(tee), crate::store::Sealing::Machine);
    crate::store::open(config, sealed, folder.path()).unwrap()
}

fn scene() -> Scene {
    scene_with("")
}

fn scene_with(more: &str) -> Scene {
    let keys = [1, 2, 3, 4, 4].map(|n| SigningKey::from_seed(&[n; 32]));
    let names = ["INITIATOR", "PROVIDER", "AUDITOR", "OVERSEER", "MONITOR"];
    let named = |text: String, (name, key): (&str, &SigningKey)| {
        text.replace(&format!("{{{{{name}}}}}"), Did::from_key(&key.public()).as_str())
    };
    let text = names.into_iter().zip(&keys).fold(PACT.to_owned(), named);
    let pact = Pact::parse(text.as_bytes()).unwrap();
    let root = pact.hash();
    let sign =
        |signed: SignedPact, key: &SigningKey| signed.sign(Did::from_key(&key.public()), key);
    let signed = keys.iter().take(2).fold(SignedPact::draft(pact), sign).to_bytes();
    let folder = tempfile::tempdir().unwrap();
    let mut pipeline = started_with(&folder, more);
    let caller = Caller { did: None, channel: None };
    let answer = pipeline.take(Request::Register { pact: signed }, &caller);
    assert!(matches!(answer, Decided::Reply(Reply::Registered { .. })));
    pipeline.commit().unwrap();
    let [_, _, auditor, ..] = keys;
    Scene { folder, pipeline, root, auditor }
}

impl Scene {
    fn ask(&self, statistic: &str, day: u64) -> Result<Vec<Kind>, &'static str> {
        self.leaves(statistic, day).map(|leaves| leaves.iter().map(|l| l.leaf.kind).collect())
    }

    fn leaves(&self, statistic: &str, day: u64) -> Result<Vec<Disclosed>, &'static str> {
        let query = Statistic { pact: self.root, statistic: statistic.into(), day };
        let signature = self.auditor.sign(domain::STATISTIC_REQUEST, &query.to_cbor());
        let requester = Did::from_key(&self.auditor.public());
        match self.pipeline.released(&query, (&requester, &signature)) {
            Ok(Reply::Released { leaves }) => Ok(leaves),
            Ok(other) => panic!("{other:?}"),
            Err(Refused(code)) => Err(code),
        }
    }

    /// Midnight passes, and what is due is released as far as it goes.
    fn midnight(&mut self) {
        let today = self.pipeline.clock.now().day();
        self.pipeline.clock.reach(UnixMillis::begin_of(today + 1));
        self.pipeline.release_days().unwrap();
        self.pipeline.commit().unwrap();
    }

    /// From now on time is the witnesses', of whom one is enough.
    fn witnessed_from(&mut self, now: UnixMillis) {
        let quorum = std::num::NonZeroUsize::MIN;
        let (drift_ppm, slack_ms, reach_ms, lease_ms) = (0, 0, 0, 10_000);
        let values = ClockValues::Witnessed { quorum, drift_ppm, slack_ms, reach_ms, lease_ms };
        self.pipeline.clock = Clock::start(&values, now);
    }

    /// A session opens now.
    fn open(&mut self, session: u8) {
        let principal = Did::parse("did:web:principal.example").unwrap();
        let (session, boot) = (SessionId([session; 32]), self.pipeline.identity.boot);
        let open = Open { session, pact: self.root, principal, boot };
        let signature = SigningKey::from_seed(&[1; 32]).sign(domain::OPEN, &open.to_cbor());
        let caller = Caller { did: None, channel: None };
        let answer = self.pipeline.take(Request::Open { open, signature }, &caller);
        assert!(matches!(answer, Decided::Reply(Reply::Opened)));
        self.pipeline.commit().unwrap();
    }

    /// All open sessions end for being idle.
    fn end(&mut self) {
        let (at, seed) = (self.pipeline.clock.bracket(), Seed::draw(&mut OsRng));
        self.pipeline.put(Step::of(Effect::Closed { at, seed, idle: Millis(0) })).unwrap();
        assert_eq!(self.pipeline.state.monitor.sessions(), 0);
    }

    /// Journal and log disagree.
    fn breaks(&mut self) {
        let (at, seed) = (self.pipeline.clock.bracket(), Seed::draw(&mut OsRng));
        self.pipeline.put(Step::of(Effect::Broken { at, seed })).unwrap();
        self.pipeline.commit().unwrap();
    }

    /// Everything that statistics know of the pact's sessions.
    fn data(&self) -> Vec<u8> {
        minicbor::to_vec(&self.pipeline.state.pacts[&self.root].data).unwrap()
    }

    fn dataset(&self) -> Root {
        *self.pipeline.state.pacts[&self.root].data.id()
    }

    fn spent(&self, day: u64) -> u64 {
        self.pipeline.state.pacts[&self.root].data.spent_on(day)
    }
}

const DAY: u64 = 20_788;

#[test]
fn a_day_is_released_when_it_is_over_and_not_before() {
    let mut scene = scene();
    let open = "release-day-still-open";
    let size = scene.pipeline.log.size();
    scene.pipeline.clock.reach(UnixMillis(UnixMillis::begin_of(DAY + 1).0 - 1));
    scene.pipeline.release_days().unwrap();
    assert_eq!((scene.pipeline.log.size(), scene.ask("tools", DAY)), (size, Err(open)));
    scene.midnight();
    // A debit of four statistics, and four answers.
    assert_eq!(scene.pipeline.log.size(), size + 5);
    let all = [Kind::Boot, Kind::Reserve, Kind::Aggregate, Kind::Aggregate, Kind::Aggregate];
    let all = [&all[..], &[Kind::Aggregate]].concat();
    let names = ["sessions.count", "sessions.total", "sessions.outcome", "tools"];
    for (name, drawn) in names.into_iter().zip(3..) {
        assert_eq!(scene.ask(name, DAY), Ok(all[..drawn].to_vec()), "{name}");
    }
    assert_eq!(scene.ask("tools", DAY + 1), Err(open));
    assert_eq!(scene.ask("tools", DAY - 1), Err("release-lost"), "before there was a pact");
    assert_eq!(scene.ask("violations.count", DAY), Err("release-not-consented"));
    scene.pipeline.release_days().unwrap();
    assert_eq!(scene.pipeline.log.size(), size + 5, "once");
}

#[test]
fn nothing_is_drawn_before_the_witnesses_have_seen_the_debit() {
    let mut scene = scene();
    scene.witnessed_from(UnixMillis(START));
    let size = scene.pipeline.log.size();
    scene.midnight();
    assert_eq!(scene.pipeline.log.size(), size + 1, "the debit alone");
    assert_eq!(scene.ask("tools", DAY), Err("release-not-yet"));
    assert!(scene.spent(DAY) > 0);
    // A day that ends meanwhile waits for this one.
    scene.midnight();
    scene.pipeline.witnessed = size;
    scene.midnight();
    assert_eq!(scene.pipeline.log.size(), size + 1);
    assert_eq!(scene.ask("tools", DAY + 1), Err("release-not-yet"));
    // A checkpoint with the debit is cosigned.
    scene.pipeline.witnessed = size + 1;
    scene.pipeline.release_days().unwrap();
    scene.pipeline.commit().unwrap();
    assert!(scene.ask("tools", DAY).is_ok());
    assert_eq!(scene.pipeline.log.size(), size + 6, "and the debit of the next day");
    assert_eq!(scene.ask("tools", DAY + 1), Err("release-not-yet"));
}

#[test]
fn what_is_not_drawn_when_the_process_ends_is_lost_and_stays_paid() {
    let mut scene = scene();
    scene.midnight();
    scene.witnessed_from(UnixMillis::begin_of(DAY + 1));
    scene.midnight();
    assert_eq!(scene.ask("tools", DAY + 1), Err("release-not-yet"));
    let (spent, first) = (scene.spent(DAY + 1), scene.ask("tools", DAY));
    // The process ends, and its lock with it.
    let Scene { folder, pipeline, root, auditor } = scene;
    drop(pipeline);
    let pipeline = started(&folder);
    let mut scene = Scene { folder, pipeline, root, auditor };
    scene.pipeline.release_days().unwrap();
    scene.pipeline.commit().unwrap();
    assert_eq!(scene.ask("tools", DAY + 1), Err("release-lost"));
    assert_eq!((scene.spent(DAY + 1), scene.ask("tools", DAY)), (spent, first));
    // The next day is released again, and the total of sessions begins anew.
    scene.midnight();
    assert!(scene.ask("tools", DAY + 2).is_ok());
    let total = |scene: &Scene, day| {
        let leaves = scene.leaves("sessions.total", day).unwrap();
        let body = AggregateBody::from_cbor(&leaves.last().unwrap().body).unwrap();
        body.query.total.unwrap().first
    };
    assert_eq!((total(&scene, DAY), total(&scene, DAY + 2)), (DAY, DAY + 2));
    scene.midnight();
    assert_eq!(total(&scene, DAY + 3), DAY + 2);
}

#[test]
fn where_the_record_may_be_an_older_one_the_data_ends_and_other_data_begins() {
    let mut scene = scene();
    scene.midnight();
    let (told, first) = (scene.ask("tools", DAY), scene.dataset());
    assert!(told.is_ok());
    // One session is open when the record breaks; the day of the break is not told.
    scene.open(1);
    scene.breaks();
    assert!(scene.pipeline.state.pacts.is_empty());
    assert_eq!(scene.ask("tools", DAY), told, "what is told stays told");
    scene.pipeline.release_days().unwrap();
    scene.pipeline.commit().unwrap();
    assert_ne!(scene.dataset(), first);
    let size = scene.pipeline.log.size();
    scene.midnight();
    assert_eq!(scene.pipeline.log.size(), size);
    assert_eq!(scene.ask("tools", DAY + 1), Err("release-lost"));
    // The session that was open has no part in what is told from now on; one that opens has.
    let before = scene.data();
    scene.end();
    assert!(scene.data() == before, "told twice");
    scene.open(2);
    scene.end();
    assert!(scene.data() != before);
    scene.midnight();
    assert_eq!(scene.ask("tools", DAY + 2).map(|kinds| kinds.len()), told.clone().map(|t| t.len()));
    assert_eq!(scene.ask("tools", DAY), told);
    assert_eq!(scene.ask("tools", DAY + 1), Err("release-lost"));
    // All of it is on record.
    let (data, second) = (scene.data(), scene.dataset());
    let Scene { folder, pipeline, root, auditor } = scene;
    drop(pipeline);
    let pipeline = started(&folder);
    let scene = Scene { folder, pipeline, root, auditor };
    assert!((scene.data(), scene.dataset()) == (data, second));
    assert_eq!(scene.ask("tools", DAY), told);
}

#[test]
fn what_waits_for_the_witnesses_when_the_record_breaks_is_never_drawn() {
    let mut scene = scene();
    scene.witnessed_from(UnixMillis(START));
    scene.midnight();
    assert_eq!(scene.pipeline.releasing.paid.len(), 1);
    scene.breaks();
    let size = scene.pipeline.log.size();
    scene.pipeline.release_days().unwrap();
    assert_eq!(scene.ask("tools", DAY), Err("release-lost"), "at once");
    scene.pipeline.witnessed = size;
    scene.pipeline.release_days().unwrap();
    scene.pipeline.commit().unwrap();
    assert_eq!((scene.pipeline.log.size(), scene.pipeline.releasing.paid.len()), (size, 0));
    assert_eq!(scene.ask("tools", DAY), Err("release-lost"));
}
