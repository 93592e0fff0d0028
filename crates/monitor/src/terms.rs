//! The terms in force: a chain of pacts, each in the place of the one before, and what the last
//! of them compiles to.

use alloc::vec::Vec;

use circuits::rules::Rules;
use messages::counter::{CounterIndex, Schema};
use messages::did::Did;
use messages::event::Party;
use messages::ids::PactHash;
use minicbor::{Decode, Encode};
use pact::{Compiled, Consented, Pact, SignedPact, compile, compile_after};

/// What the parties signed, and the terms that it amounts to now.
pub(crate) struct Terms {
    /// The documents, root first.
    chain: Vec<Signed>,
    /// What claims over the time of a pact before need of it, root first.
    past: Vec<PactDisclosure>,
    pub(crate) root: PactHash,
    pub(crate) compiled: Compiled,
    /// What segments are proven under.
    pub(crate) rules: Rules,
}

/// One document of the chain.
#[derive(Clone)]
struct Signed {
    pact: PactHash,
    document: Vec<u8>,
    /// Who signed it alone.
    alone: Option<Did>,
}

/// What a pact lets leave, and in which counters.
#[derive(Clone)]
pub struct PactDisclosure {
    pact: PactHash,
    /// The ordered counters.
    pub schema: Schema,
    /// The claims that may leave.
    pub consent: Vec<Consented>,
    /// The counters that each party gets openings of, initiator's first.
    pub openings: [Vec<CounterIndex>; 2],
}

impl PactDisclosure {
    fn of(compiled: &Compiled) -> Self {
        Self {
            pact: compiled.hash(),
            schema: compiled.schema().clone(),
            consent: compiled.consent().to_vec(),
            openings: Party::BOTH.map(|party| compiled.openings(party).to_vec()),
        }
    }
}

impl Terms {
    /// Reads a root pact. Its signatures were checked before it was put on record.
    pub(crate) fn of(document: Vec<u8>) -> Option<Self> {
        let signed = SignedPact::parse(&document).ok()?;
        let (pact, compiled) = (signed.pact().hash(), compile(signed.pact()).ok()?);
        let first = Signed { pact, document, alone: None };
        let (rules, chain) = (Rules::new(&compiled.rule_table()), Vec::from([first]));
        Some(Self { chain, past: Vec::new(), root: pact, compiled, rules })
    }

    /// The terms once `document`, a revision of these, is in force.
    pub(crate) fn revised(&self, document: Vec<u8>) -> Option<Self> {
        let signed = SignedPact::parse(&document).ok()?;
        let compiled = compile_after(&self.compiled, signed.pact()).ok()?;
        let alone = signer_alone(&signed);
        let (mut chain, mut past) = (self.chain.clone(), self.past.clone());
        chain.push(Signed { pact: signed.pact().hash(), document, alone });
        past.push(PactDisclosure::of(&self.compiled));
        let rules = Rules::new(&compiled.rule_table());
        Some(Self { chain, past, root: self.root, compiled, rules })
    }

    /// What a pact of the chain compiled to while it was in force.
    pub(crate) fn while_in_force(&self, pact: &PactHash) -> Option<(Compiled, Rules)> {
        let at = self.chain.iter().position(|signed| signed.pact == *pact)?;
        if at.saturating_add(1) == self.chain.len() {
            return Some((self.compiled.clone(), self.rules.clone()));
        }
        let mut documents = self.documents().take(at.saturating_add(1)).map(<[u8]>::to_vec);
        let first = Self::of(documents.next()?)?;
        let terms = documents.try_fold(first, |terms, document| terms.revised(document))?;
        Some((terms.compiled, terms.rules))
    }

    /// The whole document in force.
    pub(crate) fn document(&self) -> Option<Pact> {
        let signed = SignedPact::parse(&self.chain.last()?.document).ok()?;
        Some(signed.pact().clone())
    }

    /// The signed documents, root first.
    pub(crate) fn documents(&self) -> impl Iterator<Item = &[u8]> {
        self.chain.iter().map(|signed| &signed.document[..])
    }

    /// All pacts of the chain, root first.
    pub(crate) fn pacts(&self) -> impl Iterator<Item = &PactHash> {
        self.chain.iter().map(|signed| &signed.pact)
    }

    /// Whether the chain takes this document. What one party signs alone has a share of its own,
    /// so that it cannot use up what both may agree.
    pub(crate) fn has_room(&self, document: &[u8]) -> bool {
        let fits = |others: &[usize], most: usize, bytes: usize| {
            let all = others.iter().fold(document.len(), |sum, n| sum.saturating_add(*n));
            others.len() < most && all <= bytes
        };
        let lengths = |by: Option<&Did>| -> Vec<usize> {
            let counted = |signed: &&Signed| by.is_none() || signed.alone.as_ref() == by;
            self.chain.iter().filter(counted).map(|signed| signed.document.len()).collect()
        };
        let alone = SignedPact::parse(document).ok().and_then(|signed| signer_alone(&signed));
        let own = alone.is_none_or(|did| fits(&lengths(Some(&did)), MAX_ALONE, MAX_BYTES_ALONE));
        own && fits(&lengths(None), MAX_CHAIN, MAX_BYTES)
    }

    /// What `pact`, of this chain, lets leave.
    pub(crate) fn under(&self, pact: &PactHash) -> Option<PactDisclosure> {
        if *pact == self.compiled.hash() {
            return Some(PactDisclosure::of(&self.compiled));
        }
        self.past.iter().find(|past| past.pact == *pact).cloned()
    }
}

fn signer_alone(signed: &SignedPact) -> Option<Did> {
    let mut signers = signed.signers();
    let first = signers.next()?;
    signers.next().is_none().then(|| first.clone())
}

fn chained(mut documents: impl Iterator<Item = Vec<u8>>) -> Option<Terms> {
    let root = Terms::of(documents.next()?)?;
    documents.try_fold(root, |terms, document| terms.revised(document))
}

impl<C> Encode<C> for Terms {
    fn encode<W: minicbor::encode::Write>(
        &self,
        out: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        out.array(self.chain.len() as u64)?;
        for document in self.documents() {
            out.bytes(document)?;
        }
        out.ok()
    }
}

impl<'b, C> Decode<'b, C> for Terms {
    fn decode(
        input: &mut minicbor::Decoder<'b>,
        _: &mut C,
    ) -> Result<Self, minicbor::decode::Error> {
        let bad = || minicbor::decode::Error::message("not a chain of pacts");
        let documents: Result<Vec<Vec<u8>>, _> =
            input.array_iter::<&minicbor::bytes::ByteSlice>()?.map(|d| Ok(d?.to_vec())).collect();
        chained(documents?.into_iter()).ok_or_else(bad)
    }
}

/// Most pacts of one chain.
const MAX_CHAIN: usize = 64;
/// Most of them that one party signed alone.
const MAX_ALONE: usize = 16;
/// Most bytes of their documents.
const MAX_BYTES: usize = 2 << 20;
/// Most bytes of those that one party signed alone.
const MAX_BYTES_ALONE: usize = 1 << 19;
