//! Personal data that can be recognised by its form: counted, never kept.

use minicbor::{Decode, Encode};

use super::forms::{self, chunks};

/// Counts of detectable personal data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Pii {
    #[n(0)]
    pub(crate) email: u64,
    #[n(1)]
    pub(crate) iban: u64,
    #[n(2)]
    pub(crate) payment: u64,
    #[n(3)]
    pub(crate) phone: u64,
}

impl Pii {
    pub(crate) const fn any(self) -> u64 {
        self.email.saturating_add(self.iban).saturating_add(self.payment).saturating_add(self.phone)
    }

    /// The kinds that were found, by the names that pacts give them.
    pub(crate) fn kinds(self) -> impl Iterator<Item = &'static str> {
        let found = [
            (self.email, "email"),
            (self.iban, "iban"),
            (self.payment, "payment"),
            (self.phone, "phone"),
        ];
        found.into_iter().filter(|(n, _)| *n > 0).map(|(_, kind)| kind)
    }

    pub(crate) const fn add(&mut self, other: Self) {
        self.email = self.email.saturating_add(other.email);
        self.iban = self.iban.saturating_add(other.iban);
        self.payment = self.payment.saturating_add(other.payment);
        self.phone = self.phone.saturating_add(other.phone);
    }
}

/// Detectable personal data in `text`.
pub(crate) fn pii(text: &str) -> Pii {
    let mut pii = Pii::default();
    let mut digits = Digits::default();
    for chunk in chunks(text) {
        if chunk.contains('@') && forms::email(&chunk.to_lowercase()).is_some() {
            pii.email = pii.email.saturating_add(1);
        } else if forms::iban(chunk).is_some() {
            pii.iban = pii.iban.saturating_add(1);
        }
        digits.take(chunk, &mut pii);
    }
    digits.end(&mut pii);
    if forms::spaced_iban(text).is_some() {
        pii.iban = pii.iban.saturating_add(1);
    }
    pii
}

/// Neighbouring pieces of digits: card numbers and telephone numbers are often written apart.
#[derive(Default)]
pub(crate) struct Digits {
    run: String,
    international: bool,
    grouped: bool,
}

impl Digits {
    pub(crate) fn take(&mut self, chunk: &str, pii: &mut Pii) {
        let bare = chunk.strip_prefix('+').unwrap_or(chunk);
        let part =
            bare.len() <= 23 && bare.bytes().all(|b| b.is_ascii_digit() || b == b'-' || b == b'.');
        if !part || bare.is_empty() || self.run.len() >= 19 {
            self.end(pii);
            return;
        }
        if bare.len() < chunk.len() {
            self.end(pii);
            self.international = true;
        }
        self.grouped |= forms::phone(chunk).is_some();
        self.run.extend(chunk.chars().filter(char::is_ascii_digit));
    }

    pub(crate) fn end(&mut self, pii: &mut Pii) {
        let international = self.international && (8..=15).contains(&self.run.len());
        if international || self.grouped {
            pii.phone = pii.phone.saturating_add(1);
        } else if (13..=19).contains(&self.run.len()) && luhn(&self.run) {
            pii.payment = pii.payment.saturating_add(1);
        }
        *self = Self::default();
    }
}

fn luhn(digits: &str) -> bool {
    let sum = digits.bytes().rev().enumerate().fold(0u32, |sum, (place, b)| {
        let digit = u32::from(b.saturating_sub(b'0'));
        let value = match (place & 1, digit) {
            (0, d) => d,
            (_, d @ 0..=4) => d.saturating_mul(2),
            (_, d) => d.saturating_mul(2).saturating_sub(9),
        };
        sum.saturating_add(value)
    });
    sum.checked_rem(10) == Some(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_detectable_personal_data() {
        let found = pii("a@b.com, DE89370400440532013000 and 4111 1111 1111 1111.");
        assert_eq!(found, Pii { email: 1, iban: 1, payment: 1, phone: 0 });
        assert_eq!(pii("4111 1111 1111 1112"), Pii::default());
        assert_eq!(pii("call +41 44 668 18 00 or 327-420-4923").phone, 2);
        assert_eq!(pii("on 2024-05-19 at 10.30, 12 of 2024"), Pii::default());
    }
}
