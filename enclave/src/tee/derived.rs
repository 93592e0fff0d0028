//! Sealing with keys that the processor derives for this image on this chip (AMD 56860, section
//! 7.2, `MSG_KEY_REQ`): guest policy, measurement and firmware are mixed in, so another image,
//! another chip and older firmware come to other keys.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use hkdf::Hkdf;
use journal::{SealError, SealingKey, WrappingKey};
use messages::domain;
use messages::ids::ConfigDigest;
use sev::firmware::guest::{DerivedKey, Firmware, GuestFieldSelect};
use sha2::Sha384;
use zeroize::Zeroizing;

/// The firmware that a key is derived for: COMMITTED_TCB, as it lies in a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(pub(crate) u64);

/// Who derives keys: the security processor, and in tests something like it.
pub(crate) trait Root: Send {
    /// The key of this version, which may not be newer than the committed one.
    fn derive(&mut self, version: Version) -> Option<Zeroizing<[u8; 32]>>;
}

/// Wraps with the key of today's firmware, and unwraps with that of the version that a wrapped
/// key names: what was wrapped before an update can still be read after it, while nothing new
/// is ever wrapped for firmware that is known to be older.
pub(crate) struct DerivedSealing<R> {
    root: Mutex<(R, BTreeMap<Version, WrappingKey>)>,
    version: Version,
    /// Whose keys they are.
    purpose: [u8; 32],
}

impl<R: Root> DerivedSealing<R> {
    /// For a monitor of this name with this configuration, under this firmware. The processor does
    /// not mix HOST_DATA into its keys, so that without the configuration here its host could launch
    /// the same image with another one, and would have all that the first one sealed.
    pub(crate) fn new(root: R, version: Version, origin: &str, config: ConfigDigest) -> Self {
        let root = Mutex::new((root, BTreeMap::new()));
        let purpose = domain::DERIVED_SEALING.hash(&[origin.as_bytes(), config.as_bytes()]);
        Self { root, version, purpose }
    }

    /// Uses the key of a version; derives it once, since the processor is slow and may throttle.
    fn with<T>(
        &self,
        version: Version,
        then: impl FnOnce(&WrappingKey) -> Result<T, SealError>,
    ) -> Result<T, SealError> {
        let mut guard = self.root.lock().unwrap_or_else(PoisonError::into_inner);
        let (root, keys) = &mut *guard;
        let wrapping = if let Some(known) = keys.remove(&version) {
            known
        } else {
            let derived = root.derive(version).ok_or(SealError::Unavailable)?;
            // HKDF-Expand alone would do for a key that is uniform; this says what it is for.
            let label = domain::DERIVED_SEALING.as_bytes();
            let mut key = Zeroizing::new([0; 32]);
            let expand = Hkdf::<Sha384>::new(Some(label), derived.as_slice());
            expand.expand(&self.purpose, key.as_mut_slice()).map_err(|_| SealError::Unavailable)?;
            WrappingKey::new(&key, domain::DERIVED_SEALING)?
        };
        let done = then(&wrapping);
        keys.insert(version, wrapping);
        done
    }
}

/// A wrapped key is: the version, 8 bytes, and what [`WrappingKey`] makes of it.
impl<R: Root> SealingKey for DerivedSealing<R> {
    fn wrap(&self, context: &[u8], key: &[u8; 32]) -> Result<Vec<u8>, SealError> {
        let head = self.version.0.to_le_bytes();
        let context = [&head[..], context].concat();
        let wrapped = self.with(self.version, |wrapping| wrapping.wrap(&context, key))?;
        Ok([&head[..], &wrapped].concat())
    }

    fn unwrap(&self, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<[u8; 32]>, SealError> {
        let (head, wrapped) = sealed.split_first_chunk().ok_or(SealError::Damaged)?;
        let context = [&head[..], context].concat();
        self.with(Version(u64::from_le_bytes(*head)), |wrapping| wrapping.unwrap(&context, wrapped))
    }
}

/// The security processor, through `/dev/sev-guest`.
pub(crate) struct SecurityProcessor(pub(crate) Firmware);

impl Root for SecurityProcessor {
    fn derive(&mut self, version: Version) -> Option<Zeroizing<[u8; 32]>> {
        let mut fields = GuestFieldSelect::default();
        fields.set_guest_policy(true);
        fields.set_measurement(true);
        fields.set_tcb_version(true);
        // The chip's own root, at the most privileged level. Message version 1: the kernel's request
        // has no place for mitigations.
        let request = DerivedKey::new(false, fields, 0, 0, version.0, None);
        self.0.get_derived_key(Some(1), request).ok().map(Zeroizing::new)
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    static_assertions::assert_not_impl_any!(DerivedSealing<Chip>: core::fmt::Debug, Clone);

    /// A chip with an image on it: derives for its committed version and older ones.
    struct Chip {
        secret: u8,
        committed: u64,
    }

    impl Root for Chip {
        fn derive(&mut self, version: Version) -> Option<Zeroizing<[u8; 32]>> {
            let hash =
                Sha256::new().chain_update([self.secret]).chain_update(version.0.to_le_bytes());
            (version.0 <= self.committed).then(|| Zeroizing::new(hash.finalize().into()))
        }
    }

    fn sealing(secret: u8, tcb: u64, origin: &str) -> DerivedSealing<Chip> {
        with(secret, tcb, origin, 7)
    }

    fn with(secret: u8, tcb: u64, origin: &str, config: u8) -> DerivedSealing<Chip> {
        let config = ConfigDigest([config; 32]);
        DerivedSealing::new(Chip { secret, committed: tcb }, Version(tcb), origin, config)
    }

    #[test]
    fn what_was_wrapped_before_an_update_is_read_after_it_and_not_the_other_way_round() {
        let before = sealing(1, 5, "log.example").wrap(b"here", &[7; 32]).unwrap();
        let newer = sealing(1, 6, "log.example");
        assert_eq!(*newer.unwrap(b"here", &before).unwrap(), [7; 32]);
        let after = newer.wrap(b"here", &[8; 32]).unwrap();
        let older = sealing(1, 5, "log.example");
        assert_eq!(older.unwrap(b"here", &after).unwrap_err(), SealError::Unavailable);
        assert_eq!(*older.unwrap(b"here", &before).unwrap(), [7; 32]);
    }

    #[test]
    fn another_chip_another_monitor_another_configuration_another_context_and_every_flipped_bit_are_refused()
     {
        let ours = sealing(1, 5, "log.example");
        let wrapped = ours.wrap(b"here", &[7; 32]).unwrap();
        let configured = with(1, 5, "log.example", 8);
        for other in [sealing(2, 5, "log.example"), sealing(1, 5, "other.example"), configured] {
            assert_eq!(other.unwrap(b"here", &wrapped).unwrap_err(), SealError::AnotherKey);
        }
        assert_eq!(ours.unwrap(b"there", &wrapped).unwrap_err(), SealError::Damaged);
        for bit in 0..wrapped.len() * 8 {
            let mut flipped = wrapped.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(ours.unwrap(b"here", &flipped).is_err(), "bit {bit}");
            assert!(ours.unwrap(b"here", &wrapped[..bit / 8]).is_err());
        }
    }
}
