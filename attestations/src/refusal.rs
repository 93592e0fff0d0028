//! Why evidence is refused.

use crate::snp::SnpRefusal;
use crate::tdx::TdxRefusal;

/// Why evidence is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A media type that no version writes.
    #[error("the evidence has an unknown media type")]
    UnknownMediaType,
    /// Evidence of a confidential VM, and the policy accepts none.
    #[error("the policy accepts no evidence of a confidential VM")]
    Hardware,
    /// Evidence of hardware that the policy does not list.
    #[error("the policy does not list this kind of confidential VM")]
    TeeUnlisted,
    /// Of another profile.
    #[error("the evidence has an unknown profile")]
    Profile,
    /// SEV-SNP: the report, its certificates, the machine.
    #[error(transparent)]
    Snp(#[from] SnpRefusal),
    /// TDX: the quote, the collateral, the platform.
    #[error(transparent)]
    Tdx(#[from] TdxRefusal),
    /// The hardware signed other claims than are shown.
    #[error("the hardware's report is bound to other claims than are shown")]
    ReportData,
    /// Another conceptual message: an endorsement, reference values, a result.
    #[error("the message is not evidence")]
    NotEvidence,
    /// Development evidence, and the policy does not ask for it.
    #[error("development evidence is refused by this policy")]
    Software,
    /// Not an encoded evidence.
    #[error("the evidence is malformed")]
    Malformed,
    /// Development evidence that does not say what it is.
    #[error("the evidence lacks its banner")]
    Banner,
    /// Not encoded claims.
    #[error("the evidence's claims are malformed")]
    ClaimsMalformed,
    /// A second encoding of some claims.
    #[error("the evidence's claims are not in canonical form")]
    ClaimsNonCanonical,
    /// Not signed by the root over these claims and this measurement.
    #[error("the evidence's signature does not hold")]
    BadSignature,
    /// The policy lists other measurements, or none.
    #[error("the policy does not list the measured executable")]
    MeasurementUnlisted,
    /// Evidence of a confidential VM under a development name.
    #[error("an origin that starts with insecure-dev/ is for development evidence alone")]
    OriginInsecure,
    /// Development evidence under a production name.
    #[error("development evidence must have an origin that starts with insecure-dev/")]
    OriginNotInsecure,
    /// Of another log.
    #[error("the evidence is of another origin")]
    WrongOrigin,
    /// The policy lists other configurations, or none.
    #[error("the policy does not list the measured configuration")]
    ConfigUnlisted,
    /// The monitor has no log yet: it cannot read its state.
    #[error("the monitor is locked: it cannot read its state, and speaks for no log yet")]
    NoLog,
    /// Of a monitor that began anew, or of another one of that name.
    #[error("the monitor speaks for another log than the one that was pinned")]
    OtherLog,
    /// Made for another place: a log's, a certificate's, or an answer to a challenge.
    #[error("the evidence was made for another purpose")]
    WrongPurpose,
    /// Evidence that answers no challenge carries a nonce.
    #[error("evidence that answers no challenge must not carry a nonce")]
    UnexpectedNonce,
    /// The log's evidence names a TLS key or session, or a certificate's names a session.
    #[error("the evidence names a channel, which evidence for this purpose must not")]
    UnexpectedChannel,
    /// An answer to another challenge, or to none.
    #[error("the evidence does not answer the nonce")]
    WrongNonce,
    /// An answer that is bound to no TLS session: whoever has it can show it anywhere.
    #[error("the evidence is not bound to a tls session")]
    ChannelMissing,
    /// Bound to another TLS session: something between terminates TLS, or the answer is a copy.
    #[error("the evidence is bound to another tls session: something between terminates tls")]
    WrongChannel,
    /// Names no TLS key.
    #[error("the evidence is not bound to a tls key")]
    SpkiMissing,
    /// Names another TLS key.
    #[error("the evidence is bound to another tls key")]
    WrongSpki,
    /// Not made by the server's end of the session: a reflection, or not said.
    #[error("the evidence was not made by the server of the session")]
    WrongRole,
}

impl Refusal {
    /// A stable name for machines.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::UnknownMediaType => "unknown-media-type",
            Self::Hardware => "hardware-evidence-refused",
            Self::TeeUnlisted => "tee-unlisted",
            Self::Profile => "evidence-profile",
            Self::Snp(refusal) => refusal.code(),
            Self::Tdx(refusal) => refusal.code(),
            Self::ReportData => "evidence-report-data",
            Self::NotEvidence => "not-evidence",
            Self::Software => "software-evidence-refused",
            Self::Malformed => "evidence-malformed",
            Self::Banner => "evidence-banner-missing",
            Self::ClaimsMalformed => "evidence-claims-malformed",
            Self::ClaimsNonCanonical => "evidence-claims-non-canonical",
            Self::BadSignature => "evidence-bad-signature",
            Self::MeasurementUnlisted => "evidence-measurement-unlisted",
            Self::OriginInsecure => "evidence-origin-insecure",
            Self::OriginNotInsecure => "evidence-origin-not-insecure",
            Self::WrongOrigin => "evidence-wrong-origin",
            Self::ConfigUnlisted => "evidence-config-unlisted",
            Self::NoLog => "evidence-no-log",
            Self::OtherLog => "evidence-other-log",
            Self::WrongPurpose => "evidence-wrong-purpose",
            Self::UnexpectedNonce => "evidence-unexpected-nonce",
            Self::UnexpectedChannel => "evidence-unexpected-channel",
            Self::WrongNonce => "evidence-wrong-nonce",
            Self::ChannelMissing => "evidence-channel-missing",
            Self::WrongChannel => "evidence-wrong-channel",
            Self::SpkiMissing => "evidence-spki-missing",
            Self::WrongSpki => "evidence-wrong-spki",
            Self::WrongRole => "evidence-wrong-role",
        }
    }

    /// What to do.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Snp(refusal) => refusal.remedy(),
            Self::Tdx(refusal) => refusal.remedy(),
            Self::Software => {
                "it comes from no TEE: only a development policy that asks for it by name accepts it"
            }
            Self::Hardware => "name an appraisal policy that lists the monitor's image",
            Self::TeeUnlisted => "use a monitor on hardware that the appraisal policy lists",
            Self::WrongChannel | Self::WrongSpki => {
                "something between terminates TLS: connect to the monitor itself, and trust nothing \
                 that was sent this way"
            }
            Self::ConfigUnlisted | Self::MeasurementUnlisted | Self::WrongOrigin => {
                "compare the policy with what the monitor's operator publishes"
            }
            Self::NoLog => "wait until custodians have brought the monitor their shares",
            Self::OtherLog => {
                "ask the operator why the monitor began anew; pin it again only if that is right"
            }
            Self::UnknownMediaType
            | Self::Profile
            | Self::ReportData
            | Self::NotEvidence
            | Self::Malformed
            | Self::Banner
            | Self::ClaimsMalformed
            | Self::ClaimsNonCanonical
            | Self::BadSignature
            | Self::OriginInsecure
            | Self::OriginNotInsecure
            | Self::WrongPurpose
            | Self::UnexpectedNonce
            | Self::UnexpectedChannel
            | Self::WrongNonce
            | Self::ChannelMissing
            | Self::SpkiMissing
            | Self::WrongRole => "this is not a monitor of this version: do not use it",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_says_every_refusal_with_its_words() {
        let readme = include_str!("../README.md");
        let snp = SnpRefusal::ALL.iter().map(|r| (r.code(), r.reason(), r.remedy()));
        let tdx = TdxRefusal::ALL.iter().map(|r| (r.code(), r.reason(), r.remedy()));
        for (code, reason, remedy) in snp.chain(tdx) {
            let row = format!("| `{code}` | {reason} | {remedy} |");
            assert!(readme.contains(&row), "{row}");
        }
    }
}
