//! How secrets are written into a sealed journal, and read back. Nothing else may hold what comes
//! out of here.
//!
//! The secret types have no `Encode` of their own, so that every place that writes one names this
//! module: `#[cbor(with = "tally::exposed")]` on the field of a record. Whoever owns the buffer
//! erases it.

use circuits::entry::Packed;
use circuits::log::BLOCK;
use messages::counter::MAX_COUNTERS;
use messages::ids::FieldElement;
use minicbor::decode::Error as DecodeError;
use minicbor::encode::{Error as EncodeError, Write};
use minicbor::{Decoder, Encoder};
use zeroize::Zeroizing;

use crate::cut::Cut;
use crate::entries::{Entries, Place};
use crate::secret::HolderSecret;
use crate::totals::Totals;

/// A secret that outlives its process in a sealed journal.
pub trait Stored: Sized + private::Sealed {
    /// Reads the secret out, to seal it.
    ///
    /// # Errors
    /// Those of the writer.
    fn expose_to<W: Write>(&self, e: &mut Encoder<W>) -> Result<(), EncodeError<W::Error>>;

    /// Takes a stored secret.
    ///
    /// # Errors
    /// When the bytes are no such secret.
    fn restore(d: &mut Decoder<'_>) -> Result<Self, DecodeError>;
}

/// Writes a secret; for `#[cbor(with = "...")]`.
///
/// # Errors
/// Those of the writer.
pub fn encode<C, T: Stored, W: Write>(
    secret: &T,
    e: &mut Encoder<W>,
    _: &mut C,
) -> Result<(), EncodeError<W::Error>> {
    secret.expose_to(e)
}

/// Reads a secret back; for `#[cbor(with = "...")]`.
///
/// # Errors
/// When the bytes are no such secret.
pub fn decode<C, T: Stored>(d: &mut Decoder<'_>, _: &mut C) -> Result<T, DecodeError> {
    T::restore(d)
}

impl Stored for HolderSecret {
    fn expose_to<W: Write>(&self, e: &mut Encoder<W>) -> Result<(), EncodeError<W::Error>> {
        e.bytes(self.expose())?.ok()
    }

    fn restore(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let bytes: &[u8; 32] = d
            .bytes()?
            .try_into()
            .map_err(|_| DecodeError::message("expected a secret of 32 bytes"))?;
        Ok(Self::from_bytes(*bytes))
    }
}

/// The totals and their declared maxima: a schema is known by its hash where these are read, and
/// a sum that passed its maximum must not come back.
impl Stored for Totals {
    fn expose_to<W: Write>(&self, e: &mut Encoder<W>) -> Result<(), EncodeError<W::Error>> {
        e.array(2)?;
        for row in [self.expose(), self.maxima()] {
            e.array(row.len() as u64)?;
            for n in row {
                e.u64(*n)?;
            }
        }
        Ok(())
    }

    fn restore(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        if d.array()? != Some(2) {
            return Err(DecodeError::message("expected totals and their maxima"));
        }
        let (values, maxima) = (row(d)?, row(d)?);
        Self::restored(values, maxima.to_vec())
            .ok_or_else(|| DecodeError::message("totals past their maxima"))
    }
}

impl Stored for Cut {
    fn expose_to<W: Write>(&self, e: &mut Encoder<W>) -> Result<(), EncodeError<W::Error>> {
        e.bytes(&self.expose())?.ok()
    }

    fn restore(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let bytes = <[u8; 32]>::try_from(d.bytes()?).ok();
        bytes.and_then(Self::restored).ok_or_else(|| DecodeError::message("expected a cut"))
    }
}

/// A set that may not be there.
impl Stored for Option<Cut> {
    fn expose_to<W: Write>(&self, e: &mut Encoder<W>) -> Result<(), EncodeError<W::Error>> {
        match self {
            Some(cut) => cut.expose_to(e),
            None => e.null()?.ok(),
        }
    }

    fn restore(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        if d.datatype()? == minicbor::data::Type::Null {
            return d.null().map(|()| None);
        }
        Cut::restore(d).map(Some)
    }
}

/// Secret, count, root, and what is not in the root yet.
impl Stored for Entries {
    fn expose_to<W: Write>(&self, e: &mut Encoder<W>) -> Result<(), EncodeError<W::Error>> {
        e.array(3)?;
        self.secret.expose_to(e)?;
        self.at.expose_to(e)?;
        e.array(self.open.len() as u64)?;
        self.open.iter().try_for_each(|packed| e.bytes(&packed.to_bytes())?.ok())
    }

    fn restore(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let wrong = || DecodeError::message("expected a log of entries");
        d.array()?.filter(|n| *n == 3).ok_or_else(wrong)?;
        let (secret, at) = (HolderSecret::restore(d)?, Place::restore(d)?);
        let open = d.array()?.filter(|n| *n < BLOCK as u64).ok_or_else(wrong)?;
        let one = |d: &mut Decoder<'_>| {
            let bytes = d.bytes()?.try_into().ok();
            bytes.and_then(Packed::from_bytes).ok_or_else(wrong)
        };
        let open = (0..open).map(|_| one(d)).collect::<Result<_, _>>()?;
        Ok(Self { secret, at, open })
    }
}

/// Count and root.
impl Stored for Place {
    fn expose_to<W: Write>(&self, e: &mut Encoder<W>) -> Result<(), EncodeError<W::Error>> {
        e.array(2)?.u64(self.count)?.bytes(&self.root.0)?.ok()
    }

    fn restore(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let wrong = || DecodeError::message("expected a place in a log of entries");
        d.array()?.filter(|n| *n == 2).ok_or_else(wrong)?;
        let (count, root) = (d.u64()?, FieldElement(d.bytes()?.try_into().map_err(|_| wrong())?));
        circuits::digest::element(&root).ok_or_else(wrong)?;
        Ok(Self { count, root })
    }
}

fn row(d: &mut Decoder<'_>) -> Result<Zeroizing<Vec<u64>>, DecodeError> {
    let length = d.array()?.and_then(|n| usize::try_from(n).ok()).filter(|n| *n <= MAX_COUNTERS);
    let length = length.ok_or_else(|| DecodeError::message("more counters than any schema has"))?;
    // Room for all of it at once: a vector that moves leaves its values behind.
    let mut row = Zeroizing::new(Vec::with_capacity(length));
    for _ in 0..length {
        row.push(d.u64()?);
    }
    Ok(row)
}

mod private {
    /// Kept to this crate's secrets.
    pub trait Sealed {}
    impl Sealed for crate::secret::HolderSecret {}
    impl Sealed for crate::totals::Totals {}
    impl Sealed for crate::cut::Cut {}
    impl Sealed for Option<crate::cut::Cut> {}
    impl Sealed for crate::entries::Entries {}
    impl Sealed for crate::entries::Place {}
}

#[cfg(test)]
mod tests {
    use messages::counter::{Counter, CounterIndex, Schema};
    use messages::ids::{PactHash, Salt, TallyId};
    use messages::segment::MOVED;
    use messages::signature::PublicKey;
    use messages::time::Epoch;
    use minicbor::{Decode, Encode};
    use proptest::prelude::*;

    use super::*;
    use crate::{BlindingContext, commit};

    static_assertions::assert_not_impl_any!(HolderSecret: Encode<()>, Decode<'static, ()>);
    static_assertions::assert_not_impl_any!(Totals: Encode<()>, Decode<'static, ()>);

    /// As a journal holds them.
    #[derive(Encode, Decode)]
    struct Record {
        #[n(0)]
        #[cbor(with = "crate::exposed")]
        totals: Totals,
        #[n(1)]
        #[cbor(with = "crate::exposed")]
        secret: HolderSecret,
    }

    fn schema(maxima: &[u64]) -> Schema {
        let counter = |max: &u64| Counter {
            name: String::new(),
            unit: "calls".into(),
            max: *max,
            bucket: None,
        };
        Schema { counters: maxima.iter().map(counter).collect() }
    }

    fn record(values: &[u64]) -> Record {
        let mut totals = Totals::new(&schema(&vec![u64::MAX >> 1; values.len()]));
        let amounts: Vec<_> = (0..).map(CounterIndex).zip(values.iter().copied()).collect();
        totals.add(&amounts).unwrap();
        Record { totals, secret: HolderSecret::from_bytes([9; 32]) }
    }

    proptest! {
        #[test]
        fn what_was_stored_goes_on_as_it_was(
            values in prop::collection::vec(0..u64::MAX >> 2, 0..9),
            adds in prop::collection::vec((0u16..10, any::<u64>()), 0..9),
        ) {
            let mut kept = record(&values);
            let bytes = minicbor::to_vec(&kept).unwrap();
            let mut again: Record = minicbor::decode(&bytes).unwrap();
            for add in adds {
                let add = [(CounterIndex(add.0), add.1)];
                prop_assert_eq!(kept.totals.add(&add), again.totals.add(&add));
            }
            let more = schema(&[vec![u64::MAX >> 1; values.len()], vec![1]].concat());
            prop_assert!(kept.totals.extend(&more) && again.totals.extend(&more));
            prop_assert_eq!(kept.totals.expose(), again.totals.expose());
            prop_assert_eq!(minicbor::to_vec(&kept).unwrap(), minicbor::to_vec(&again).unwrap());
        }

        #[test]
        fn any_bytes_are_a_secret_or_none(noise in prop::collection::vec(any::<u8>(), 0..96)) {
            drop(minicbor::decode::<Record>(&noise));
        }
    }

    #[test]
    fn openings_need_no_storing() {
        let context = BlindingContext {
            root_pact: PactHash([1; 32]),
            tally: TallyId([2; 32]),
            epoch: Epoch(3),
            salt: Salt([4; 32]),
            boot_key: PublicKey([5; 32]),
        };
        let first = record(&[0, 7, 1 << 40]);
        let bytes = minicbor::to_vec(&first).unwrap();
        let again: Record = minicbor::decode(&bytes).unwrap();
        let [a, b] = [first, again].map(|r| {
            commit(&r.totals, (&[None; MOVED], Place::start()), None, &r.secret, &context)
        });
        assert_eq!(a.root(), b.root());
        assert_eq!(a.commitments(), b.commitments());
        for at in (0..3).map(CounterIndex) {
            assert_eq!(a.expose_value(at), b.expose_value(at));
            let [a, b] = [&a, &b].map(|o| o.expose_blinding(at).unwrap().expose());
            assert_eq!(a, b);
        }
    }

    #[test]
    fn totals_past_their_maxima_do_not_come_back() {
        let store = |values: &[u64], maxima: &[u64]| {
            let secret = [9; 32];
            minicbor::to_vec(((values, maxima), minicbor::bytes::ByteArray::from(secret))).unwrap()
        };
        let read = |bytes: &[u8]| minicbor::decode::<Record>(bytes).is_ok();
        assert!(read(&store(&[3, 4], &[3, 5])));
        assert!(!read(&store(&[3, 6], &[3, 5])));
        assert!(!read(&store(&[3], &[3, 5])));
        let many = vec![0; MAX_COUNTERS + 1];
        assert!(!read(&store(&many, &many)));
    }
}
