//! The event log of a trust domain's firmware (TCG PC Client Platform Firmware Profile 1.06,
//! section 10.2, as Intel's virtual firmware writes it into the CCEL area), and what it comes to.

use sha2::{Digest, Sha384};

use super::refusal::TdxRefusal;

/// The registers that a log comes to: RTMR 0 to 3.
pub(super) type Registers = [[u8; 48]; 4];

/// Replays a log: each event extends one register with the SHA-384 digest that it names, and no
/// event is skipped. Ends where the area does, or where it was never written.
pub(super) fn replay(log: &[u8]) -> Result<Registers, TdxRefusal> {
    let mut at = Bytes(log);
    let algorithms = specification(&mut at)?;
    let mut registers = [[0; 48]; 4];
    while !at.0.is_empty() {
        let index = at.u32()?;
        // The rest of the area is as the firmware found it.
        if index == u32::MAX || index == 0 {
            break;
        }
        let kind = at.u32()?;
        let digest = digest(&mut at, &algorithms)?;
        let length = at.u32()?;
        at.skip(length)?;
        if kind == EV_NO_ACTION {
            continue;
        }
        // Index 0 is MRTD, which the firmware cannot extend.
        let register = index.checked_sub(1).and_then(|place| usize::try_from(place).ok());
        let register = register.and_then(|place| registers.get_mut(place));
        let register = register.ok_or(TdxRefusal::EventLogMalformed)?;
        let extended = Sha384::new().chain_update(*register).chain_update(digest).finalize();
        *register = extended.into();
    }
    Ok(registers)
}

/// The first event, in the older form, which names the digests of the others: (algorithm, bytes).
fn specification(at: &mut Bytes<'_>) -> Result<Vec<(u16, usize)>, TdxRefusal> {
    let _index = at.u32()?;
    let kind = at.u32()?;
    let _sha1: [u8; 20] = at.take()?;
    let length = at.u32()?;
    let mut event = Bytes(at.skip(length)?);
    let signature: [u8; 16] = event.take()?;
    if kind != EV_NO_ACTION || signature != *b"Spec ID Event03\0" {
        return Err(TdxRefusal::EventLogMalformed);
    }
    let _platform_and_versions: [u8; 8] = event.take()?;
    let count = event.u32()?;
    if count > MOST_ALGORITHMS {
        return Err(TdxRefusal::EventLogMalformed);
    }
    let algorithms = (0..count).map(|_| Ok((event.u16()?, usize::from(event.u16()?))));
    algorithms.collect()
}

/// The SHA-384 digest of an event.
fn digest(at: &mut Bytes<'_>, algorithms: &[(u16, usize)]) -> Result<[u8; 48], TdxRefusal> {
    let count = at.u32()?;
    let mut found = None;
    for _ in 0..count.min(MOST_ALGORITHMS) {
        let algorithm = at.u16()?;
        let length = algorithms.iter().find(|(named, _)| *named == algorithm);
        let (_, length) = *length.ok_or(TdxRefusal::EventLogMalformed)?;
        let bytes = at.skip(u32::try_from(length).unwrap_or(u32::MAX))?;
        if algorithm == SHA384 {
            found = bytes.try_into().ok();
        }
    }
    found.filter(|_| count <= MOST_ALGORITHMS).ok_or(TdxRefusal::EventLogMalformed)
}

const EV_NO_ACTION: u32 = 3;
const SHA384: u16 = 0x000c;
const MOST_ALGORITHMS: u32 = 8;

struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], TdxRefusal> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(TdxRefusal::EventLogMalformed)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn u16(&mut self) -> Result<u16, TdxRefusal> {
        self.take().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32, TdxRefusal> {
        self.take().map(u32::from_le_bytes)
    }

    fn skip(&mut self, length: u32) -> Result<&'a [u8], TdxRefusal> {
        let length = usize::try_from(length).map_err(|_| TdxRefusal::EventLogMalformed)?;
        let split = self.0.split_at_checked(length);
        let (taken, rest) = split.ok_or(TdxRefusal::EventLogMalformed)?;
        self.0 = rest;
        Ok(taken)
    }
}
