//! Durable records per second: the journal, against the same bytes sealed, written and synced with
//! nothing around them.
//!
//! The two take turns, group by group, on the same disk, so that what else the disk does strikes
//! both alike. Run with `cargo bench -p cloister-benches --bench journal`.
#![expect(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::cast_precision_loss,
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a bench measures time and prints it"
)]

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use journal::{InsecureSealing, Journal, Recovered};
use messages::ids::BootId;
use messages::time::UnixMillis;

/// Length of a record.
const RECORD: usize = 256;
/// Each group size is measured for so long.
const SPAN: Duration = Duration::from_secs(8);
const ORIGIN: &str = "insecure-dev/bench";

fn main() {
    let record: Vec<u8> = (0..=255).take(RECORD).collect();
    println!("group     journal/s         raw/s  ratio  p50 us  raw p50 us  ratio");
    for group in [1, 64, 1024] {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let mut raw = Raw::create(&folder.path().join("raw"));
        let mut journal = start(folder.path());
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        let begin = Instant::now();
        while begin.elapsed() < SPAN {
            let mut bare = || theirs.push(timed(|| raw.append(&record, group)));
            let mut sealed = || {
                ours.push(timed(|| {
                    for _ in 0..group {
                        journal.append(&record).unwrap();
                    }
                    journal.commit().unwrap();
                }));
            };
            // Each goes first as often as the other.
            bare();
            sealed();
            sealed();
            bare();
        }
        let rate = |times: &[Duration]| {
            (times.len() * group) as f64 / times.iter().sum::<Duration>().as_secs_f64()
        };
        let (our_rate, their_rate) = (rate(&ours), rate(&theirs));
        let (our_p50, their_p50) = (median(&mut ours), median(&mut theirs));
        println!(
            "{group:>5} {our_rate:>13.0} {their_rate:>13.0} {:>6.2} {our_p50:>7.0} \
             {their_p50:>11.0} {:>6.2}",
            our_rate / their_rate,
            their_p50 / our_p50,
        );
    }
    recovery(&record);
}

/// Prints how long a million records take to recover.
fn recovery(record: &[u8]) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut journal = start(folder.path());
    for _ in 0..1000 {
        for _ in 0..1000 {
            journal.append(record).unwrap();
        }
        journal.commit().unwrap();
    }
    drop(journal);
    let (begin, mut count) = (Instant::now(), 0_u64);
    let opened = open(folder.path(), &mut |recovered| {
        count += u64::from(matches!(recovered, Recovered::Record { .. }));
        Ok(())
    });
    println!("recovery of {count} records: {:.2?}", begin.elapsed());
    drop(opened);
}

fn open(
    folder: &std::path::Path,
    on: &mut dyn FnMut(Recovered<'_>) -> Result<(), ()>,
) -> journal::Opened {
    let sealing = InsecureSealing::open_or_create(&folder.join("key"), ORIGIN).unwrap();
    Journal::open(&folder.join("journal"), Box::new(sealing), ORIGIN, BootId([1; 32]), on).unwrap()
}

fn start(folder: &std::path::Path) -> Journal {
    open(folder, &mut |_| Ok(())).start(&[], UnixMillis(0)).unwrap()
}

fn timed(work: impl FnOnce()) -> Duration {
    let begin = Instant::now();
    work();
    begin.elapsed()
}

/// In microseconds.
fn median(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default().as_secs_f64() * 1e6
}

/// AES-256-GCM, one write, one fdatasync: what no sealed and durable log does without.
struct Raw {
    file: File,
    key: LessSafeKey,
    seq: u64,
    length: u64,
    buffer: Vec<u8>,
}

impl Raw {
    fn create(path: &std::path::Path) -> Self {
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[7; 32]).unwrap());
        let file = File::create(path).unwrap();
        Self { file, key, seq: 0, length: 0, buffer: Vec::new() }
    }

    fn append(&mut self, record: &[u8], group: usize) {
        self.buffer.clear();
        for _ in 0..group {
            let begin = self.buffer.len();
            self.buffer.extend_from_slice(record);
            let mut nonce = [0; 12];
            *nonce.last_chunk_mut().unwrap() = self.seq.to_be_bytes();
            self.seq += 1;
            let nonce = Nonce::assume_unique_for_key(nonce);
            let clear = self.buffer.get_mut(begin..).unwrap();
            let tag = self.key.seal_in_place_separate_tag(nonce, Aad::empty(), clear).unwrap();
            self.buffer.extend_from_slice(tag.as_ref());
        }
        self.file.write_all_at(&self.buffer, self.length).unwrap();
        self.file.sync_data().unwrap();
        self.length += u64::try_from(self.buffer.len()).unwrap();
    }
}
