//! `cloister prove`: claims from openings that the holder keeps, without any monitor.

use std::path::PathBuf;
use std::process::ExitCode;

use ::prove::{Ground, ProveError, Request};
use clap::Args;
use messages::bundle::{Bundle, LogView, Missing, OpenedConsent};
use messages::claim::{Audience, Claim, Predicate, Range};
use messages::codec::Wire;
use messages::counter::Schema;
use messages::did::Did;
use messages::ids::{LeafHash, TallyId};
use messages::leaf::{Kind, TallyBody};
use messages::merkle::CONSENT;
use messages::opening::Holdings;
use messages::publication::Disclosed;
use messages::signature::SigningKey;
use messages::time::{Epoch, UnixMillis};
use pact::{Compiled, Consented, Scope};
use rand_core::OsRng;

use super::load;
use super::opened::{Opened, OpenedEpoch};
use crate::claim::{Said, Terms, UNLISTED, VALIDITY, compiled, expiry, tell_missing};
use crate::fault::{Fault, write};
use crate::{key, output, pacts};

#[derive(Args)]
#[command(
    after_help = "Examples:\n  cloister prove \"pii_records < 1000 over 2026-12\" --openings mine.holdings --pact bank.pact.json \\\n    --key initiator.key --to did:key:z6Mk... --nonce 5f... --out bundle.cbor\n  cloister prove \"agree(calls.all) over epochs 1..30\" --openings one.holdings --openings other.holdings ...\n\nNothing is asked of anybody: the monitors may be gone. The pact's consent rules all the same, and\na verifier refutes what it does not list."
)]
pub(crate) struct Arguments {
    /// Statements, all over one range; one proof is made of all of them.
    statements: Vec<String>,
    /// A file of openings; several are summed, or compared by `agree(..)`.
    #[arg(long, required = true)]
    openings: Vec<PathBuf>,
    #[command(flatten)]
    terms: Terms,
    /// The holder's key, which unseals the openings.
    #[arg(long)]
    key: PathBuf,
    /// For whom: the verifier's DID; anybody when absent.
    #[arg(long, requires = "nonce")]
    to: Option<String>,
    /// The verifier's nonce, 64 hexadecimal digits.
    #[arg(long, requires = "to")]
    nonce: Option<String>,
    /// Days until the proof is stale, at most ten years.
    #[arg(long, default_value_t = VALIDITY, value_parser = clap::value_parser!(u64).range(1..=3650))]
    days: u64,
    /// Where to write the bundle.
    #[arg(long)]
    out: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Fault> {
    let key = key::load(&arguments.key)?;
    let signed = pacts::open(&arguments.terms.pact)?;
    let compiled = compiled(signed.pact())?;
    let audience = audience(arguments)?;
    let requester = match &audience {
        Audience::Public => Did::from_key(&key.public()),
        Audience::Verifier { did, .. } => did.clone(),
    };
    let said = arguments.terms.said(&arguments.statements, &compiled, &requester)?;
    let mut sources = sources(&arguments.openings, &key)?;
    sources.sort_by(|a, b| a.holdings.origin.cmp(&b.holdings.origin));
    let ranges = sources.iter().map(|source| {
        let place =
            arguments.terms.place(signed.pact(), &compiled, source.holdings.origin.clone())?;
        source.range(place, said.scope)
    });
    let ranges = ranges.collect::<Result<Vec<_>, _>>()?;
    let ends = sources.iter().zip(&ranges).map(|(source, range)| source.ends(range, &compiled));
    let ends = ends.collect::<Result<Vec<_>, _>>()?;
    let whole = Claim {
        statements: said.statements.iter().map(|(_, predicate)| predicate.clone()).collect(),
        ranges,
        audience,
        expiry: expiry(arguments.days),
        admitted_gaps: arguments.terms.admit_gaps,
    };
    let (claim, missing) = provable(&said, whole, &ends, &compiled, arguments.terms.all_terms)?;
    let request = Request { claim: &claim, grounds: grounds(&ends, &claim, &compiled)? };
    let proven = ::prove::prove(&request, &mut OsRng).map_err(unproven)?;
    let logs = sources.iter().zip(&claim.ranges).map(|(source, range)| source.view(range));
    let mut schemas: Vec<_> = sources.iter().flat_map(|s| s.holdings.schemas.clone()).collect();
    schemas.sort_unstable_by_key(Schema::hash);
    schemas.dedup();
    let bundle = Bundle {
        format: Bundle::FORMAT.into(),
        logs: logs.collect(),
        schemas,
        boots: sources.iter().flat_map(|s| s.holdings.boots.clone()).collect(),
        claims: vec![proven],
        aggregates: Vec::new(),
        stamps: Vec::new(),
        missing,
    };
    tell_missing(&bundle.missing);
    write(&arguments.out, &bundle.to_cbor())?;
    output::line(format!("wrote {}", arguments.out.display()));
    Ok(ExitCode::SUCCESS)
}

fn audience(arguments: &Arguments) -> Result<Audience, Fault> {
    let Some((to, nonce)) = arguments.to.as_ref().zip(arguments.nonce.as_ref()) else {
        return Ok(Audience::Public);
    };
    let did = Did::parse(to).ok_or_else(|| {
        Fault::new("did-malformed", "--to is not a DID", "give did:method:identifier")
    })?;
    let mut bytes = [0; 32];
    hex::decode_to_slice(nonce, &mut bytes).map_err(|_| {
        Fault::new(
            "nonce-malformed",
            "the nonce is not 64 hexadecimal digits",
            "take it from the verifier's anchors",
        )
    })?;
    Ok(Audience::Verifier { did, nonce: bytes })
}

/// The claim of all that can be proven, and what is left out of it: of everything, what is not
/// consented or does not hold. What is asked for by name is not left out but refused.
fn provable(
    said: &Said,
    mut claim: Claim,
    ends: &[Ends<'_>],
    compiled: &Compiled,
    all_terms: bool,
) -> Result<(Claim, Vec<Missing>), Fault> {
    let mut first = None;
    let (mut holding, mut missing) = (Vec::new(), Vec::new());
    for (name, predicate) in &said.statements {
        let alone = Claim { statements: vec![predicate.clone()], ..claim.clone() };
        let held = grounds(ends, &alone, compiled).and_then(|grounds| {
            ::prove::check(&Request { claim: &alone, grounds }).map_err(|error| Fault {
                reason: format!("`{}`: {error}", verify::words(predicate)),
                ..unproven(error)
            })
        });
        match held {
            Ok(()) => holding.push(predicate.clone()),
            Err(fault) if all_terms => {
                missing.push(Missing { what: name.clone(), why: fault.code.clone() });
                first.get_or_insert(fault);
            }
            Err(fault) => return Err(fault),
        }
    }
    if let (true, Some(fault)) = (holding.is_empty(), first) {
        return Err(fault);
    }
    let unlisted = said.missing.iter();
    missing.extend(unlisted.map(|term| Missing { what: term.clone(), why: UNLISTED.into() }));
    claim.statements = holding;
    Ok((claim, missing))
}

fn unproven(error: ProveError) -> Fault {
    let remedy = "claim what the pact's consent lists, over epochs of the file, and what is true";
    Fault::new(error.code(), error.to_string(), remedy)
}

fn grounds<'a>(
    ends: &[Ends<'a>],
    claim: &Claim,
    compiled: &Compiled,
) -> Result<Vec<Ground<'a>>, Fault> {
    let grounds = ends.iter().map(|ends| {
        Ok(Ground {
            schema: ends.schema,
            before: &ends.before.leaf,
            after: &ends.after.leaf,
            pact: ends.pact,
            boot: ends.boot,
            consent: consent(compiled.consent(), claim, (&ends.before.body, &ends.after.body))?,
            before_openings: &ends.before.openings,
            after_openings: &ends.after.openings,
        })
    });
    grounds.collect()
}

/// One file of openings.
struct Source {
    holdings: Holdings,
    opened: Opened,
}

/// The leaves that a range stands on.
struct Ends<'a> {
    before: &'a OpenedEpoch,
    after: &'a OpenedEpoch,
    pact: &'a Disclosed,
    boot: &'a Disclosed,
    schema: &'a Schema,
}

fn sources(paths: &[PathBuf], key: &SigningKey) -> Result<Vec<Source>, Fault> {
    let one = |path: &PathBuf| {
        let holdings = load(path)?;
        let accusation = path.with_extension("accusation");
        let opened = Opened::check(&holdings, key, None).map_err(|e| e.keep(&accusation))?;
        Ok(Source { holdings, opened })
    };
    paths.iter().map(one).collect()
}

impl Source {
    /// Puts the epochs of `scope` into the range.
    fn range(&self, mut range: Range, scope: Scope) -> Result<Range, Fault> {
        (range.first, range.last) = match scope {
            Scope::Epochs(first, last) => (first, last),
            Scope::Dates(from, to) => {
                let before = self.epoch_at(range.tally(), from)?;
                let first = before.next().unwrap_or(before);
                (first, self.epoch_at(range.tally(), to)?)
            }
        };
        if range.first > range.last {
            return Err(missing("no epoch of the file lies in the range"));
        }
        Ok(range)
    }

    /// The epoch that ended at this moment; the opening, for a moment before that.
    fn epoch_at(&self, tally: TallyId, at: UnixMillis) -> Result<Epoch, Fault> {
        let ended = |body: &TallyBody| body.at.earliest <= at && at <= body.at.latest;
        let opening = |body: &TallyBody| body.epoch == Epoch(0) && at <= body.at.latest;
        let of_tally = self.opened.tallies.values().map(|epoch| &epoch.body);
        let mut of_tally = of_tally.filter(|body| body.tally == tally);
        let found = of_tally.find(|body| ended(body) || opening(body)).map(|body| body.epoch);
        found.ok_or_else(|| missing("no epoch of the file ended at one of these moments"))
    }

    /// The leaves that a range stands on.
    fn ends<'a>(&'a self, range: &Range, compiled: &Compiled) -> Result<Ends<'a>, Fault> {
        let opened = &self.opened;
        let tally = range.tally();
        if !opened.tallies.keys().any(|(held, _)| *held == tally) {
            return Err(Fault::new(
                "prove-other-tally",
                "the file has openings of another pact, root, party or generation",
                "name with --pact and --party, and if need be --root and --generation, what it is of",
            ));
        }
        let at = |epoch| {
            let found = opened.tallies.get(&(tally, epoch));
            found.ok_or_else(|| missing("the file has no openings of an end of the range"))
        };
        let before = range.first.previous().ok_or_else(|| missing("ranges begin at epoch 1"))?;
        let (before, after) = (at(before)?, at(range.last)?);
        let (pact_body, pact) = opened
            .pacts
            .get(&after.body.pact)
            .ok_or_else(|| missing("the file has no leaf of the pact in force"))?;
        let (_, boot) = opened
            .boots
            .get(&after.leaf.leaf.boot)
            .ok_or_else(|| missing("the file has no leaf of the boot that signed"))?;
        if compiled.consent_root() != pact_body.consent {
            return Err(Fault::new(
                "prove-other-pact",
                "the pact is not the one in force at the end of the range",
                "name the one that was; `cloister log pacts` prints the chain to its parties",
            ));
        }
        let schema = self.holdings.schemas.iter().find(|s| s.hash() == pact_body.schema);
        let schema = schema.ok_or_else(|| missing("the file has no such counters"))?;
        Ok(Ends { before, after, pact, boot, schema })
    }

    /// What a verifier needs of the log: the ends of the range, the pacts, the boots.
    fn view(&self, range: &Range) -> LogView {
        let ends = [range.first.previous(), Some(range.last)];
        let shown =
            |body: &TallyBody| body.tally == range.tally() && ends.contains(&Some(body.epoch));
        let leaves = self.holdings.leaves.iter().filter(|leaf| {
            let leaf = &leaf.disclosed;
            leaf.leaf.kind != Kind::Tally
                || TallyBody::from_cbor(&leaf.body).is_ok_and(|body| shown(&body))
        });
        LogView {
            origin: self.holdings.origin.clone(),
            checkpoint: self.holdings.checkpoint.clone(),
            leaves: leaves.cloned().collect(),
        }
    }
}

/// The first entry that permits each statement.
fn consent(
    entries: &[Consented],
    claim: &Claim,
    (before, after): (&TallyBody, &TallyBody),
) -> Result<Vec<OpenedConsent>, Fault> {
    let encoded: Vec<Vec<u8>> = entries.iter().map(|c| c.entry.to_cbor()).collect();
    let encoded: Vec<&[u8]> = encoded.iter().map(Vec::as_slice).collect();
    let one = |statement: &Predicate| {
        let mut refusal = verify::Fault::NotConsented;
        for (at, Consented { entry, .. }) in entries.iter().enumerate() {
            match verify::consent::permits(entry, statement, claim, before, after) {
                Ok(()) => {
                    let path = CONSENT.path(&encoded, at).into_iter().map(LeafHash).collect();
                    let index = u32::try_from(at).unwrap_or(u32::MAX);
                    return Ok(OpenedConsent { entry: entry.clone(), index, path });
                }
                // The entry that came closest says most.
                Err(fault) if entry.program == statement.program_id() => refusal = fault,
                Err(_) => {}
            }
        }
        Err(Fault::new(
            refusal.code(),
            format!("`{}`: {refusal}", verify::words(statement)),
            "claim what the pact's consent lists, to whom, and over which calendar ranges",
        ))
    };
    claim.statements.iter().map(one).collect()
}

fn missing(what: &str) -> Fault {
    Fault::new("prove-not-held", what, "fetch more epochs with `cloister openings`")
}
