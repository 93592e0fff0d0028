//! Another value of the same type, and the tables that change every field of a structure.
#![expect(clippy::expect_used, reason = "a test that fails here says so")]

use messages::did::Did;
use messages::ids::{
    BodyDigest, BootId, Commitment, ConfigDigest, EvidenceId, FieldElement, LeafHash, PactHash,
    ProgramId, Root, Salt, SchemaHash, TallyId,
};
use messages::signature::{PublicKey, Signature};
use messages::time::{Epoch, Millis, UnixMillis};

use crate::fixture::party_did;

/// What can be made another value of its type.
pub(crate) trait Change {
    fn change(&mut self);
}

macro_rules! numbers {
    ($($number:ty),+) => {$(
        impl Change for $number {
            fn change(&mut self) {
                *self = self.wrapping_add(1);
            }
        }
    )+};
}

macro_rules! wrapped {
    ($($wrapper:ty),+) => {$(
        impl Change for $wrapper {
            fn change(&mut self) {
                self.0.change();
            }
        }
    )+};
}

numbers!(u8, u16, u32, u64, i64, usize);
wrapped!(
    BodyDigest,
    BootId,
    Commitment,
    ConfigDigest,
    EvidenceId,
    FieldElement,
    LeafHash,
    PactHash,
    ProgramId,
    Root,
    Salt,
    SchemaHash,
    TallyId,
    PublicKey,
    Signature,
    Epoch,
    Millis,
    UnixMillis,
    messages::ids::QueryId
);

impl<const N: usize> Change for [u8; N] {
    fn change(&mut self) {
        self.iter_mut().for_each(|byte| *byte ^= 0x10);
    }
}

impl Change for String {
    fn change(&mut self) {
        self.push('x');
    }
}

impl Change for Did {
    fn change(&mut self) {
        *self = party_did(usize::from(*self == party_did(0)));
    }
}

impl<T: Change> Change for Option<T> {
    fn change(&mut self) {
        self.as_mut().expect("a value is there to be changed").change();
    }
}

/// The first element becomes another.
impl<T: Change> Change for Vec<T> {
    fn change(&mut self) {
        self.first_mut().expect("an element is there to be changed").change();
    }
}

/// Steps that change the fields of one structure, one field a step. The pattern names every field
/// of it: one that is added does not compile until it is changed here, or stands under `except`.
macro_rules! fields {
    (
        $list:ident: $name:literal, $of:ty as $structure:path,
        |$case:ident, $change:ident| $reach:expr,
        { $($field:ident $(: |$value:ident| $by:expr)?,)+ }
        $(except { $($kept:ident,)+ })?
    ) => {
        pub(crate) const $list: &[(&str, crate::forge::Step)] = &[$((
            concat!("field-", $name, "-", stringify!($field)),
            |$case| {
                let $change = |structure: &mut $of| {
                    let $structure { $field, .. } = structure else { panic!("another variant") };
                    crate::change::fields!(@ $field $(|$value| $by)?);
                };
                $reach;
            },
        ),)+];
        const _: fn($of) = |structure| {
            if let $structure { $($field: _,)+ $($($kept: _,)+)? } = structure {}
        };
    };
    (@ $field:ident) => { crate::change::Change::change($field) };
    (@ $field:ident |$value:ident| $by:expr) => {{
        let $value = $field;
        $by;
    }};
}
pub(crate) use fields;
