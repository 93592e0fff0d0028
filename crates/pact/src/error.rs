//! Why bytes are not a pact, and why a pact does not bind.

use core::fmt;

/// Where in the document: names of the format and positions, never text of the input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct At(pub(crate) Vec<Step>);

/// One step into the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A field of the format.
    Field(&'static str),
    /// The n-th element or entry.
    Place(usize),
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("pact")?;
        // Steps are pushed from the inside out.
        self.0.iter().rev().try_for_each(|step| match step {
            Step::Field(name) => write!(f, ".{name}"),
            Step::Place(n) => write!(f, "[{n}]"),
        })
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal, $remedy:literal;)*) => {
        /// Kinds of faults, each with a code that scripts may rely on.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Fault { $($(#[$doc])* $name,)* }

        impl Fault {
            /// Every fault.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The stable code.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }

            /// What is wrong.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            /// What to do about it.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$name => $remedy),* }
            }
        }
    };
}

codes! {
    /// Not a W3C DID.
    BadDid = "bad-did", "not a DID", "write did:METHOD:IDENTIFIER";
    /// Not an exact decimal.
    BadDecimal = "bad-decimal", "not an exact decimal of at most 24 digits",
        "write decimals as strings like \"2000.00\": no exponent, no leading zero";
    /// Not an identifier in the format's sense.
    BadId = "bad-id", "not an identifier",
        "use 1 to 128 letters, digits and any of . _ - : /";
    /// Not `sha256:` and 64 hexadecimal digits.
    BadDigest = "bad-digest", "not a digest", "write sha256: and 64 lower-case hexadecimal digits";
    /// Not a duration.
    BadDuration = "bad-duration", "not a duration in days, hours, minutes and seconds",
        "write durations like P1D, PT5M or P1DT12H";
    /// Not a provenance class.
    BadProvenance = "bad-provenance", "not a provenance class",
        "use principal, record, content, org:DOMAIN, list:A,B or result:TOOL.path";
    /// Not base64 or not 64 bytes.
    BadSignatureForm = "bad-signature-form", "not a base64 Ed25519 signature",
        "sign again with cloister pact sign";
    /// The signature does not hold.
    BadSignature = "bad-signature", "a party's signature does not hold for this pact",
        "the pact changed after it was signed, or another key signed: sign again";
    /// Not a moment in UTC.
    BadTimestamp = "bad-timestamp", "not a moment in UTC", "write 2026-12-01T00:00:00Z";
    /// Two things with one identifier.
    DuplicateId = "duplicate-id", "two terms have the same identifier",
        "give each interaction, limit, objective, flow and claim an identifier of its own";
    /// The same name twice in one object.
    DuplicateKey = "duplicate-key", "a JSON object has the same key twice", "remove one of them";
    /// The term ends before it starts.
    EmptyTerm = "empty-term", "the term ends before it starts",
        "set term.not_after later than term.not_before";
    /// A number with a fraction or exponent.
    Float = "float", "a number with a fraction or an exponent", "write decimals as strings";
    /// Somebody else signed.
    ForeignSignature = "foreign-signature", "somebody signed who is no party of this pact",
        "remove the signature";
    /// An integer that JSON readers do not agree on.
    IntegerRange = "integer-range", "an integer of 2^53 or more", "use a smaller integer";
    /// A required field is absent.
    MissingField = "missing-field", "a required field is missing", "add it; see pact.schema.json";
    /// Not JSON.
    NotJson = "not-json", "not JSON, or bytes follow it", "write one JSON object in UTF-8";
    /// Both parties have one key.
    OneKey = "one-key", "both parties have the same key", "each party signs with a key of its own";
    /// A proposal.
    OneSignature = "one-signature", "only one party signed: a proposal, which binds nothing",
        "let the other party run cloister pact countersign";
    /// Compared was another revision.
    OtherSuccession = "other-succession", "the signatures are of another revision",
        "compare the pact that was signed with the one before it";
    /// A party signed twice, or one signature is shown twice.
    RepeatedSignature = "repeated-signature", "a party or a signature appears twice",
        "keep one signature of each party";
    /// Both parties are one.
    SameParty = "same-party", "initiator and provider are the same party", "name two parties";
    /// The parties' signatures are exchanged.
    SwappedSignature = "swapped-signature", "a party's signature was made by the other party",
        "put each signature under its signer's DID";
    /// A text over its bound.
    TextTooLong = "text-too-long", "a text is longer than 1024 characters", "shorten it";
    /// Nested too deep.
    TooDeep = "too-deep", "nested deeper than 32 levels", "flatten it";
    /// Over the size bound.
    TooLarge = "too-large", "more than 256 KiB", "split the pact";
    /// Too many elements.
    TooMany = "too-many", "a list has more than 1024 elements", "split the pact";
    /// No such field in the format.
    UnknownField = "unknown-field", "a field that the format does not have",
        "remove it or correct its name; see pact.schema.json";
    /// No such word in the format.
    UnknownValue = "unknown-value", "a word that the format does not list here",
        "use one of the listed words; see pact.schema.json";
    /// No key is known for a party.
    UnpinnedKey = "unpinned-key", "no key is pinned for a party's DID",
        "pin the party's key, or let it use a did:key";
    /// Nobody signed.
    Unsigned = "unsigned", "nobody signed", "let both parties sign, or use it as a draft in trials";
    /// Not a UUID.
    BadUuid = "bad-uuid", "not a UUID", "write 8-4-4-4-12 lower-case hexadecimal digits";
    /// Another version of the format.
    UnsupportedVersion = "unsupported-version", "a version of the format that is not supported",
        "write \"pact\": \"1\"";
    /// The signature names another key than the one pinned.
    WrongKey = "wrong-key", "a signature names another key than the one pinned for its signer",
        "sign with the pinned key, or pin the new one";
    /// A value of another type.
    WrongType = "wrong-type", "a value of another type than the format's",
        "see pact.schema.json for the type";
}

/// Why bytes are not a pact or a pact does not bind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} at {at}", fault.text())]
pub struct PactError {
    fault: Fault,
    at: At,
}

impl PactError {
    pub(crate) const fn new(fault: Fault) -> Self {
        Self { fault, at: At(Vec::new()) }
    }

    pub(crate) fn under(mut self, step: Step) -> Self {
        self.at.0.push(step);
        self
    }

    /// What kind of fault.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        self.fault
    }

    /// Where.
    #[must_use]
    pub const fn at(&self) -> &At {
        &self.at
    }

    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.fault.code()
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        self.fault.remedy()
    }
}

impl From<Fault> for PactError {
    fn from(fault: Fault) -> Self {
        Self::new(fault)
    }
}

/// Serde's errors, sorted into faults. Values that the format refuses for a reason of its own
/// name the fault by its code.
impl serde::de::Error for PactError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        let message = message.to_string();
        let fault = Fault::ALL.iter().find(|f| message == f.code());
        Self::new(fault.copied().unwrap_or(Fault::WrongType))
    }

    fn unknown_field(_: &str, _: &'static [&'static str]) -> Self {
        Self::new(Fault::UnknownField)
    }

    fn unknown_variant(_: &str, _: &'static [&'static str]) -> Self {
        Self::new(Fault::UnknownValue)
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Fault::MissingField).under(Step::Field(field))
    }

    fn invalid_value(_: serde::de::Unexpected<'_>, _: &dyn serde::de::Expected) -> Self {
        Self::new(Fault::WrongType)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_a_code_of_its_own() {
        let codes: std::collections::BTreeSet<_> = Fault::ALL.iter().map(|f| f.code()).collect();
        assert_eq!(codes.len(), Fault::ALL.len());
    }

    #[test]
    fn says_where_without_saying_what() {
        let error = PactError::new(Fault::BadDid).under(Step::Place(3)).under(Step::Field("to"));
        assert_eq!(error.to_string(), "not a DID at pact.to[3]");
    }
}
