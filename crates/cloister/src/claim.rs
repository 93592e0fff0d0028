//! `cloister claim`: asks a monitor for a proof of what the pact's consent lists.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use messages::bundle::Missing;
use messages::circuit::CircuitKey;
use messages::claim::{Audience, Claim, Predicate, Range};
use messages::codec::Wire;
use messages::did::Did;
use messages::domain;
use messages::ids::PactHash;
use messages::reply::{ProofKind, Reply, Request, Wanted};
use messages::signature::SigningKey;
use messages::time::{Epoch, Millis, UnixMillis};
use pact::{Compiled, Pact, Scope, Spoken, compile};

use crate::bundle::Draft;
use crate::client::Client;
use crate::fault::{Fault, write};
use crate::line::PATIENCE;
use crate::{anchors, key, output, pacts};

#[derive(Args)]
#[command(
    after_help = "Examples:\n  cloister claim \"success_rate >= 97% of at least 100 over 2026-09..2026-11\" \\\n    --monitor https://127.0.0.1:8443 --pact bank.pact.json --key auditor.key --anchors anchors.toml \\\n    --out bundle.cbor\n  cloister claim --all-terms --over 2026-09 --monitor ... --out bundle.cbor\n\nThe language of claims is in the README."
)]
pub(crate) struct Arguments {
    /// Statements, all over one range; one proof is made of all of them.
    statements: Vec<String>,
    /// The monitor: https://host:port.
    #[arg(long)]
    monitor: String,
    #[command(flatten)]
    terms: Terms,
    /// The requester's key: of a DID that the consent lists.
    #[arg(long)]
    key: PathBuf,
    /// The requester's anchors: what the monitor must show; their audience and nonce are bound
    /// into the proof.
    #[arg(long)]
    anchors: PathBuf,
    /// Let the monitor sign that the statements hold, instead of proving them.
    #[arg(long)]
    signed: bool,
    /// Accept that the monitor's evidence comes from no TEE at all.
    #[arg(long)]
    allow_insecure_software_evidence: bool,
    /// Where to write the bundle.
    #[arg(long)]
    out: PathBuf,
}

/// What is claimed beside statements that are written out, and where.
#[derive(Args)]
pub(crate) struct Terms {
    /// The pact that the monitor watches.
    #[arg(long)]
    pub(crate) pact: PathBuf,
    /// Hash of the first pact of the chain, when --pact is a revision: its tallies are named by it.
    #[arg(long)]
    root: Option<String>,
    /// Name of a consent entry; may be repeated. Its first threshold is claimed.
    #[arg(long)]
    consent: Vec<String>,
    /// The whole pact: all its terms, and all else that the consent lists for the requester, in one
    /// proof, and one of each event. What no consent lists, or does not hold, is named in the bundle as missing.
    #[arg(long)]
    pub(crate) all_terms: bool,
    /// Over what: 2026-09..2026-11, 2026-09-01, epochs 1..30.
    #[arg(long)]
    over: Option<String>,
    /// First epoch.
    #[arg(long, requires = "last")]
    first: Option<u64>,
    /// Last epoch.
    #[arg(long, requires = "first")]
    last: Option<u64>,
    /// Whose behaviour: the tally about this party.
    #[arg(long, value_enum, default_value = "initiator")]
    party: PartyName,
    /// Which tally about the party: how many broke off before it.
    #[arg(long, default_value_t = 0)]
    generation: u32,
    /// How many missing events the claim admits.
    #[arg(long, default_value_t = 0)]
    pub(crate) admit_gaps: u64,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum PartyName {
    Initiator,
    Provider,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Fault> {
    let signed = pacts::open(&arguments.terms.pact)?;
    let compiled = compiled(signed.pact())?;
    let key = key::load(&arguments.key)?;
    let file = anchors::File::load(&arguments.anchors)?;
    let policy = file.policy(arguments.allow_insecure_software_evidence)?;
    let audience = match file.audience()? {
        Some((did, nonce)) => Audience::Verifier { did, nonce },
        None => Audience::Public,
    };
    let requester = Did::from_key(&key.public());
    let said = arguments.terms.said(&arguments.statements, &compiled, &requester)?;
    let kind = if arguments.signed { ProofKind::Signed } else { ProofKind::ZeroKnowledge };
    let asking = Asking {
        place: arguments.terms.place(signed.pact(), &compiled, policy.origin.clone())?,
        scope: said.scope,
        audience,
        kind,
        admitted_gaps: arguments.terms.admit_gaps,
        key: &key,
    };
    let each = said.statements.iter().any(|(_, predicate)| *predicate == Predicate::Obeyed);
    if each && arguments.signed {
        return Err(Fault::new(
            "obeyed-proof",
            "that every event obeyed is proven, and not signed",
            "leave --signed out, or claim it apart from what is to be signed",
        ));
    }
    let patience = if each { OF_EACH } else { PATIENCE };
    let mut client = Client::connect_for(&arguments.monitor, &policy, patience)?;
    let mut bundle = Draft::default();
    asking.prove(said.statements, arguments.terms.all_terms, &mut client, &mut bundle)?;
    for term in said.missing {
        bundle.lacks(&term, UNLISTED);
    }
    tell_missing(bundle.missing());
    let circuits = bundle.circuits().to_vec();
    write(&arguments.out, &bundle.finish(&mut client)?)?;
    output::line(format!("wrote {}", arguments.out.display()));
    tell_circuits(&circuits, &arguments.out)?;
    Ok(ExitCode::SUCCESS)
}

/// The keys that a verifier has to pin: beside the bundle, and never in it.
fn tell_circuits(keys: &[CircuitKey], bundle: &Path) -> Result<(), Fault> {
    for key in keys {
        let path = bundle.with_extension(format!("{}.key", key.circuit));
        write(&path, &key.to_cbor())?;
        let shown = path.display();
        output::line(format!("wrote {shown}: what proofs about each event are verified with"));
        output::line(format!("  key {}", key.digest()));
        output::line(format!(
            "  whoever verifies pins it: cloister anchors join ANCHORS --circuit {shown} --out FILE"
        ));
    }
    Ok(())
}

/// What is not in the proof, for the one who passes it on.
pub(crate) fn tell_missing(missing: &[Missing]) {
    for Missing { what, why } in missing {
        output::line(format!("not in the proof: {what}, because of {why}"));
    }
}

/// A pact as it is enforced.
pub(crate) fn compiled(pact: &Pact) -> Result<Compiled, Fault> {
    compile(pact).map_err(|e| Fault::new(e.code(), e.to_string(), e.remedy()))
}

/// What is to be proven, with a name for each statement.
pub(crate) struct Said {
    pub(crate) statements: Vec<(String, Predicate)>,
    pub(crate) scope: Scope,
    /// Terms of the pact that no consent lists.
    pub(crate) missing: Vec<String>,
}

impl Terms {
    /// Reads what is to be claimed.
    pub(crate) fn said(
        &self,
        texts: &[String],
        compiled: &Compiled,
        requester: &Did,
    ) -> Result<Said, Fault> {
        let mut scope = self.scope()?;
        let mut statements = Vec::new();
        for text in texts {
            let spoken = Spoken::parse(text).map_err(|e| refused(&e))?;
            let predicate = spoken.predicate(compiled).map_err(|e| refused(&e))?;
            match (scope, spoken.scope) {
                (Some(one), Some(other)) if one != other => {
                    return Err(Fault::new(
                        "claim-ranges-differ",
                        "the statements are over different ranges",
                        "claim them apart, or over one range",
                    ));
                }
                (known, said) => scope = said.or(known),
            }
            statements.push((text.clone(), predicate));
        }
        let named = compiled.consent().iter().filter(|consented| {
            let audience = &consented.entry.audience;
            let listed = audience.is_empty() || audience.contains(requester);
            self.consent.contains(&consented.entry.id) || self.all_terms && listed
        });
        for consented in named {
            let first = consented.predicates.first().cloned();
            statements.extend(first.map(|predicate| (consented.entry.id.clone(), predicate)));
        }
        if let Some(unknown) = self.consent.iter().find(|id| !known(compiled, id)) {
            let listed: Vec<&str> =
                compiled.consent().iter().map(|c| c.entry.id.as_str()).collect();
            return Err(Fault::new(
                "claim-not-consented",
                format!("the pact's consent has no entry `{unknown}`"),
                format!("name one of its entries: {}", listed.join(", ")),
            ));
        }
        if statements.is_empty() && self.all_terms {
            return Err(Fault::new(
                "claim-nothing-listed",
                format!("the pact's consent lists nothing for {requester}"),
                "name with --to, or ask with the key of, a DID that it lists",
            ));
        }
        if statements.is_empty() {
            return Err(Fault::new(
                "claim-states-nothing",
                "nothing is claimed",
                "write a statement, name a --consent entry, or take --all-terms",
            ));
        }
        let scope = scope.ok_or_else(|| {
            Fault::new(
                "claim-without-range",
                "the claim says over what time it holds nowhere",
                "write `over 2026-09` in it, or give --over",
            )
        })?;
        let missing = if self.all_terms { unlisted(compiled, requester) } else { Vec::new() };
        Ok(Said { statements, scope, missing })
    }

    fn scope(&self) -> Result<Option<Scope>, Fault> {
        if let Some((first, last)) = self.first.zip(self.last) {
            if first > last {
                return Err(Fault::new(
                    "claim-epoch-order",
                    "the first epoch comes after the last",
                    "exchange --first and --last",
                ));
            }
            return Ok(Some(Scope::Epochs(Epoch(first), Epoch(last))));
        }
        self.over.as_deref().map(|text| Scope::parse(text).map_err(|e| refused(&e))).transpose()
    }

    /// Where the claim is about; the epochs are still to be filled in.
    pub(crate) fn place(
        &self,
        pact: &Pact,
        compiled: &Compiled,
        origin: String,
    ) -> Result<Range, Fault> {
        let root = root_of(self.root.as_deref(), pact)?;
        let party = match self.party {
            PartyName::Initiator => compiled.initiator(),
            PartyName::Provider => compiled.provider(),
        };
        let (party, generation) = (party.clone(), self.generation);
        Ok(Range { origin, root, party, generation, first: Epoch(1), last: Epoch(1) })
    }
}

/// The first pact of the chain, which names its tallies.
pub(crate) fn root_of(given: Option<&str>, pact: &Pact) -> Result<PactHash, Fault> {
    match (given, pact.prior()) {
        (None, None) => Ok(pact.hash()),
        (Some(text), _) => PactHash::parse(text).ok_or_else(|| {
            Fault::new(
                "pact-hash-malformed",
                "the root is not sha256: and 64 hexadecimal digits",
                "give what `cloister pact hash` prints for the first pact of the chain",
            )
        }),
        (None, Some(_)) => Err(Fault::new(
            "claim-root-missing",
            "the pact is a revision, and its tallies are named by the first pact of its chain",
            "name that with --root; `cloister log pacts` prints the chain to its parties",
        )),
    }
}

fn known(compiled: &Compiled, id: &str) -> bool {
    compiled.consent().iter().any(|consented| consented.entry.id == id)
}

/// Terms of the pact of which no consent lets the requester learn that they were kept.
fn unlisted(compiled: &Compiled, requester: &Did) -> Vec<String> {
    let listed = |predicate: &Predicate| {
        compiled.consent().iter().any(|c| {
            let audience = &c.entry.audience;
            c.entry.lists(predicate) && (audience.is_empty() || audience.contains(requester))
        })
    };
    compiled.terms().filter(|(_, kept)| !listed(kept)).map(|(id, _)| id.to_owned()).collect()
}

pub(crate) fn refused(error: &pact::ClaimError) -> Fault {
    Fault::new(error.code(), error.to_string(), error.remedy())
}

/// How and where a claim is asked for.
pub(crate) struct Asking<'a> {
    pub(crate) place: Range,
    pub(crate) scope: Scope,
    pub(crate) audience: Audience,
    pub(crate) kind: ProofKind,
    pub(crate) admitted_gaps: u64,
    pub(crate) key: &'a SigningKey,
}

impl Asking<'_> {
    /// Asks for one proof of all statements of totals, and one of each event. With `apart`, what
    /// stands in the way is found statement by statement and named as missing; without, it is the
    /// error.
    pub(crate) fn prove(
        &self,
        statements: Vec<(String, Predicate)>,
        apart: bool,
        client: &mut Client,
        bundle: &mut Draft,
    ) -> Result<(), Fault> {
        let of_each = |(_, predicate): &(String, Predicate)| *predicate == Predicate::Obeyed;
        let (mut each, totals): (Vec<_>, Vec<_>) = statements.into_iter().partition(of_each);
        each.truncate(1);
        let mut outcomes = Vec::new();
        if !totals.is_empty() {
            match self.prove_totals(totals, apart, client, bundle) {
                Err(fault) if !apart => return Err(fault),
                answer => outcomes.push(answer),
            }
        }
        for (name, predicate) in each {
            let waiting = output::spinner(WAITING);
            let answer = self.ask(vec![predicate], client).and_then(|reply| bundle.add(reply));
            waiting.finish_and_clear();
            if let (true, Err(fault)) = (apart, &answer) {
                bundle.lacks(&name, &fault.code);
            }
            outcomes.push(answer);
        }
        let some = outcomes.iter().any(Result::is_ok);
        if apart && some { Ok(()) } else { outcomes.into_iter().collect() }
    }

    fn prove_totals(
        &self,
        statements: Vec<(String, Predicate)>,
        apart: bool,
        client: &mut Client,
        bundle: &mut Draft,
    ) -> Result<(), Fault> {
        let predicates = |list: &[(String, Predicate)]| -> Vec<Predicate> {
            list.iter().map(|(_, predicate)| predicate.clone()).collect()
        };
        let refusal = match self.ask(predicates(&statements), client) {
            Ok(reply) => return bundle.add(reply),
            Err(refusal) if apart && statements.len() > 1 => refusal,
            Err(refusal) => return Err(refusal),
        };
        let mut holding = Vec::new();
        for (name, predicate) in statements {
            match self.ask(vec![predicate.clone()], client) {
                Ok(_) => holding.push((name, predicate)),
                Err(fault) => bundle.lacks(&name, &fault.code),
            }
        }
        if holding.is_empty() {
            return Err(refusal);
        }
        let reply = self.ask(predicates(&holding), client)?;
        bundle.add(reply)
    }

    /// Asks, signed with the requester's key.
    fn ask(&self, statements: Vec<Predicate>, client: &mut Client) -> Result<Reply, Fault> {
        let mut range = self.place.clone();
        let over = match self.scope {
            Scope::Dates(from, to) => Some([from, to]),
            Scope::Epochs(first, last) => {
                (range.first, range.last) = (first, last);
                None
            }
        };
        let claim = Claim {
            statements,
            ranges: vec![range],
            audience: self.audience.clone(),
            expiry: expiry(VALIDITY),
            admitted_gaps: self.admitted_gaps,
        };
        let wanted = Wanted { claim, kind: self.kind, over };
        let signature = self.key.sign(domain::PROOF_REQUEST, &wanted.to_cbor());
        let requester = Did::from_key(&self.key.public());
        client.ask(&Request::Prove { wanted, requester, signature })
    }
}

/// How long a proof about each event is waited for, behind another one.
const OF_EACH: Duration = Duration::from_secs(15 * 60);
const WAITING: &str =
    "proving each event: some seconds for 256 calls, more for the first in a boot";
/// Why a term is missing that no consent lists.
pub(crate) const UNLISTED: &str = "claim-not-consented";
/// When a proof made now is stale: after so many days, at the next full hour. Proofs that are made
/// one after the other expire together.
pub(crate) fn expiry(days: u64) -> UnixMillis {
    let wanted = anchors::now().saturating_add(Millis(days.saturating_mul(24 * HOUR)));
    UnixMillis(wanted.0.div_ceil(HOUR).saturating_mul(HOUR))
}

const HOUR: u64 = 3600 * 1000;
/// In days.
pub(crate) const VALIDITY: u64 = 30;
