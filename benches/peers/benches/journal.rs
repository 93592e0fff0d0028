//! The same records, durable in the same groups: the journal, SQLite, fjall and redb.
//!
//! The peers encrypt and chain nothing; the journal does both. They take turns, group by group, on
//! the same disk. Run with `cargo bench --bench journal` in `benches/peers`.

use std::path::Path;
use std::time::{Duration, Instant};

use cloister_journal::{InsecureSealing, Journal, Recovered};
use cloister_messages::ids::BootId;
use cloister_messages::time::UnixMillis;
use fjall::{KeyspaceCreateOptions, PersistMode};

/// Length of a record.
const RECORD: usize = 256;
/// Each group size is measured for so long.
const SPAN: Duration = Duration::from_secs(12);

fn main() {
    println!("{:>6} {:>10} {:>12} {:>10}", "group", "store", "records/s", "p50");
    for group in [1, 64, 1024] {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let mut stores: Vec<(&str, Store, Vec<Duration>)> = vec![
            ("journal", journal(folder.path()), Vec::new()),
            ("sqlite", sqlite(folder.path()), Vec::new()),
            ("fjall", fjall(folder.path()), Vec::new()),
            ("redb", redb(folder.path()), Vec::new()),
        ];
        // Bytes that do not compress, as sealed records do not.
        let mut state = 1_u64;
        let records: Vec<Vec<u8>> =
            (0..group).map(|_| (0..RECORD).map(|_| next(&mut state)).collect()).collect();
        let (begin, mut first) = (Instant::now(), 0);
        while begin.elapsed() < SPAN {
            for (_, store, times) in &mut stores {
                let begin = Instant::now();
                store(first, &records);
                times.push(begin.elapsed());
            }
            first += u64::try_from(group).unwrap();
        }
        for (name, _, times) in &mut stores {
            let rate = (times.len() * group) as f64 / times.iter().sum::<Duration>().as_secs_f64();
            times.sort_unstable();
            println!("{group:>6} {name:>10} {rate:>12.0} {:>10.0?}", times[times.len() / 2]);
        }
    }
}

/// Makes records durable, the first under this number.
type Store = Box<dyn FnMut(u64, &[Vec<u8>])>;

fn journal(folder: &Path) -> Store {
    let origin = "insecure-dev/bench";
    let sealing = InsecureSealing::open_or_create(&folder.join("key"), origin).unwrap();
    let none = &mut |_: Recovered<'_>| Ok::<(), ()>(());
    let (path, boot) = (folder.join("journal"), BootId([1; 32]));
    let opened = Journal::open(&path, Box::new(sealing), origin, boot, none).unwrap();
    let mut journal = opened.start(&[], UnixMillis(0)).unwrap();
    Box::new(move |_, records| {
        for record in records {
            journal.append(record).unwrap();
        }
        journal.commit().unwrap();
    })
}

fn sqlite(folder: &Path) -> Store {
    let mut db = rusqlite::Connection::open(folder.join("sqlite")).unwrap();
    db.pragma_update(None, "journal_mode", "WAL").unwrap();
    db.pragma_update(None, "synchronous", "FULL").unwrap();
    db.execute("CREATE TABLE records (seq INTEGER PRIMARY KEY, record BLOB NOT NULL)", ()).unwrap();
    Box::new(move |first, records| {
        let transaction = db.transaction().unwrap();
        let mut insert = transaction.prepare_cached("INSERT INTO records VALUES (?1, ?2)").unwrap();
        for (seq, record) in (first..).zip(records) {
            insert.execute((i64::try_from(seq).unwrap(), record)).unwrap();
        }
        drop(insert);
        transaction.commit().unwrap();
    })
}

fn fjall(folder: &Path) -> Store {
    let db = fjall::Database::builder(folder.join("fjall")).open().unwrap();
    let keyspace = db.keyspace("records", KeyspaceCreateOptions::default).unwrap();
    Box::new(move |first, records| {
        let mut batch = db.batch();
        for (seq, record) in (first..).zip(records) {
            batch.insert(&keyspace, seq.to_be_bytes(), record.as_slice());
        }
        batch.commit().unwrap();
        db.persist(PersistMode::SyncData).unwrap();
    })
}

fn redb(folder: &Path) -> Store {
    const RECORDS: redb::TableDefinition<'_, u64, &[u8]> = redb::TableDefinition::new("records");
    let db = redb::Database::create(folder.join("redb")).unwrap();
    Box::new(move |first, records| {
        let write = db.begin_write().unwrap();
        let mut table = write.open_table(RECORDS).unwrap();
        for (seq, record) in (first..).zip(records) {
            table.insert(seq, record.as_slice()).unwrap();
        }
        drop(table);
        write.commit().unwrap();
    })
}

/// xorshift64.
fn next(state: &mut u64) -> u8 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    state.to_be_bytes()[0]
}
