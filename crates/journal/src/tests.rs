//! Stories of disks that fill up, fail and stop.
#![expect(clippy::arithmetic_side_effects, reason = "a test that overflows says so")]

mod crash;
mod fault;
mod simulated;

use std::sync::{Arc, LazyLock};

use messages::ids::BootId;
use messages::time::UnixMillis;
use zeroize::Zeroizing;

use self::simulated::Simulated;
use crate::folder::Folder;
use crate::format::Kind;
use crate::recovery::{Opened, Recovered, recover};
use crate::{InsecureSealing, Journal, JournalError, OpenError, SealError, SealingKey};

const ORIGIN: &str = "insecure-dev/test";
const NOW: UnixMillis = UnixMillis(0);

/// One sealing key for all tests of a process.
struct Shared(Arc<InsecureSealing>);

impl SealingKey for Shared {
    fn wrap(&self, context: &[u8], key: &[u8; 32]) -> Result<Vec<u8>, SealError> {
        self.0.wrap(context, key)
    }

    fn unwrap(&self, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<[u8; 32]>, SealError> {
        self.0.unwrap(context, sealed)
    }
}

fn folder(disk: &Simulated, kind: Kind) -> Result<Folder, JournalError> {
    static KEY: LazyLock<Arc<InsecureSealing>> = LazyLock::new(|| {
        let folder = tempfile::tempdir().unwrap();
        Arc::new(InsecureSealing::open_or_create(&folder.path().join("key"), ORIGIN).unwrap())
    });
    let sealing = Box::new(Shared(Arc::clone(&KEY)));
    Folder::open(Arc::new(disk.clone()), "/store".as_ref(), kind, ORIGIN, sealing)
}

/// The state that the tests journal: the numbers appended so far.
type Numbers = Vec<u32>;

fn snapshot(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// A record of some length that tells its number.
fn record(number: u32) -> Vec<u8> {
    let length = 4 + usize::try_from(number % 41).unwrap();
    number.to_be_bytes().into_iter().cycle().take(length).collect()
}

fn open(disk: &Simulated) -> Result<(Opened, Numbers), JournalError> {
    let mut numbers = Vec::new();
    let on = &mut |recovered: Recovered<'_>| {
        match recovered {
            Recovered::Snapshot(bytes) => {
                assert!(numbers.is_empty(), "the snapshot comes first and once: {numbers:?}");
                numbers.extend(bytes.chunks(4).map(|b| u32::from_be_bytes(b.try_into().unwrap())));
            }
            Recovered::Record { position, record: bytes } => {
                let number = u32::from_be_bytes(*bytes.first_chunk().unwrap());
                assert_eq!(bytes, record(number));
                numbers.push(number);
                assert_eq!(position.seq, u64::try_from(numbers.len()).unwrap());
            }
        }
        Ok::<(), std::convert::Infallible>(())
    };
    match recover(folder(disk, Kind::Journal)?, BootId([1; 32]), on) {
        Ok(opened) => Ok((opened, numbers)),
        Err(OpenError::Journal(error)) => Err(error),
        Err(OpenError::Replay(never)) => match never {},
    }
}

fn start(disk: &Simulated) -> Result<(Journal, Numbers), JournalError> {
    let (opened, numbers) = open(disk)?;
    Ok((opened.start(&snapshot(&numbers), NOW)?, numbers))
}
