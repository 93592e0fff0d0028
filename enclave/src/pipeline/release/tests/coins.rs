//! When numbers with the noise of coins are committed to, and when they are told.

use std::time::Duration;

use messages::coins::{Deal, Dealer, value};

use super::*;

const ORIGIN: &str = "insecure-dev/demo.cloister.example";

fn dealers() -> [SigningKey; 2] {
    [71, 72].map(|n| SigningKey::from_seed(&[n; 32]))
}

fn configured() -> String {
    let dealer = |key: &SigningKey| {
        let Dealer { key, link, since } = Dealer::new(key, ORIGIN, DAY).unwrap();
        let key = Did::from_key(&key);
        format!("\n[[dealers]]\nkey = \"{key}\"\nlink = \"{link}\"\nsince = {since}\n")
    };
    dealers().iter().map(dealer).collect()
}

fn proven_scene() -> Scene {
    scene_with(&configured())
}

impl Scene {
    /// Goes on until the thread has drawn or answered what is looked for; panics when it does not.
    fn until(&mut self, done: impl Fn(&Self) -> bool) {
        for _ in 0..12_000 {
            if done(self) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
            self.pipeline.release_days().unwrap();
            self.pipeline.commit().unwrap();
        }
        panic!("nothing comes but {:?}", self.due());
    }

    /// Midnight passes, and what was counted is committed to.
    fn committed(&mut self) -> u64 {
        let day = self.pipeline.clock.now().day();
        self.midnight();
        self.until(|scene| scene.due().contains(&day));
        day
    }

    fn due(&self) -> Vec<u64> {
        let Reply::Undealt { days, .. } = self.pipeline.undealt() else { panic!() };
        days
    }

    fn told(&self, day: u64, dealer: usize) -> Deal {
        let (size, root) = (self.pipeline.log.size(), self.pipeline.log.root());
        let value = value(&dealers()[dealer], ORIGIN, DAY, day).unwrap();
        Deal { origin: ORIGIN.into(), day, value, size, root }
    }

    fn deal(&mut self, deal: Deal, dealer: usize) -> Result<Reply, Refused> {
        let signature = dealers()[dealer].sign(domain::COIN_DEAL, &deal.to_cbor());
        self.pipeline.deal(deal, signature)
    }

    /// Both dealers deal, and the numbers are told.
    fn dealt(&mut self, day: u64) {
        for dealer in 0..2 {
            assert_eq!(self.ask("sessions.count", day), Err("release-not-yet"));
            assert_eq!(self.deal(self.told(day, dealer), dealer), Ok(Reply::Dealt));
        }
        assert_eq!(self.ask("sessions.count", day), Err("release-not-yet"), "it takes a while");
        self.until(|scene| scene.ask("sessions.count", day).is_ok());
    }

    fn body(&self, day: u64) -> AggregateBody {
        let leaves = self.leaves("sessions.count", day).unwrap();
        AggregateBody::from_cbor(&leaves.last().unwrap().body).unwrap()
    }
}

#[test]
fn a_number_is_told_once_every_dealer_has_dealt_for_it() {
    let mut scene = proven_scene();
    let day = scene.committed();
    // The others are drawn, and wait for nobody.
    assert!(scene.ask("tools", day).is_ok());
    assert_eq!(scene.due(), [day]);
    let size = scene.pipeline.log.size();
    scene.dealt(day);
    assert_eq!((scene.due(), scene.pipeline.log.size()), (vec![], size + 1));
    let body = scene.body(day);
    assert_eq!((body.query.coins, body.values.len()), (Some(1024), 1));
    let proven = body.proven.unwrap();
    assert_eq!(proven.dealt.len(), 2);
    // 8 words, and two for each halving of 1,024.
    assert_eq!(proven.proof.len(), 28 * 32);
    assert_eq!(scene.deal(scene.told(day, 0), 0), Err(Refused("deal-late")));
}

#[test]
fn deals_of_others_and_for_other_days_are_none() {
    let mut scene = proven_scene();
    assert_eq!(scene.deal(scene.told(DAY, 0), 0), Err(Refused("deal-late")), "none waits");
    let before = scene.told(DAY, 0);
    let day = scene.committed();
    let deal = scene.told(day, 0);
    let stranger = SigningKey::from_seed(&[9; 32]).sign(domain::COIN_DEAL, &deal.to_cbor());
    let of_stranger = scene.pipeline.deal(deal.clone(), stranger);
    assert_eq!(of_stranger, Err(Refused("deal-not-by-a-dealer")));
    assert_eq!(scene.deal(deal.clone(), 1), Err(Refused("deal-not-promised")));
    let other = Deal { day: day + 1, ..deal.clone() };
    assert_eq!(scene.deal(other, 0), Err(Refused("deal-late")));
    let value = Deal { value: [1; 32], ..deal.clone() };
    assert_eq!(scene.deal(value, 0), Err(Refused("deal-not-promised")));
    let next = scene.told(day + 1, 0);
    assert_eq!(scene.deal(next, 0), Err(Refused("deal-late")));
    let origin = Deal { origin: "other.example".into(), ..scene.told(day, 0) };
    assert_eq!(scene.deal(origin, 0), Err(Refused("deal-of-another-log")));
    let root = Deal { root: Root([1; 32]), ..deal.clone() };
    assert_eq!(scene.deal(root, 0), Err(Refused("deal-of-another-log")));
    let size = Deal { size: deal.size + 1, ..deal.clone() };
    assert_eq!(scene.deal(size, 0), Err(Refused("deal-of-another-log")));
    let early = Deal { size: before.size, root: before.root, ..deal };
    assert_eq!(scene.deal(early, 0), Err(Refused("deal-too-early")));
    // One dealer is not both, however often it deals.
    for _ in 0..2 {
        assert_eq!(scene.deal(scene.told(day, 0), 0), Ok(Reply::Dealt));
    }
    assert_eq!(scene.due(), [day]);
    assert_eq!(scene.deal(scene.told(day, 1), 1), Ok(Reply::Dealt));
    scene.until(|scene| scene.ask("sessions.count", day).is_ok());
}

#[test]
fn what_no_coins_come_for_is_lost_and_later_days_are_told() {
    let mut scene = proven_scene();
    let [first, second, third] = [(); 3].map(|()| scene.committed());
    scene.pipeline.release_days().unwrap();
    // The ledger goes on, and takes no answer of the first day any more.
    assert_eq!(scene.due(), [second, third]);
    assert_eq!(scene.ask("sessions.count", first), Err("release-lost"));
    assert!(scene.ask("tools", first).is_ok());
    scene.dealt(third);
    scene.dealt(second);
    assert!(scene.body(third).sequence < scene.body(second).sequence);
}

#[test]
fn what_waits_for_coins_when_the_process_ends_is_lost_and_stays_paid() {
    let mut scene = proven_scene();
    let day = scene.committed();
    let spent = scene.spent(day);
    let Scene { folder, pipeline, root, auditor } = scene;
    drop(pipeline);
    let pipeline = started_with(&folder, &configured());
    let mut scene = Scene { folder, pipeline, root, auditor };
    scene.pipeline.release_days().unwrap();
    scene.pipeline.commit().unwrap();
    assert_eq!((scene.due(), scene.spent(day)), (vec![], spent));
    assert_eq!(scene.ask("sessions.count", day), Err("release-lost"));
    assert_eq!(scene.deal(scene.told(day, 0), 0), Err(Refused("deal-late")));
    let next = scene.committed();
    scene.dealt(next);
    // And what was told is still told after another start.
    let told = scene.body(next);
    let Scene { folder, pipeline, root, auditor } = scene;
    drop(pipeline);
    let pipeline = started_with(&folder, &configured());
    let scene = Scene { folder, pipeline, root, auditor };
    assert_eq!(scene.body(next), told);
}

#[test]
fn what_waits_for_coins_when_the_record_breaks_is_never_told() {
    let mut scene = proven_scene();
    let day = scene.committed();
    scene.breaks();
    scene.pipeline.release_days().unwrap();
    scene.pipeline.commit().unwrap();
    assert_eq!((scene.due(), scene.ask("sessions.count", day)), (vec![], Err("release-lost")));
    assert_eq!(scene.deal(scene.told(day, 0), 0), Err(Refused("deal-late")));
}

#[test]
fn nothing_is_due_before_the_witnesses_have_seen_the_debits() {
    let mut scene = proven_scene();
    scene.witnessed_from(UnixMillis(START));
    let size = scene.pipeline.log.size();
    scene.midnight();
    scene.until(|scene| scene.pipeline.log.size() == size + 2);
    // Both reservations are in the log that is shown, and nobody has seen them there.
    assert!(scene.due().is_empty());
    for dealer in 0..2 {
        assert_eq!(scene.deal(scene.told(DAY, dealer), dealer), Err(Refused("deal-late")));
    }
    scene.pipeline.witnessed = size + 1;
    assert_eq!(scene.deal(scene.told(DAY, 0), 0), Err(Refused("deal-late")));
    // The cosignature comes, and both deals in the same breath: what is drawn is drawn first, also
    // where the answer is there by then.
    scene.pipeline.witnessed = size + 2;
    assert_eq!(scene.due(), [DAY]);
    for dealer in 0..2 {
        assert_eq!(scene.deal(scene.told(DAY, dealer), dealer), Ok(Reply::Dealt));
    }
    std::thread::sleep(Duration::from_secs(2));
    scene.until(|scene| scene.ask("sessions.count", DAY).is_ok());
    for statistic in ["tools", "sessions.total", "sessions.outcome"] {
        assert!(scene.ask(statistic, DAY).is_ok(), "{statistic}");
    }
}

#[test]
fn dealers_have_time_even_where_many_days_are_told_at_once() {
    let mut scene = proven_scene();
    let first = scene.committed();
    // A week passes before anybody looks.
    let today = scene.pipeline.clock.now().day();
    scene.pipeline.clock.reach(UnixMillis::begin_of(today + 7));
    // What was committed to before it has had its time; days that are told late wait for nobody.
    scene.until(|scene| scene.due() == [first + 5, first + 6]);
    assert_eq!(scene.ask("sessions.count", first), Err("release-lost"));
    for day in first + 1..first + 5 {
        let told = scene.body(day);
        assert_eq!((told.query.coins, told.proven), (None, None));
    }
    // Those that are not wait for their coins, and the next one for them.
    scene.pipeline.release_days().unwrap();
    assert!(scene.ask("tools", first + 6).is_ok());
    assert_eq!(scene.ask("tools", first + 7), Err("release-not-yet"));
    for day in [first + 5, first + 6] {
        scene.dealt(day);
    }
    scene.until(|scene| scene.due() == [first + 7]);
}

#[test]
fn the_days_before_a_debit_are_forgotten_with_it() {
    let mut scene = proven_scene();
    let bounds = scene.pipeline.values.ledger().1;
    // Where everything is proven nothing is drawn, and no draw forgets a day.
    for day in [DAY, DAY + 1] {
        let asked = Asked::proven(&release::Statistic::SessionsCount, bounds, 2_100_000).unwrap();
        let queries = scene.pipeline.state.pacts[&scene.root].data.due(day, &[asked]);
        let step = Step::Reserved { root: scene.root, day, queries };
        let entry = Entry { at: scene.pipeline.clock.now(), seed: Seed::draw(&mut OsRng), step };
        let following = scene.pipeline.state.apply(&entry).unwrap();
        assert_eq!(following.uncommitted.map(|of| of.coins()), Some(vec![1024]));
        assert!(following.reservation.is_none() && scene.spent(day) > 0);
    }
    assert_eq!(scene.spent(DAY), 0);
}

#[test]
fn no_coins_are_due_while_a_pact_may_come_to_need_them() {
    let mut scene = proven_scene();
    let day = scene.committed();
    // As that of a pact whose bits are still being drawn.
    let root = scene.root;
    let unreleased = |scene: &mut Scene, day| {
        scene.pipeline.state.pacts.get_mut(&root).unwrap().unreleased = day;
    };
    unreleased(&mut scene, day);
    assert!(scene.due().is_empty());
    assert_eq!(scene.deal(scene.told(day, 0), 0), Err(Refused("deal-late")));
    unreleased(&mut scene, day + 1);
    assert_eq!(scene.due(), [day]);
}
