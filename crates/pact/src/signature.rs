//! Signatures: what turns a pact into one that binds.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use messages::did::Did;
use messages::domain;
use messages::event::Party;
use messages::signature::{PublicKey, Signature, SigningKey};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::diff::{Needed, Succession};
use crate::document::scalar::PartyId;
use crate::document::{Pact, json as reading};
use crate::error::{Fault, PactError, Step};

/// A pact and the signatures that came with it, unchecked: see [`SignedPact::bind`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedPact {
    pact: Pact,
    signatures: Vec<Signed>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Signed {
    did: Did,
    key: PublicKey,
    signature: Signature,
}

/// A pact that both parties signed. Only [`SignedPact::bind`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct BindingPact(Pact);

impl BindingPact {
    /// The pact.
    #[must_use]
    pub const fn pact(&self) -> &Pact {
        &self.0
    }
}

/// A pact that follows another, signed by whom its difference needs (soundness rule 4). Only
/// [`SignedPact::bind_after`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct BindingRevision {
    pact: Pact,
    succession: Succession,
    /// Initiator and provider.
    signed: [bool; 2],
}

impl BindingRevision {
    /// The pact.
    #[must_use]
    pub const fn pact(&self) -> &Pact {
        &self.pact
    }

    /// Whether this party signed it.
    #[must_use]
    pub const fn signed_by(&self, party: Party) -> bool {
        let [initiator, provider] = self.signed;
        match party {
            Party::Initiator => initiator,
            Party::Provider => provider,
        }
    }

    /// What it replaces, and how they differ.
    pub const fn succession(&self) -> &Succession {
        &self.succession
    }
}

/// Which key speaks for which DID. A `did:key` speaks for itself; others must be pinned.
#[derive(Clone, Debug, Default)]
pub struct KeyRing {
    pinned: BTreeMap<Did, PublicKey>,
}

impl KeyRing {
    /// Pins `key` for `did`, in place of an earlier one.
    pub fn pin(&mut self, did: Did, key: PublicKey) {
        self.pinned.insert(did, key);
    }

    /// The key that speaks for `did`.
    #[must_use]
    pub fn resolve(&self, did: &Did) -> Option<PublicKey> {
        did.key().or_else(|| self.pinned.get(did).copied())
    }
}

impl SignedPact {
    /// A pact without signatures.
    #[must_use]
    pub const fn draft(pact: Pact) -> Self {
        Self { pact, signatures: Vec::new() }
    }

    /// Reads `{"pact": {..}, "signatures": [{"did", "key", "sig"}]}`.
    ///
    /// # Errors
    /// [`PactError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, PactError> {
        let mut value = reading::read(bytes)?;
        let envelope: Envelope = reading::typed(&value)?;
        if envelope.signatures.len() > MOST_SIGNATURES {
            return Err(Fault::ForeignSignature.into());
        }
        let signatures = envelope.signatures.into_iter().enumerate();
        let signatures = signatures
            .map(|(at, raw)| raw.read().map_err(|e| e.under(Step::Place(at))))
            .collect::<Result<_, _>>()?;
        let inner = value.get_mut("pact").map(Value::take);
        Ok(Self { pact: Pact::from_value(inner.unwrap_or_default())?, signatures })
    }

    /// Adds `did`'s signature, in place of an earlier one.
    #[must_use]
    pub fn sign(mut self, did: Did, key: &SigningKey) -> Self {
        let signature = key.sign(domain::PACT_SIGNATURE, &self.pact.hash().0);
        self.signatures.retain(|s| s.did != did);
        self.signatures.push(Signed { did, key: key.public(), signature });
        self
    }

    /// The file's bytes, canonical.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let signatures = self.signatures.iter().map(|s| {
            json!({
                "did": s.did.as_str(),
                "key": Did::from_key(&s.key).as_str(),
                "sig": STANDARD.encode(s.signature.0),
            })
        });
        let file = json!({"pact": self.pact.value(), "signatures": signatures.collect::<Vec<_>>()});
        serde_json_canonicalizer::to_vec(&file).unwrap_or_default()
    }

    /// The pact, whoever signed it.
    #[must_use]
    pub const fn pact(&self) -> &Pact {
        &self.pact
    }

    /// Who signed, unchecked.
    pub fn signers(&self) -> impl Iterator<Item = &Did> {
        self.signatures.iter().map(|s| &s.did)
    }

    /// Whether some signature of a party holds: enough to look at the document more closely, and
    /// never enough to bind by itself.
    #[must_use]
    pub fn is_signed_by_a_party(&self, keys: &KeyRing) -> bool {
        let parties = [self.pact.initiator(), self.pact.provider()];
        self.signatures.iter().any(|signed| self.check(signed, parties, keys).is_ok())
    }

    /// Checks that both parties, and nobody else, signed this pact with their own keys.
    ///
    /// # Errors
    /// [`PactError`]: unsigned, one signature only, a stranger's, repeated, swapped, by an
    /// unknown or another key, or not holding.
    pub fn bind(self, keys: &KeyRing) -> Result<BindingPact, PactError> {
        if self.signed_by(keys)?.len() < 2 {
            return Err(Fault::OneSignature.into());
        }
        Ok(BindingPact(self.pact))
    }

    /// Checks that this pact may take the place of what `succession` says it follows: signed by
    /// the one party whose permits alone shrink, or by both.
    ///
    /// # Errors
    /// [`PactError`] as with [`bind`](Self::bind), and when the pact is another than that of
    /// `succession`.
    pub fn bind_after(
        self,
        succession: Succession,
        keys: &KeyRing,
    ) -> Result<BindingRevision, PactError> {
        if succession.current() != self.pact.hash() {
            return Err(Fault::OtherSuccession.into());
        }
        let signed = self.signed_by(keys)?;
        let signed = [self.pact.initiator(), self.pact.provider()].map(|did| signed.contains(&did));
        let enough = match (succession.diff().signatures(), signed) {
            (Needed::Any, [by_initiator, by_provider]) => by_initiator || by_provider,
            (Needed::One(Party::Initiator), [by_initiator, _]) => by_initiator,
            (Needed::One(Party::Provider), [_, by_provider]) => by_provider,
            (Needed::None | Needed::Both, [by_initiator, by_provider]) => {
                by_initiator && by_provider
            }
        };
        if !enough {
            return Err(Fault::OneSignature.into());
        }
        Ok(BindingRevision { pact: self.pact, succession, signed })
    }

    /// The parties that signed, each once and with its own key; nobody else did.
    fn signed_by(&self, keys: &KeyRing) -> Result<Vec<&Did>, PactError> {
        if self.signatures.is_empty() {
            return Err(Fault::Unsigned.into());
        }
        let parties = [self.pact.initiator(), self.pact.provider()];
        let [initiator, provider] = parties.map(|did| keys.resolve(did));
        if initiator.is_some() && initiator == provider {
            return Err(Fault::OneKey.into());
        }
        self.distinct()?;
        for (at, signed) in self.signatures.iter().enumerate() {
            let check = self.check(signed, parties, keys);
            check.map_err(|f| PactError::from(f).under(Step::Place(at)))?;
        }
        Ok(self.signers().collect())
    }

    fn distinct(&self) -> Result<(), PactError> {
        let mut rest = &self.signatures[..];
        while let [first, others @ ..] = rest {
            if others.iter().any(|o| o.did == first.did || o.signature == first.signature) {
                return Err(Fault::RepeatedSignature.into());
            }
            rest = others;
        }
        Ok(())
    }

    fn check(&self, signed: &Signed, parties: [&Did; 2], keys: &KeyRing) -> Result<(), Fault> {
        if !parties.contains(&&signed.did) {
            return Err(Fault::ForeignSignature);
        }
        let key = keys.resolve(&signed.did).ok_or(Fault::UnpinnedKey)?;
        let holds = |key: PublicKey| {
            key.verify(domain::PACT_SIGNATURE, &self.pact.hash().0, &signed.signature).is_ok()
        };
        let others = parties.into_iter().filter(|did| **did != signed.did);
        let by_other = others.filter_map(|did| keys.resolve(did)).any(|k| k != key && holds(k));
        match (key == signed.key, holds(key), by_other) {
            (_, false, true) => Err(Fault::SwappedSignature),
            (false, ..) => Err(Fault::WrongKey),
            (true, false, false) => Err(Fault::BadSignature),
            (true, true, _) => Ok(()),
        }
    }
}

/// A pact has two parties; a few more are read, so that each gets its own refusal.
const MOST_SIGNATURES: usize = 8;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    /// Read on its own.
    #[serde(rename = "pact")]
    _pact: Value,
    signatures: Vec<RawSignature>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSignature {
    did: PartyId,
    key: String,
    sig: String,
}

impl RawSignature {
    fn read(self) -> Result<Signed, PactError> {
        let text =
            if self.key.starts_with('z') { format!("did:key:{}", self.key) } else { self.key };
        let key = Did::parse(&text).and_then(|did| did.key());
        let bytes = STANDARD.decode(&self.sig).ok().and_then(|b| b.try_into().ok());
        Ok(Signed {
            did: self.did.0,
            key: key.ok_or(PactError::new(Fault::BadDid))?,
            signature: Signature(bytes.ok_or(PactError::new(Fault::BadSignatureForm))?),
        })
    }
}
