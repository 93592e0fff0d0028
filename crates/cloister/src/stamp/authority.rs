//! RFC 3161: what a time-stamping authority is asked and what its answers are worth. The signature,
//! the chain and the imprint are `sigstore-tsa`'s to check.

use der::{AnyRef, Decode, Encode, Sequence, ValueOrd};
use messages::bundle::{Bundle, Stamp};
use messages::time::UnixMillis;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sha2::{Digest, Sha256};
use sigstore_tsa::{TsaAuthority, verify_timestamp_for_authority};
use sigstore_types::{DerCertificate, SignatureBytes, TimestampToken};
use verify::Timestamped;
use verify::documents::TimeStampsDocument;

use crate::fault::Fault;

/// The authorities that a verifier accepts.
pub(crate) struct Authorities(Vec<TsaAuthority>);

impl Authorities {
    /// As the anchors name them.
    pub(crate) fn read(document: Option<&TimeStampsDocument>) -> Result<Self, Fault> {
        let chains = document.iter().flat_map(|document| document.authorities.values());
        chains.map(|pem| authority(pem)).collect::<Result<_, _>>().map(Self)
    }

    /// When `data` existed at the latest, says a token of one of them.
    pub(crate) fn check(&self, token: &[u8], data: &[u8]) -> Result<Timestamped, Fault> {
        if token.len() > MAX_TOKEN {
            return Err(refused("the token is larger than any authority's"));
        }
        let mut said = "the anchors name no authority".to_owned();
        let (signed, stamped) = (TimestampToken::new(token.to_vec()), data.to_vec());
        for authority in &self.0 {
            let stamped = SignatureBytes::new(stamped.clone());
            match verify_timestamp_for_authority(&signed, &stamped, authority) {
                Ok(at) => return asserted(data, at.as_millisecond()),
                Err(error) => said = error.to_string(),
            }
        }
        Err(refused(&said))
    }

    /// What the accepted stamps of a bundle say, and whether others were not accepted.
    pub(crate) fn findings(&self, bundle: &Bundle) -> (Vec<Timestamped>, bool) {
        let (mut found, mut all) = (Vec::new(), true);
        let data = verify::stampable(bundle);
        for Stamp { digest, token } in &bundle.stamps {
            let stamped = data.iter().find(|data| Sha256::digest(data)[..] == *digest);
            match stamped.map(|data| self.check(token, data)) {
                Some(Ok(at)) => found.push(at),
                _ => all = false,
            }
        }
        (found, !all)
    }
}

/// The one place where a time is asserted: `sigstore-tsa` has checked it.
#[expect(clippy::disallowed_methods, reason = "the token was checked against the anchors")]
fn asserted(data: &[u8], millis: i64) -> Result<Timestamped, Fault> {
    let at = u64::try_from(millis).map_err(|_| refused("it says a moment before 1970"))?;
    Ok(Timestamped::assertion(Sha256::digest(data).into(), UnixMillis(at)))
}

/// A chain as PEM: the certificate that signs, those between, the root.
fn authority(pem: &str) -> Result<TsaAuthority, Fault> {
    let certificates = CertificateDer::pem_slice_iter(pem.as_bytes());
    let certificates: Vec<_> = certificates.collect::<Result<_, _>>().map_err(|_| no_chain())?;
    let mut chain: Vec<_> =
        certificates.iter().map(|der| DerCertificate::new(der.to_vec())).collect();
    if chain.len() < 2 {
        return Err(no_chain());
    }
    let (leaf, root) = (chain.remove(0), chain.pop().ok_or_else(no_chain)?);
    Ok(TsaAuthority::new(leaf, chain, root, None))
}

fn no_chain() -> Fault {
    Fault::new(
        "authority-malformed",
        "the certificates of a time-stamping authority are not a PEM chain",
        "give its own certificate first and its root last",
    )
}

/// What an authority is asked (RFC 3161, 2.4.1): version 1, the SHA-256 imprint, and its
/// certificate with the answer. Without a nonce: an older token over the same data says more, not
/// less.
pub(crate) fn request(data: &[u8]) -> Vec<u8> {
    [&HEAD[..], &Sha256::digest(data), &TAIL].concat()
}

/// `SEQUENCE { INTEGER 1, SEQUENCE { SEQUENCE { OID sha256, NULL }, OCTET STRING of 32 bytes`.
const HEAD: [u8; 24] = [
    0x30, 0x39, 0x02, 0x01, 0x01, 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65,
    0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20,
];
/// `BOOLEAN TRUE }`.
const TAIL: [u8; 3] = [0x01, 0x01, 0xff];

/// The token of an answer (RFC 3161, 2.4.2), not yet checked.
pub(crate) fn token(answer: &[u8]) -> Result<Vec<u8>, Fault> {
    let unreadable = || refused("its answer is no time-stamp response");
    let Response { status: _, token } = Response::from_der(answer).map_err(|_| unreadable())?;
    let token = token.ok_or_else(|| refused("it grants no token"))?;
    token.to_der().map_err(|_| unreadable())
}

#[derive(Sequence, ValueOrd)]
struct Response<'a> {
    status: AnyRef<'a>,
    #[asn1(optional = "true")]
    token: Option<AnyRef<'a>>,
}

fn refused(said: &str) -> Fault {
    let said: String = said.chars().filter(|c| !c.is_control()).take(200).collect();
    Fault::new(
        "stamp-refused",
        format!("a time stamp is not accepted: {said}"),
        "see that the anchors name the authority, which signs with ECDSA P-256 or P-384",
    )
}

/// No authority's token with its certificates is as large.
const MAX_TOKEN: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_request_is_the_one_sequence() {
        let request = request(b"data");
        assert_eq!(request.len(), 59);
        let any = AnyRef::from_der(&request).unwrap();
        assert_eq!(any.value().len(), 57);
        assert_eq!(request[24..56], Sha256::digest(b"data")[..]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_reader_fall_over(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let none = Authorities(Vec::new());
            drop(token(&bytes));
            prop_assert!(none.check(&bytes, b"data").is_err());
        }
    }
}
