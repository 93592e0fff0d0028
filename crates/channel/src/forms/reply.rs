//! A reply as JSON, both ways: an object whose `kind` says which reply it is, or a problem.

use messages::bundle::ProvenClaim;
use messages::circuit::CircuitKey;
use messages::codec::{CodecError, Wire};
use messages::counter::Schema;
use messages::hidden::Hidden;
use messages::ids::{EventHash, LeafHash, PactHash, Root, TallyId};
use messages::leaf::{Boots, Gaps};
use messages::opening::SealedOpenings;
use messages::publication::Disclosed;
use messages::receipt::{Receipt, Ticket};
use messages::reply::{Action, Reply};
use messages::time::{Epoch, UnixMillis};
use serde::{Deserialize, Serialize};

use super::encoding::{Base64, Hex, SecretHex};
use super::problem::Problem;
use super::record::{EntryForm, WaitingForm};
use super::request::{FormError, json};
use super::statement::{ActionForm, CertificateForm, ReceiptForm, TicketForm};

/// Largest answer that a client takes, bytes: base64 and names on top of [`Reply::MAX_BYTES`].
pub const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// A reply. Digests, keys and signatures are hexadecimal digits; times are milliseconds since
/// 1970; proofs, leaves, schema and boots are base64 of their deterministic CBOR.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ReplyForm {
    /// The clock moved.
    Advanced {
        /// Now.
        now_ms: u64,
        /// Last closed epoch of the monitor.
        epoch: u64,
    },
    /// On record, and it breaks a rule; the mode is active, so nothing is stopped.
    Alert {
        /// What interventionist mode would do.
        action: ActionForm,
        /// The pact's rule.
        rule: String,
        /// The record.
        receipt: ReceiptForm,
    },
    /// Evidence over the nonce.
    Attestation {
        /// A conceptual message (RFC 9999), CBOR.
        evidence: Base64,
        /// The newest checkpoint.
        checkpoint: String,
        /// The certificate of this boot's key.
        certificate: CertificateForm,
    },
    /// The older log is a prefix.
    Consistent {
        /// Signed note.
        checkpoint: String,
        /// RFC 6962 consistency proof.
        path: Vec<Hex<32>>,
    },
    /// The signed documents of a chain of pacts.
    Chain {
        /// JSON, root first; the last is in force.
        documents: Vec<Base64>,
    },
    /// Coins were taken.
    Dealt {},
    /// Cosignatures were taken.
    Cosigned {
        /// Witnesses whose word was taken.
        witnesses: u64,
    },
    /// A custodian's share.
    Share {
        /// Which key it is a share of.
        key: Hex<32>,
        /// A scalar of the Ristretto group, canonical.
        #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^[0-9a-f]{64}$"))]
        share: SecretHex,
    },
    /// The share was taken.
    Unlocking {
        /// How many shares of other custodians are needed.
        missing: u64,
    },
    /// Counts are on record.
    Counted {
        /// Both sides have closed.
        closed: bool,
        /// Missing events found in this session.
        gaps: GapsForm,
    },
    /// The opening of a leaf.
    Disclosed {
        /// The leaf, CBOR.
        leaf: Base64,
        /// The hidden body of a tally leaf, CBOR.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hidden: Option<Base64>,
    },
    /// A checkpoint and ways to it.
    Included {
        /// Signed note.
        checkpoint: String,
        /// One path a leaf, in the order asked.
        paths: Vec<Vec<Hex<32>>>,
    },
    /// The session is open.
    Opened {},
    /// What opens the commitments about the requester.
    Openings {
        /// One for each epoch, CBOR.
        sealed: Vec<Base64>,
        /// The tally leaves, with those of pacts and boots, CBOR each.
        leaves: Vec<Base64>,
        /// The schemas of the pacts, CBOR each.
        schemas: Vec<Base64>,
        /// Boots of the tally's life, CBOR.
        boots: Base64,
    },
    /// A proof, and the leaves that it stands on.
    Proof {
        /// The proven claim, CBOR.
        claim: Base64,
        /// Of each range the leaves before and after, of its pacts and of its boots, CBOR each.
        leaves: Vec<Base64>,
        /// The schemas at the ends of the ranges, CBOR each.
        schemas: Vec<Base64>,
        /// Boots of each tally's life, CBOR each.
        boots: Vec<Base64>,
        /// The verifying key of a proof about each event, CBOR: to be pinned, not believed.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        circuits: Vec<Base64>,
    },
    /// The event is on record; nothing more is said in passive mode.
    Receipt {
        /// The record.
        receipt: ReceiptForm,
    },
    /// What is on record.
    Recorded {
        /// In order.
        entries: Vec<EntryForm>,
        /// Where to read on; absent at the end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<u64>,
    },
    /// The pact is under monitoring.
    Registered {
        /// Root of its chain.
        root: Hex<32>,
        /// The two tallies, initiator's first.
        #[cfg_attr(feature = "openapi", schema(value_type = Vec<Hex<32>>, min_items = 2, max_items = 2))]
        tallies: [Hex<32>; 2],
        /// Log index of the pact leaf.
        leaf: u64,
    },
    /// The pact goes on.
    Reinstated {},
    /// A private aggregate.
    Released {
        /// In the order of the log: the boot that paid and drew, the reserve leaf, and what was
        /// drawn up to the aggregate, which is the last; CBOR each.
        leaves: Vec<Base64>,
    },
    /// The party may go on from here.
    Resumed {
        /// Events held of the party; the next sequence number.
        count: u64,
        /// Hash of the last of them.
        head: Hex<32>,
        /// The receipt says more than the monitor holds: it was rolled back, and allows nothing.
        rolled_back: bool,
    },
    /// What waits for coins.
    Undealt {
        /// Days counted from 1970-01-01, rising: everything that needs coins of them is committed
        /// to in the log of the checkpoint.
        days: Vec<u64>,
        /// Signed note.
        checkpoint: String,
        /// The clock's lower bound.
        now_ms: u64,
    },
    /// A verdict, in interventionist mode.
    Verdict {
        /// What to do.
        action: ActionForm,
        /// The pact's rule, absent when allowed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rule: Option<String>,
        /// The record.
        receipt: ReceiptForm,
        /// Leave for an allowed call.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ticket: Option<TicketForm>,
    },
    /// What waits for the caller's decision.
    Waiting {
        /// Oldest first.
        calls: Vec<WaitingForm>,
    },
}

/// Missing events by owner.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct GapsForm {
    /// A party's connector did not report what its counterparty received.
    pub agent: u64,
    /// Signed by a party, never receipted by the monitor.
    pub network: u64,
    /// Receipted by the monitor and missing from its record.
    pub monitor: u64,
    /// Sessions that a party left without its closing counts.
    pub tail_open: u64,
}

/// The reply as JSON. `worded` says how a refusal's code is worded; the words of a monitor are its
/// own, the code is all that a program needs.
#[must_use]
pub fn to_json(reply: &Reply, worded: &dyn Fn(&str) -> Problem) -> Vec<u8> {
    match form(reply) {
        Ok(form) => serde_json::to_vec(&form).unwrap_or_default(),
        Err(code) => worded(code).to_json(),
    }
}

/// Reads a reply.
///
/// # Errors
/// [`FormError`], which quotes nothing of the bytes.
pub fn from_json(bytes: &[u8]) -> Result<Reply, FormError> {
    if bytes.len() > MAX_ANSWER_BYTES {
        return Err(FormError::TooLarge);
    }
    // A problem has no `kind`; a reply has no `type`.
    if let Ok(Problem { code, .. }) = json(bytes) {
        return Ok(Reply::Error { code });
    }
    reply(json(bytes)?).map_err(|_| FormError::Malformed)
}

/// The form of a reply; of a refusal, its code.
///
/// # Errors
/// The code of [`Reply::Error`].
pub fn form(reply: &Reply) -> Result<ReplyForm, &str> {
    Ok(match reply {
        Reply::Attestation { evidence, checkpoint, certificate } => ReplyForm::Attestation {
            evidence: Base64(evidence.clone()),
            checkpoint: checkpoint.clone(),
            certificate: certificate.into(),
        },
        Reply::Registered { root, tallies, leaf } => {
            let tallies = tallies.map(|tally| Hex(tally.0));
            ReplyForm::Registered { root: Hex(root.0), tallies, leaf: *leaf }
        }
        Reply::Opened => ReplyForm::Opened {},
        Reply::Verdict { action, rule, receipt, ticket } => ReplyForm::Verdict {
            action: (*action).into(),
            rule: rule.clone(),
            receipt: receipt.into(),
            ticket: ticket.as_ref().map(TicketForm::from),
        },
        Reply::Receipt(receipt) => ReplyForm::Receipt { receipt: receipt.into() },
        Reply::Alert { action, rule, receipt } => {
            let (action, rule) = ((*action).into(), rule.clone());
            ReplyForm::Alert { action, rule, receipt: receipt.into() }
        }
        Reply::Counted { closed, gaps } => {
            ReplyForm::Counted { closed: *closed, gaps: gaps.into() }
        }
        Reply::Advanced { now, epoch } => ReplyForm::Advanced { now_ms: now.0, epoch: epoch.0 },
        Reply::Proof { claim, leaves, schemas, boots, circuits } => ReplyForm::Proof {
            claim: Base64(minicbor::to_vec(claim).unwrap_or_default()),
            leaves: cbor_each(leaves),
            schemas: schemas.iter().map(|schema| Base64(schema.to_cbor())).collect(),
            boots: boots.iter().map(|boots| Base64(boots.to_cbor())).collect(),
            circuits: circuits.iter().map(|key| Base64(key.to_cbor())).collect(),
        },
        Reply::Openings { sealed, leaves, schemas, boots } => ReplyForm::Openings {
            sealed: sealed.iter().map(|one| Base64(one.to_cbor())).collect(),
            leaves: cbor_each(leaves),
            schemas: schemas.iter().map(|schema| Base64(schema.to_cbor())).collect(),
            boots: Base64(boots.to_cbor()),
        },
        Reply::Released { leaves } => ReplyForm::Released { leaves: cbor_each(leaves) },
        Reply::Included { checkpoint, paths } => {
            let paths = paths.iter().map(|path| hex_each(path)).collect();
            ReplyForm::Included { checkpoint: checkpoint.clone(), paths }
        }
        Reply::Consistent { checkpoint, path } => {
            ReplyForm::Consistent { checkpoint: checkpoint.clone(), path: hex_each(path) }
        }
        Reply::Error { code } => return Err(code),
        Reply::Resumed { count, head, rolled_back } => {
            let (count, rolled_back) = (*count, *rolled_back);
            ReplyForm::Resumed { count, head: Hex(head.0), rolled_back }
        }
        Reply::Reinstated => ReplyForm::Reinstated {},
        Reply::Waiting { calls } => {
            ReplyForm::Waiting { calls: calls.iter().map(WaitingForm::from).collect() }
        }
        Reply::Recorded { entries, next } => {
            let entries = entries.iter().map(EntryForm::from).collect();
            ReplyForm::Recorded { entries, next: *next }
        }
        Reply::Disclosed { leaf, hidden } => ReplyForm::Disclosed {
            leaf: Base64(leaf.to_cbor()),
            hidden: hidden.as_ref().map(|hidden| Base64(hidden.to_cbor())),
        },
        Reply::Chain { documents } => {
            ReplyForm::Chain { documents: documents.iter().cloned().map(Base64).collect() }
        }
        Reply::Dealt => ReplyForm::Dealt {},
        Reply::Undealt { days, checkpoint, now } => {
            ReplyForm::Undealt { days: days.clone(), checkpoint: checkpoint.clone(), now_ms: now.0 }
        }
        Reply::Cosigned { witnesses } => ReplyForm::Cosigned { witnesses: *witnesses },
        Reply::Share { key, share } => {
            ReplyForm::Share { key: Hex(key.0), share: SecretHex(share.clone()) }
        }
        Reply::Unlocking { missing } => ReplyForm::Unlocking { missing: *missing },
    })
}

fn reply(form: ReplyForm) -> Result<Reply, CodecError> {
    Ok(match form {
        ReplyForm::Advanced { now_ms, epoch } => {
            Reply::Advanced { now: UnixMillis(now_ms), epoch: Epoch(epoch) }
        }
        ReplyForm::Alert { action, rule, receipt } => {
            Reply::Alert { action: action.into(), rule, receipt: receipt.into() }
        }
        ReplyForm::Attestation { evidence, checkpoint, certificate } => {
            let (evidence, certificate) = (evidence.0, certificate.into());
            Reply::Attestation { evidence, checkpoint, certificate }
        }
        ReplyForm::Consistent { checkpoint, path } => {
            Reply::Consistent { checkpoint, path: hashes(path) }
        }
        ReplyForm::Dealt {} => Reply::Dealt,
        ReplyForm::Undealt { days, checkpoint, now_ms } => {
            Reply::Undealt { days, checkpoint, now: UnixMillis(now_ms) }
        }
        ReplyForm::Cosigned { witnesses } => Reply::Cosigned { witnesses },
        ReplyForm::Share { key, share } => Reply::Share { key: Root(key.0), share: share.0 },
        ReplyForm::Unlocking { missing } => Reply::Unlocking { missing },
        ReplyForm::Counted { closed, gaps } => Reply::Counted { closed, gaps: gaps.into() },
        ReplyForm::Chain { documents } => {
            Reply::Chain { documents: documents.into_iter().map(|d| d.0).collect() }
        }
        ReplyForm::Disclosed { leaf, hidden } => Reply::Disclosed {
            leaf: Disclosed::from_cbor(&leaf.0)?,
            hidden: hidden.map(|hidden| Hidden::from_cbor(&hidden.0)).transpose()?,
        },
        ReplyForm::Included { checkpoint, paths } => {
            Reply::Included { checkpoint, paths: paths.into_iter().map(hashes).collect() }
        }
        ReplyForm::Opened {} => Reply::Opened,
        ReplyForm::Openings { sealed, leaves, schemas, boots } => Reply::Openings {
            sealed: sealed
                .iter()
                .map(|one| SealedOpenings::from_cbor(&one.0))
                .collect::<Result<_, _>>()?,
            leaves: disclosed(&leaves)?,
            schemas: schemas.iter().map(|s| Schema::from_cbor(&s.0)).collect::<Result<_, _>>()?,
            boots: Boots::from_cbor(&boots.0)?,
        },
        ReplyForm::Proof { claim, leaves, schemas, boots, circuits } => Reply::Proof {
            claim: Box::new(proven(&claim.0)?),
            leaves: disclosed(&leaves)?,
            schemas: schemas.iter().map(|s| Schema::from_cbor(&s.0)).collect::<Result<_, _>>()?,
            boots: boots.iter().map(|b| Boots::from_cbor(&b.0)).collect::<Result<_, _>>()?,
            circuits: circuits
                .iter()
                .map(|key| CircuitKey::from_cbor(&key.0))
                .collect::<Result<_, _>>()?,
        },
        ReplyForm::Receipt { receipt } => Reply::Receipt(receipt.into()),
        ReplyForm::Recorded { entries, next } => {
            Reply::Recorded { entries: entries.into_iter().map(Into::into).collect(), next }
        }
        ReplyForm::Registered { root, tallies, leaf } => {
            let tallies = tallies.map(|tally| TallyId(tally.0));
            Reply::Registered { root: PactHash(root.0), tallies, leaf }
        }
        ReplyForm::Reinstated {} => Reply::Reinstated,
        ReplyForm::Released { leaves } => Reply::Released { leaves: disclosed(&leaves)? },
        ReplyForm::Resumed { count, head, rolled_back } => {
            Reply::Resumed { count, head: EventHash(head.0), rolled_back }
        }
        ReplyForm::Verdict { action, rule, receipt, ticket } => Reply::Verdict {
            action: Action::from(action),
            rule,
            receipt: Receipt::from(receipt),
            ticket: ticket.map(Ticket::from),
        },
        ReplyForm::Waiting { calls } => {
            Reply::Waiting { calls: calls.into_iter().map(Into::into).collect() }
        }
    })
}

impl From<&Gaps> for GapsForm {
    fn from(gaps: &Gaps) -> Self {
        let Gaps { agent, network, monitor, tail_open } = *gaps;
        Self { agent, network, monitor, tail_open }
    }
}

impl From<GapsForm> for Gaps {
    fn from(form: GapsForm) -> Self {
        let GapsForm { agent, network, monitor, tail_open } = form;
        Self { agent, network, monitor, tail_open }
    }
}

/// A proven claim has no bound of its own: the answer's bound is its bound.
fn proven(bytes: &[u8]) -> Result<ProvenClaim, CodecError> {
    let claim: ProvenClaim = minicbor::decode(bytes).map_err(|_| CodecError::Malformed)?;
    let again = minicbor::to_vec(&claim).map_err(|_| CodecError::Malformed)?;
    if again == bytes { Ok(claim) } else { Err(CodecError::NonCanonical) }
}

fn cbor_each(leaves: &[Disclosed]) -> Vec<Base64> {
    leaves.iter().map(|leaf| Base64(leaf.to_cbor())).collect()
}

fn disclosed(leaves: &[Base64]) -> Result<Vec<Disclosed>, CodecError> {
    leaves.iter().map(|leaf| Disclosed::from_cbor(&leaf.0)).collect()
}

fn hex_each(path: &[LeafHash]) -> Vec<Hex<32>> {
    path.iter().map(|hash| Hex(hash.0)).collect()
}

fn hashes(path: Vec<Hex<32>>) -> Vec<LeafHash> {
    path.into_iter().map(|hash| LeafHash(hash.0)).collect()
}
