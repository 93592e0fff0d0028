use messages::domain::INSECURE_SEALING;
use messages::signature::SigningKey;
use proptest::prelude::*;

use super::*;

static_assertions::assert_not_impl_any!(Open: Clone, core::fmt::Debug);
static_assertions::assert_not_impl_any!(Locked: Clone, core::fmt::Debug);

const ORIGIN: &str = "log.example";
const BOOT: BootId = BootId([1; 32]);

fn custodian(number: u8) -> SigningKey {
    SigningKey::from_seed(&[number; 32])
}

fn terms(quorum: usize) -> Terms {
    let keyed = |n| (Did::from_key(&custodian(n).public()), custodian(n).public());
    Terms { quorum, custodians: (1..=3).map(keyed).collect() }
}

fn machine(number: u8) -> WrappingKey {
    WrappingKey::new(&[number; 32], INSECURE_SEALING).unwrap()
}

fn started(folder: &Path, quorum: usize, machine: Option<u8>) -> Result<Custody, CustodyError> {
    let key = machine.map(self::machine);
    let key = key.as_ref().map(|key| key as &dyn SealingKey);
    Custody::open((ORIGIN, terms(quorum)), key, folder)
}

fn open(folder: &Path, quorum: usize, machine: Option<u8>) -> Open {
    match started(folder, quorum, machine) {
        Ok(Custody::Open(open)) => open,
        Ok(Custody::Locked(_)) => panic!("locked"),
        Err(error) => panic!("{error}"),
    }
}

fn locked(folder: &Path, quorum: usize, machine: Option<u8>) -> Locked {
    match started(folder, quorum, machine) {
        Ok(Custody::Locked(locked)) => locked,
        Ok(Custody::Open(_)) => panic!("open"),
        Err(error) => panic!("{error}"),
    }
}

fn hold(open: &mut Open, number: u8) -> Share {
    let hold = Hold { boot: BOOT, custodian: Did::from_key(&custodian(number).public()) };
    let signature = custodian(number).sign(domain::CUSTODY_HOLD, &hold.to_cbor());
    match open.hold(&hold, &signature, BOOT) {
        Ok(Reply::Share { share, .. }) => share,
        other => panic!("{other:?}"),
    }
}

/// A custodian shows that it has its share; how many more have to.
fn confirm(open: &mut Open, number: u8, share: &Share) -> Result<usize, Refused> {
    let (unlock, signature) = shows(number, share);
    open.held(&unlock, &signature, BOOT)
}

fn shows(number: u8, share: &Share) -> (Unlock, Signature) {
    let did = Did::from_key(&custodian(number).public());
    let unlock = Unlock { boot: BOOT, custodian: did, share: share.clone() };
    let signature = custodian(number).sign(domain::CUSTODY_UNLOCK, &unlock.to_cbor());
    (unlock, signature)
}

fn bring(locked: &mut Locked, number: u8, share: &Share) -> Result<usize, Refused> {
    let (unlock, signature) = shows(number, share);
    locked.take(&unlock, &signature, BOOT)
}

/// What is sealed by one is read by the other.
fn same(one: &Open, other: &Open) -> bool {
    let sealed = one.sealing().unwrap().wrap(b"here", &[7; 32]).unwrap();
    other.sealing().unwrap().unwrap(b"here", &sealed).is_ok_and(|key| *key == [7; 32])
}

#[test]
fn the_machine_opens_its_own_and_custodians_open_it_for_another() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut first = open(folder, 2, Some(1));
    assert!(!first.is_unheld(), "the machine itself can open it again");
    let shares = [1, 2, 3].map(|n| hold(&mut first, n));
    let sealed = first.sealing().unwrap().wrap(b"here", &[7; 32]).unwrap();
    drop(first);
    let again = open(folder, 2, Some(1));
    assert_eq!(*again.sealing().unwrap().unwrap(b"here", &sealed).unwrap(), [7; 32]);
    drop(again);

    // Another machine, build or configuration has another key of its own.
    let mut moved = locked(folder, 2, Some(2));
    assert_eq!(bring(&mut moved, 1, &shares[0]), Ok(1));
    assert_eq!(bring(&mut moved, 1, &shares[0]), Ok(1), "the same one again is no second one");
    assert_eq!(bring(&mut moved, 2, &shares[0]).unwrap_err().0, "custody-share-wrong");
    assert_eq!(bring(&mut moved, 4, &shares[0]).unwrap_err().0, "custody-not-a-custodian");
    assert_eq!(bring(&mut moved, 3, &shares[2]), Ok(0));
    let moved = moved.opened(Some(&machine(2))).ok().unwrap();
    assert_eq!(*moved.sealing().unwrap().unwrap(b"here", &sealed).unwrap(), [7; 32]);
    drop(moved);
    // From then on it is this machine's own, and no longer the first one's.
    let own = open(folder, 2, Some(2));
    drop(own);
    drop(locked(folder, 2, Some(1)));
}

#[test]
fn without_a_key_of_the_machine_nothing_is_taken_before_a_quorum_could_find_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = open(folder.path(), 2, None);
    assert!(first.is_unheld());
    let (one, two) = (hold(&mut first, 1), hold(&mut first, 2));
    assert!(hold(&mut first, 1) == one, "the same one, however often it is asked for");
    assert!(first.is_unheld(), "what was handed over may not have arrived");
    assert_eq!(confirm(&mut first, 1, &one), Ok(1));
    assert_eq!(confirm(&mut first, 1, &one), Ok(1));
    assert_eq!(confirm(&mut first, 2, &one).unwrap_err().0, "custody-share-wrong");
    assert!(first.is_unheld());
    assert_eq!(confirm(&mut first, 2, &two), Ok(0));
    assert!(!first.is_unheld());
    let sealed = first.sealing().unwrap().wrap(b"here", &[7; 32]).unwrap();
    drop(first);
    let mut next = locked(folder.path(), 2, None);
    assert_eq!((bring(&mut next, 2, &two), bring(&mut next, 1, &one)), (Ok(1), Ok(0)));
    let next = next.opened(None).ok().unwrap();
    assert!(!next.is_unheld() && next.sealing().unwrap().unwrap(b"here", &sealed).is_ok());
}

#[test]
fn a_request_holds_for_its_custodian_its_boot_and_its_purpose_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = open(folder.path(), 2, None);
    let (key, did) = (custodian(1), Did::from_key(&custodian(1).public()));
    let asked = Hold { boot: BOOT, custodian: did.clone() };
    let by = |key: &SigningKey, domain| key.sign(domain, &asked.to_cbor());
    let refused =
        |first: &mut Open, signature, boot| first.hold(&asked, &signature, boot).unwrap_err().0;
    let bad = "requester-bad-signature";
    assert_eq!(refused(&mut first, by(&custodian(2), domain::CUSTODY_HOLD), BOOT), bad);
    assert_eq!(refused(&mut first, by(&key, domain::CUSTODY_UNLOCK), BOOT), bad);
    let later = BootId([2; 32]);
    let good = by(&key, domain::CUSTODY_HOLD);
    assert_eq!(refused(&mut first, good, later), "custody-other-boot");
    assert!(first.is_unheld(), "nobody was handed anything");

    let share = hold(&mut first, 1);
    drop(first);
    let mut next = locked(folder.path(), 2, None);
    let unlock = Unlock { boot: later, custodian: did, share };
    let signature = key.sign(domain::CUSTODY_UNLOCK, &unlock.to_cbor());
    assert_eq!(next.take(&unlock, &signature, BOOT).unwrap_err().0, "custody-other-boot");
    let forged = custodian(2).sign(domain::CUSTODY_UNLOCK, &unlock.to_cbor());
    assert_eq!(next.take(&unlock, &forged, later).unwrap_err().0, bad);
}

#[test]
fn a_folder_that_a_host_changed_opens_for_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let code = |quorum, machine| match started(folder, quorum, machine) {
        Ok(_) => panic!("started"),
        Err(error) => error.to_string().split(':').next().unwrap().to_owned(),
    };
    let mut first = open(folder, 2, Some(1));
    let share = hold(&mut first, 1);
    assert_eq!(code(2, Some(1)), "custody-busy", "one monitor, one folder");
    drop(first);
    assert_eq!(code(3, Some(1)), "custody-quorum");

    // A key of the host's own, with its own commitments: the machine's key seals another one, and no
    // honest custodian holds a share of it.
    let path = folder.join("custody");
    let honest = std::fs::read(&path).unwrap();
    let kept = Kept::from_cbor(&honest).unwrap();
    let theirs = Shared::from_bytes(&[3; 32]).unwrap();
    let commitments = theirs.commitments(2).written();
    let forged = Kept { format: FORMAT.into(), commitments, sealed: kept.sealed };
    std::fs::write(&path, forged.to_cbor()).unwrap();
    let mut next = locked(folder, 2, Some(1));
    assert_eq!(bring(&mut next, 1, &share).unwrap_err().0, "custody-share-wrong");
    drop(next);

    std::fs::write(&path, &honest[1..]).unwrap();
    assert_eq!(code(2, Some(1)), "custody-damaged");
    std::fs::remove_file(&path).unwrap();
    std::fs::write(folder.join("log.key"), b"").unwrap();
    assert_eq!(code(2, Some(1)), "custody-missing", "a state is not begun over");
}

#[test]
fn two_folders_have_two_keys() {
    let [one, other] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (one, other) = (open(one.path(), 2, Some(1)), open(other.path(), 2, Some(1)));
    assert!(same(&one, &one) && !same(&one, &other));
}

proptest! {
    #[test]
    fn no_bytes_make_a_custody_file_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("custody"), bytes).unwrap();
        prop_assert!(started(folder.path(), 2, Some(1)).is_err());
    }
}
