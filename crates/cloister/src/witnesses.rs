//! Witnesses, from the side that asks them (C2SP tlog-witness).

use bytes::Bytes;
use messages::ids::LeafHash;
use messages::reply::{Reply, Request};
use tlog::witness::AddCheckpoint;

use crate::client::{Client, strange};
use crate::fault::Fault;
use crate::outbound::{Answer, Target};

/// Several witnesses, and how much of the log each has signed.
pub(crate) struct Witnesses(Vec<Witness>);

struct Witness {
    url: String,
    target: Target,
    /// The size that it signed last, as far as is known.
    known: u64,
}

/// What became of one request.
enum Asked {
    Cosigned,
    /// It has signed another size than was thought.
    Elsewhere(u64),
}

impl Witnesses {
    /// Witnesses by their addresses, before `/add-checkpoint`.
    pub(crate) fn read(urls: &[String]) -> Result<Self, Fault> {
        let witness = |url: &String| {
            let full = format!("{}/add-checkpoint", url.trim_end_matches('/'));
            let target = Target::read(&full).ok_or_else(|| {
                Fault::new(
                    "witness-address",
                    "the witness is neither https:// nor http:// on a loopback address",
                    "give https://host, or http://127.0.0.1:port",
                )
            })?;
            Ok(Witness { url: url.clone(), target, known: 0 })
        };
        urls.iter().map(witness).collect::<Result<_, _>>().map(Self)
    }

    /// Has all of them add their lines to a checkpoint over `size` leaves, at the same time, and
    /// says of each why it did not. `client` is asked for the proofs that the log only grew.
    ///
    /// # Errors
    /// When the monitor does not answer.
    pub(crate) fn cosign(
        &mut self,
        checkpoint: &mut String,
        size: u64,
        client: &mut Client,
    ) -> Result<Vec<(String, Option<Fault>)>, Fault> {
        let note = checkpoint.clone();
        let mut waiting: Vec<&mut Witness> = self.0.iter_mut().collect();
        let mut done = Vec::new();
        for attempt in 1..=ATTEMPTS {
            let mut bodies = Vec::new();
            for witness in &waiting {
                let (old, proof) = (witness.known, consistency(witness.known, size, client)?);
                bodies.push(AddCheckpoint { old, proof, note: note.clone() }.body());
            }
            let answers = all(&waiting, bodies);
            let mut again = Vec::new();
            for (witness, answer) in waiting.into_iter().zip(answers) {
                match answer.and_then(|answer| witness.took(&answer, size, checkpoint)) {
                    Ok(Asked::Elsewhere(known)) if attempt < ATTEMPTS => {
                        witness.known = known;
                        again.push(witness);
                    }
                    Ok(Asked::Elsewhere(_)) => {
                        let restless = witness.refused("its size changed again and again");
                        done.push((witness.url.clone(), Some(restless)));
                    }
                    Ok(Asked::Cosigned) => {
                        witness.known = size;
                        done.push((witness.url.clone(), None));
                    }
                    Err(said) => done.push((witness.url.clone(), Some(said))),
                }
            }
            waiting = again;
        }
        Ok(done)
    }
}

impl Witness {
    /// What an answer says; the lines of one that signed are added.
    fn took(&self, answer: &Answer, size: u64, checkpoint: &mut String) -> Result<Asked, Fault> {
        let text = String::from_utf8_lossy(&answer.body);
        match answer.status {
            200 => {
                // A witness may sign with several keys, a line each.
                for line in text.split_inclusive('\n') {
                    *checkpoint = tlog::with_cosignature(checkpoint, line)
                        .map_err(|error| self.refused(&error.to_string()))?;
                }
                Ok(Asked::Cosigned)
            }
            409 => match text.trim_end().parse::<u64>() {
                Ok(known) if known <= size && known != self.known => Ok(Asked::Elsewhere(known)),
                Ok(known) if known > size => Err(Fault::new(
                    AHEAD,
                    format!("the witness {} has signed a later checkpoint than this one", self.url),
                    "ask for the file again and have it cosigned at once",
                )),
                _ => Err(self.refused(&text)),
            },
            423 => Err(Fault::new(
                "witness-leased",
                format!("the witness {} did not cosign: {}", self.url, shown(&text)),
                "if the other boot has ended, wait until its lease has; if it runs, stop one of them",
            )),
            status => Err(self.refused(&format!("{status}: {text}"))),
        }
    }

    fn refused(&self, said: &str) -> Fault {
        Fault::new(
            "witness-refused",
            format!("the witness {} did not cosign: {}", self.url, shown(said)),
            "see that it witnesses this log, and that nothing else signs with the log's key",
        )
    }
}

/// Asks all at the same time: one that is away holds up nobody.
fn all(witnesses: &[&mut Witness], bodies: Vec<String>) -> Vec<Result<Answer, Fault>> {
    std::thread::scope(|scope| {
        let asked = witnesses.iter().zip(bodies).map(|(witness, body)| {
            let witness: &Witness = witness;
            scope.spawn(move || {
                let answer = witness.target.post_and_wait("text/plain", Bytes::from(body));
                answer.map_err(|error| witness.refused(&error.to_string()))
            })
        });
        let asked: Vec<_> = asked.collect();
        asked.into_iter().map(|one| one.join().unwrap_or_else(|_| Err(strange()))).collect()
    })
}

/// That the log of `old` leaves is a prefix of the one of `size`.
fn consistency(old: u64, size: u64, client: &mut Client) -> Result<Vec<LeafHash>, Fault> {
    if old == 0 || old == size {
        return Ok(Vec::new());
    }
    match client.ask(&Request::Consistency { old, new: Some(size) })? {
        Reply::Consistent { path, .. } => Ok(path),
        _ => Err(strange()),
    }
}

/// What a stranger said, as a terminal can show it.
fn shown(said: &str) -> String {
    said.trim_end().chars().filter(|c| !c.is_control()).take(200).collect()
}

/// The code of a witness that has seen more.
pub(crate) const AHEAD: &str = "witness-ahead";
const ATTEMPTS: usize = 3;
