//! The terms in force: a chain of pacts, each in the place of the one before, and what the last
//! of them compiles to.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use messages::ids::PactHash;
use minicbor::{Decode, Encode};
use pact::{Compiled, Pact, SignedPact, compile, compile_after};

/// What the parties signed, and the terms that it amounts to now.
pub(crate) struct Terms {
    /// The documents, root first.
    chain: Vec<Signed>,
    pub(crate) root: PactHash,
    pub(crate) compiled: Compiled,
}

/// One document of the chain.
#[derive(Clone)]
struct Signed {
    pact: PactHash,
    document: Vec<u8>,
}

impl Terms {
    /// Most pacts of one chain.
    pub(crate) const MAX_CHAIN: usize = 64;

    /// Reads a root pact. Its signatures were checked before it was put on record.
    pub(crate) fn of(document: Vec<u8>) -> Option<Self> {
        let signed = SignedPact::parse(&document).ok()?;
        let (pact, compiled) = (signed.pact().hash(), compile(signed.pact()).ok()?);
        Some(Self { chain: Vec::from([Signed { pact, document }]), root: pact, compiled })
    }

    /// The terms once `document`, a revision of these, is in force.
    pub(crate) fn revised(&self, document: Vec<u8>) -> Option<Self> {
        let signed = SignedPact::parse(&document).ok()?;
        let compiled = compile_after(&self.compiled, signed.pact()).ok()?;
        let mut chain = self.chain.clone();
        chain.push(Signed { pact: signed.pact().hash(), document });
        Some(Self { chain, root: self.root, compiled })
    }

    /// The whole document in force.
    pub(crate) fn document(&self) -> Option<Pact> {
        let signed = SignedPact::parse(&self.chain.last()?.document).ok()?;
        Some(signed.pact().clone())
    }

    /// All pacts of the chain, root first.
    pub(crate) fn pacts(&self) -> impl Iterator<Item = &PactHash> {
        self.chain.iter().map(|signed| &signed.pact)
    }

    pub(crate) const fn is_full(&self) -> bool {
        self.chain.len() >= Self::MAX_CHAIN
    }

    /// The terms as they were under `pact`.
    pub(crate) fn under(&self, pact: &PactHash) -> Option<Cow<'_, Compiled>> {
        if *pact == self.compiled.hash() {
            return Some(Cow::Borrowed(&self.compiled));
        }
        let upto = self.pacts().position(|p| p == pact)?;
        let documents = self.chain.iter().take(upto.saturating_add(1));
        chained(documents.map(|signed| signed.document.clone())).map(|t| Cow::Owned(t.compiled))
    }
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
        for signed in &self.chain {
            out.bytes(&signed.document)?;
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
