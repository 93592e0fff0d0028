//! The attestation report, field by field as it lies in memory (AMD publication 56860, revision
//! 1.58, table 23). Reading checks shape alone: nothing here is signed yet.

use messages::evidence::{SNP_REPORT_BYTES, SNP_SIGNED_BYTES};

use super::refusal::SnpRefusal;
use super::tcb::{Family, Tcb};

/// What a report says.
pub(super) struct Report<'a> {
    pub(super) version: u32,
    pub(super) guest_svn: u32,
    pub(super) policy: u64,
    pub(super) vmpl: u32,
    pub(super) platform: u64,
    pub(super) key: u32,
    pub(super) report_data: &'a [u8; 64],
    pub(super) measurement: &'a [u8; 48],
    pub(super) host_data: &'a [u8; 32],
    pub(super) id_key: &'a [u8; 48],
    pub(super) author_key: &'a [u8; 48],
    pub(super) migration_agent: &'a [u8; 32],
    /// Which processor made it; version 2 does not say.
    pub(super) family: Option<Family>,
    pub(super) current: &'a [u8; 8],
    pub(super) reported: &'a [u8; 8],
    pub(super) committed: &'a [u8; 8],
    pub(super) launch: &'a [u8; 8],
    pub(super) chip: &'a [u8; 64],
    /// At launch and now; version 5 only.
    pub(super) mitigations: Option<(u64, u64)>,
    /// What the signature is over.
    pub(super) signed: &'a [u8],
    /// R and S, little-endian.
    pub(super) signature: (&'a [u8; 72], &'a [u8; 72]),
}

impl<'a> Report<'a> {
    /// Reads a report of version 2, 3 or 5.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, SnpRefusal> {
        if bytes.len() != SNP_REPORT_BYTES {
            return Err(SnpRefusal::Length);
        }
        let mut at = Fields(bytes);
        let version = at.u32()?;
        if ![2, 3, 5].contains(&version) {
            return Err(SnpRefusal::Version);
        }
        let guest_svn = at.u32()?;
        let policy = at.u64()?;
        let _family_and_image_id: &[u8; 32] = at.take()?;
        let vmpl = at.u32()?;
        let algorithm = at.u32()?;
        let current = at.take()?;
        let platform = at.u64()?;
        let key = at.u32()?;
        at.reserved::<4>()?;
        if key >> 5 != 0 {
            return Err(SnpRefusal::Reserved);
        }
        let report_data = at.take()?;
        let measurement = at.take()?;
        let host_data = at.take()?;
        let id_key = at.take()?;
        let author_key = at.take()?;
        let _report_id: &[u8; 32] = at.take()?;
        let migration_agent = at.take()?;
        let reported = at.take()?;
        let [family, model, stepping] = *at.take()?;
        at.reserved::<21>()?;
        let chip = at.take()?;
        let committed = at.take()?;
        let _current_firmware: &[u8; 3] = at.take()?;
        at.reserved::<1>()?;
        let _committed_firmware: &[u8; 3] = at.take()?;
        at.reserved::<1>()?;
        let launch = at.take()?;
        let mitigations = if version == 5 {
            Some((at.u64()?, at.u64()?))
        } else {
            at.reserved::<16>()?;
            None
        };
        at.reserved::<152>()?;
        let signature = (at.take()?, at.take()?);
        // Past S nothing is signed: what stands there could be anybody's.
        if at.0.iter().any(|byte| *byte != 0) {
            return Err(SnpRefusal::Tail);
        }
        if algorithm != ECDSA_P384_SHA384 {
            return Err(SnpRefusal::Algorithm);
        }
        let family = match (version, [family, model, stepping]) {
            (2, [0, 0, 0]) => None,
            (2, _) => return Err(SnpRefusal::Reserved),
            _ => Some(Family::of_processor(family, model).ok_or(SnpRefusal::FamilyUnknown)?),
        };
        Ok(Self {
            version,
            guest_svn,
            policy,
            vmpl,
            platform,
            key,
            report_data,
            measurement,
            host_data,
            id_key,
            author_key,
            migration_agent,
            family,
            current,
            reported,
            committed,
            launch,
            chip,
            mitigations,
            signed: bytes.get(..SNP_SIGNED_BYTES).ok_or(SnpRefusal::Length)?,
            signature,
        })
    }

    /// Its four TCBs, in the layout of a family.
    pub(super) fn tcbs(&self, family: Family) -> Result<Tcbs, SnpRefusal> {
        let read = |bytes| Tcb::read(family, bytes).ok_or(SnpRefusal::Reserved);
        Ok(Tcbs {
            reported: read(self.reported)?,
            committed: read(self.committed)?,
            current: read(self.current)?,
            launch: read(self.launch)?,
        })
    }
}

/// The firmware that a report speaks of.
pub(super) struct Tcbs {
    /// That the signing key was derived for.
    pub(super) reported: Tcb,
    /// That the platform can not go back behind.
    pub(super) committed: Tcb,
    /// That runs.
    pub(super) current: Tcb,
    /// That ran when the guest was launched.
    pub(super) launch: Tcb,
}

const ECDSA_P384_SHA384: u32 = 1;

/// What is left to be read.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take<const N: usize>(&mut self) -> Result<&'a [u8; N], SnpRefusal> {
        let (field, rest) = self.0.split_first_chunk().ok_or(SnpRefusal::Length)?;
        self.0 = rest;
        Ok(field)
    }

    fn u32(&mut self) -> Result<u32, SnpRefusal> {
        Ok(u32::from_le_bytes(*self.take()?))
    }

    fn u64(&mut self) -> Result<u64, SnpRefusal> {
        Ok(u64::from_le_bytes(*self.take()?))
    }

    fn reserved<const N: usize>(&mut self) -> Result<(), SnpRefusal> {
        if *self.take::<N>()? == [0; N] { Ok(()) } else { Err(SnpRefusal::Reserved) }
    }
}
