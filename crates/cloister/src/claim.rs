//! `cloister claim`: asks a monitor for a proof of what the pact's consent lists.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use messages::claim::{Audience, Claim, Predicate, Range};
use messages::codec::Wire;
use messages::did::Did;
use messages::domain;
use messages::ids::PactHash;
use messages::reply::{Reply, Request};
use messages::signature::SigningKey;
use messages::time::{Epoch, Millis};
use pact::compile;

use crate::bundle::Draft;
use crate::client::Client;
use crate::fault::{Fault, write};
use crate::{anchors, key, output, pacts};

#[derive(Args)]
#[command(
    after_help = "Example:\n  cloister claim --monitor https://127.0.0.1:8443 --pact bank.pact.json --consent success \\\n    --first 1 --last 30 --key auditor.key --anchors anchors.toml --out bundle.cbor"
)]
pub(crate) struct Arguments {
    /// The monitor: https://host:port.
    #[arg(long)]
    monitor: String,
    /// The pact that the monitor watches.
    #[arg(long)]
    pact: PathBuf,
    /// Hash of the first pact of the chain, when --pact is a revision: its tallies are named by it.
    #[arg(long)]
    root: Option<String>,
    /// Name of the consent entry.
    #[arg(long)]
    consent: String,
    /// First epoch.
    #[arg(long)]
    first: u64,
    /// Last epoch.
    #[arg(long)]
    last: u64,
    /// How many missing events the claim admits.
    #[arg(long, default_value_t = 0)]
    admit_gaps: u64,
    /// The requester's key: of a DID that the consent entry lists.
    #[arg(long)]
    key: PathBuf,
    /// The requester's anchors: what the monitor must show; their audience and nonce are bound
    /// into the proof.
    #[arg(long)]
    anchors: PathBuf,
    /// Accept that the monitor's evidence comes from no TEE at all.
    #[arg(long)]
    allow_insecure_software_evidence: bool,
    /// Where to write the bundle.
    #[arg(long)]
    out: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Fault> {
    let signed = pacts::open(&arguments.pact)?;
    let pact = signed.pact();
    let compiled = compile(pact).map_err(|e| Fault::new(e.code(), e.to_string(), e.remedy()))?;
    let consented = compiled.consent().iter().find(|c| c.entry.id == arguments.consent);
    let consented = consented.ok_or_else(|| {
        let listed: Vec<&str> = compiled.consent().iter().map(|c| c.entry.id.as_str()).collect();
        Fault::new(
            "claim-not-consented",
            "the pact's consent has no entry of this name",
            format!("name one of its entries: {}", listed.join(", ")),
        )
    })?;
    if arguments.first > arguments.last {
        return Err(Fault::new(
            "claim-epoch-order",
            "the first epoch comes after the last",
            "exchange --first and --last",
        ));
    }
    let key = key::load(&arguments.key)?;
    let file = anchors::File::load(&arguments.anchors)?;
    let policy = file.policy(arguments.allow_insecure_software_evidence)?;
    let audience = match (file.nonce()?, file.audience) {
        (Some(nonce), Some(a)) => Audience::Verifier { did: a.did, nonce },
        _ => Audience::Public,
    };
    let asked = Asked {
        pact: pact.hash(),
        consent: &arguments.consent,
        predicate: &consented.predicate,
        epochs: (Epoch(arguments.first), Epoch(arguments.last)),
        audience,
        admitted_gaps: arguments.admit_gaps,
    };
    let root = match (&arguments.root, pact.prior()) {
        (None, None) => pact.hash(),
        (Some(text), _) => PactHash::parse(text).ok_or_else(|| {
            Fault::new(
                "pact-hash-malformed",
                "the root is not sha256: and 64 hexadecimal digits",
                "give what `cloister pact hash` prints for the first pact of the chain",
            )
        })?,
        (None, Some(_)) => {
            return Err(Fault::new(
                "claim-root-missing",
                "the pact is a revision, and its tallies are named by the first pact of its chain",
                "name that with --root; `cloister log pacts` prints the chain to its parties",
            ));
        }
    };
    let tally = tally_of(&root, compiled.initiator());
    let mut client = Client::connect(&arguments.monitor, &policy)?;
    let reply = asked.ask(&mut client, tally, &key)?;
    let mut bundle = Draft::default();
    bundle.add(reply)?;
    write(&arguments.out, &bundle.finish(&mut client)?)?;
    output::line(format!("wrote {}", arguments.out.display()));
    Ok(ExitCode::SUCCESS)
}

/// A claim to ask for.
pub(crate) struct Asked<'a> {
    pub(crate) pact: PactHash,
    pub(crate) consent: &'a str,
    pub(crate) predicate: &'a Predicate,
    pub(crate) epochs: (Epoch, Epoch),
    pub(crate) audience: Audience,
    pub(crate) admitted_gaps: u64,
}

impl Asked<'_> {
    /// Asks, signed with the requester's key.
    pub(crate) fn ask(
        self,
        client: &mut Client,
        tally: messages::ids::TallyId,
        key: &SigningKey,
    ) -> Result<Reply, Fault> {
        let (first, last) = self.epochs;
        let claim = Claim {
            predicate: self.predicate.clone(),
            range: Range { tally, first, last },
            audience: self.audience,
            expiry: anchors::now().saturating_add(VALIDITY),
            admitted_gaps: self.admitted_gaps,
        };
        let signature = key.sign(domain::PROOF_REQUEST, &claim.to_cbor());
        let requester = Did::from_key(&key.public());
        let (pact, consent) = (self.pact, self.consent.into());
        client.ask(&Request::Prove { pact, consent, claim, requester, signature })
    }
}

/// Identity of the tally about one party.
pub(crate) fn tally_of(root: &PactHash, party: &Did) -> messages::ids::TallyId {
    messages::ids::TallyId(domain::TALLY.hash(&[&root.0, party.as_str().as_bytes()]))
}

/// 30 days.
const VALIDITY: Millis = Millis(30 * 24 * 3600 * 1000);
