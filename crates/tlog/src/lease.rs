//! Leases: which boot of a monitor may be live.
//!
//! Boots of one monitor share its log key, so a host with a copy of the disk can start a second one
//! beside the first. Each checkpoint therefore says which boot made it, and for how long that boot
//! asks to be the only one. A witness that has cosigned it cosigns no other boot's before that time
//! is over, and the boot takes nothing once its own counter says that it is.
//!
//! Two quorums of k among n witnesses share 2k − n of them, so two boots hold a lease at once only
//! if so many witnesses keep none: because they lie, were restored from a copy, or know leases not
//! at all.
//!
//! The same cosignature answers what a boot has to know first: whether its record is the newest.
//! The text has this boot's own random bytes in it, so no older answer fits, and a witness that has
//! seen more of the log, or another one, does not give any.
//!
//! Not bound: how fast the boot's counter runs. A host that can slow it stretches the lease; of
//! SEV-SNP, Secure TSC keeps it from that. Nor what a boot has on record beyond its last leaf.

use core::fmt;

use messages::ids::{BootId, EvidenceId};
use tlog_tiles::Hash;

/// What a boot says of itself in its checkpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The boot.
    pub boot: BootId,
    /// The evidence that introduced it.
    pub evidence: EvidenceId,
    /// When it asked: whole seconds of its own counter, none of which had more passed.
    pub asked: u64,
    /// How long it asks for, seconds.
    pub seconds: u32,
    /// The boot before it, if that one is known to have ended: it will never be live again.
    pub after: Option<BootId>,
}

impl Lease {
    /// Whether a boot that says `next` may be cosigned while this lease lasts: it is the same, or
    /// it knows that this one has ended.
    #[must_use]
    pub fn gives_way_to(&self, next: Option<&Self>) -> bool {
        next.is_some_and(|next| next.boot == self.boot || next.after == Some(self.boot))
    }

    /// Whether `next`, of the same log, is a later question of the same boot. One that was asked
    /// before begins no new lease, or whoever kept it could hold up the next boot for ever.
    #[must_use]
    pub fn is_renewed_by(&self, next: &Self) -> bool {
        next.boot != self.boot || next.asked > self.asked
    }

    /// How long ago, at least, a lease that `next` asks for began, if this one did so many seconds
    /// ago: by as much later as the boot's own counter says, which no configuration lets be slow by
    /// more than a hundredth. Else whoever kept checkpoints could show them one after the other, and
    /// hold up the next boot long after this one has ended.
    #[must_use]
    pub fn began_before(&self, next: &Self, seconds_ago: u64) -> u64 {
        if next.boot != self.boot {
            return 0;
        }
        let asked = next.asked.saturating_sub(self.asked).saturating_add(1);
        let later = asked.saturating_add(asked.div_ceil(50)).saturating_add(1);
        seconds_ago.saturating_sub(later)
    }

    /// How many seconds of it are left to a witness that signed so many seconds ago; none when it is
    /// over.
    #[must_use]
    pub fn left(&self, seconds_ago: u64) -> Option<u64> {
        // A second that has begun is not over.
        let whole = u64::from(self.seconds).saturating_add(1);
        whole.checked_sub(seconds_ago).filter(|left| *left > 0)
    }

    /// Reads a line of a checkpoint; none if it is another one, or spelled in another way.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let mut words = line.strip_prefix(NAME)?.strip_prefix(' ')?.split(' ');
        let hash = |word: Option<&str>| Hash::parse_hash(word?).ok().map(|hash| hash.0);
        let boot = BootId(hash(words.next())?);
        let evidence = EvidenceId(hash(words.next())?);
        let (asked, seconds) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let after = match words.next() {
            None => None,
            word => Some(BootId(hash(word)?)),
        };
        let lease = Self { boot, evidence, asked, seconds, after };
        (lease.to_string() == line).then_some(lease)
    }
}

/// The line as checkpoints have it, without its line feed.
impl fmt::Display for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { boot, evidence, asked, seconds, after } = self;
        write!(f, "{NAME} {} {} {asked} {seconds}", Hash(boot.0), Hash(evidence.0))?;
        after.map_or(Ok(()), |boot| write!(f, " {}", Hash(boot.0)))
    }
}

const NAME: &str = "cloister-lease";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_lease() -> impl Strategy<Value = Lease> {
        let after = any::<Option<[u8; 32]>>();
        (any::<[u8; 32]>(), any::<[u8; 32]>(), any::<u64>(), any::<u32>(), after).prop_map(
            |(boot, evidence, asked, seconds, after)| Lease {
                boot: BootId(boot),
                evidence: EvidenceId(evidence),
                asked,
                seconds,
                after: after.map(BootId),
            },
        )
    }

    proptest! {
        #[test]
        fn has_one_spelling(lease in any_lease()) {
            let line = lease.to_string();
            prop_assert_eq!(Lease::parse(&line), Some(lease));
            for other in [format!("{line} "), format!(" {line}"), line.replacen(' ', "  ", 1)] {
                prop_assert_eq!(Lease::parse(&other), None);
            }
            let (asked, signed) = (format!(" {} ", lease.asked), format!(" +{} ", lease.asked));
            prop_assert_eq!(Lease::parse(&line.replacen(&asked, &signed, 1)), None);
        }

        #[test]
        fn any_line_is_a_lease_or_none(line in "(cloister-lease )?[A-Za-z0-9+/= ]{0,200}") {
            if let Some(lease) = Lease::parse(&line) {
                prop_assert_eq!(lease.to_string(), line);
            }
        }
    }
}
