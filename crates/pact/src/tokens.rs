//! Keyed tokens: what a state remembers of text instead of the text.
//!
//! Every token is SipHash-2-4 under the session's key of a canonical form: words in lower case,
//! email addresses, web addresses and hosts, account numbers, exact numbers. Two values are taken
//! to be the same exactly when their canonical forms are.

use core::hash::Hasher;

use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};
use rust_decimal::Decimal;
use serde_json::Value;
use siphasher::sip::SipHasher24;
use zeroize::Zeroizing;

/// The key of one session's tokens; it leaves the state for a sealed journal only. Erased on
/// drop.
pub(crate) struct TokenKey(Zeroizing<[u8; 16]>);

/// What a token stands for.
#[derive(Clone, Copy)]
pub(crate) enum Form {
    CallId = 1,
    Email = 2,
    Field = 3,
    Host = 4,
    Iban = 5,
    Number = 6,
    Stem = 7,
    Url = 8,
    Word = 9,
    Under = 10,
}

/// Tokens of one stretch of text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tokens {
    /// Words in order.
    pub(crate) words: Vec<u64>,
    /// Canonical forms found in it.
    pub(crate) typed: Vec<u64>,
    /// Detectable personal data in it.
    pub(crate) pii: Pii,
}

/// Counts of detectable personal data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pii {
    pub(crate) email: u64,
    pub(crate) iban: u64,
    pub(crate) payment: u64,
}

impl Pii {
    pub(crate) const fn any(self) -> u64 {
        self.email.saturating_add(self.iban).saturating_add(self.payment)
    }

    pub(crate) const fn add(&mut self, other: Self) {
        self.email = self.email.saturating_add(other.email);
        self.iban = self.iban.saturating_add(other.iban);
        self.payment = self.payment.saturating_add(other.payment);
    }
}

impl TokenKey {
    pub(crate) fn new(key: &[u8; 16]) -> Self {
        Self(Zeroizing::new(*key))
    }

    fn hasher(&self) -> SipHasher24 {
        SipHasher24::new_with_key(&self.0)
    }

    pub(crate) fn token(&self, form: Form, text: &str) -> u64 {
        let mut hash = self.hasher();
        hash.write(&[form as u8]);
        hash.write(text.as_bytes());
        hash.finish()
    }

    /// One token of a whole run of words.
    pub(crate) fn whole(&self, words: &[u64]) -> u64 {
        let mut hash = self.hasher();
        hash.write(&[Form::Field as u8]);
        words.iter().for_each(|w| hash.write(&w.to_be_bytes()));
        hash.finish()
    }

    /// `inner` as seen under the place numbered `place`.
    pub(crate) fn under(&self, place: u64, inner: u64) -> u64 {
        let mut hash = self.hasher();
        hash.write(&[Form::Under as u8]);
        hash.write(&place.to_be_bytes());
        hash.write(&inner.to_be_bytes());
        hash.finish()
    }

    /// The words of `text` alone.
    pub(crate) fn words(&self, text: &str) -> Vec<u64> {
        chunks(text).map(|c| self.token(Form::Word, &c.to_lowercase())).collect()
    }

    /// All that is recognised in `text`.
    pub(crate) fn read(&self, text: &str) -> Tokens {
        let mut tokens = Tokens::default();
        let mut digits = String::new();
        for chunk in chunks(text) {
            let lower = chunk.to_lowercase();
            tokens.words.push(self.token(Form::Word, &lower));
            if let Some(email) = email(&lower) {
                tokens.typed.push(self.token(Form::Email, email));
                tokens.pii.email = tokens.pii.email.saturating_add(1);
            } else if let Some(url) = Url::parse(&lower) {
                tokens.typed.push(self.token(Form::Url, &url.canonical()));
                tokens.typed.push(self.token(Form::Host, url.host));
            } else if let Some(iban) = iban(chunk) {
                tokens.typed.push(self.token(Form::Iban, &iban));
                tokens.pii.iban = tokens.pii.iban.saturating_add(1);
            } else if let Some(number) = number(&lower) {
                tokens.typed.push(self.token(Form::Number, &number.to_string()));
            }
            count_card(&mut digits, chunk, &mut tokens.pii);
        }
        close_card(&mut digits, &mut tokens.pii);
        if let Some(iban) = spaced_iban(text) {
            tokens.typed.push(self.token(Form::Iban, &iban));
            tokens.pii.iban = tokens.pii.iban.saturating_add(1);
        }
        tokens
    }

    /// Crude stems of the words of `text`: `cancelled`, `cancelling` and `cancel` share one.
    pub(crate) fn stems(&self, text: &str) -> Vec<u64> {
        chunks(text).map(|c| self.token(Form::Stem, stem(&c.to_lowercase()))).collect()
    }

    /// The one canonical form that a whole value is, when it is one.
    pub(crate) fn canonical(&self, text: &str) -> Option<u64> {
        let lower = text.trim().to_lowercase();
        if let Some(email) = email(&lower) {
            Some(self.token(Form::Email, email))
        } else if let Some(url) = Url::parse(&lower) {
            Some(self.token(Form::Url, &url.canonical()))
        } else if let Some(iban) = iban(text).or_else(|| spaced_iban(text)) {
            Some(self.token(Form::Iban, &iban))
        } else {
            number(&lower).map(|n| self.token(Form::Number, &n.to_string()))
        }
    }

    /// The host of a value that is an email address, a web address or a host name.
    pub(crate) fn host(&self, text: &str) -> Option<u64> {
        host(&text.trim().to_lowercase()).map(|h| self.token(Form::Host, h))
    }
}

impl<C> Encode<C> for TokenKey {
    fn encode<W: encode::Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.bytes(&*self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for TokenKey {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        let key = d.bytes()?.try_into();
        key.map(Self::new).map_err(|_| decode::Error::message("expected a key of 16 bytes"))
    }
}

/// The host of an email address, a web address or a host name in lower case.
pub(crate) fn host(lower: &str) -> Option<&str> {
    let mail = email(lower).and_then(|e| e.split_once('@')).map(|(_, host)| host);
    mail.or_else(|| Url::parse(lower).map(|u| u.host))
}

/// Detectable personal data in `text`.
pub(crate) fn pii(text: &str) -> Pii {
    let mut pii = Pii::default();
    let mut digits = String::new();
    for chunk in chunks(text) {
        if chunk.contains('@') && email(&chunk.to_lowercase()).is_some() {
            pii.email = pii.email.saturating_add(1);
        } else if iban(chunk).is_some() {
            pii.iban = pii.iban.saturating_add(1);
        }
        count_card(&mut digits, chunk, &mut pii);
    }
    close_card(&mut digits, &mut pii);
    if spaced_iban(text).is_some() {
        pii.iban = pii.iban.saturating_add(1);
    }
    pii
}

/// Pieces of text between spaces and separators, without the punctuation around them.
pub(crate) fn chunks(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || SEPARATORS.contains(c))
        .map(|chunk| {
            let chunk = chunk.trim_matches(|c| PUNCTUATION.contains(c));
            let chunk = chunk.strip_suffix("'s").unwrap_or(chunk);
            if chunk.len() > 1 { chunk.trim_end_matches('/') } else { chunk }
        })
        .filter(|chunk| !chunk.is_empty())
}

/// A text value as it is compared: numbers and booleans by their exact text.
pub(crate) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) => exact(value).map(|d| d.normalize().to_string()),
        Value::Array(_) | Value::Bool(_) | Value::Null | Value::Object(_) => None,
    }
}

/// The exact value of a JSON number or of a decimal string.
pub(crate) fn exact(value: &Value) -> Option<Decimal> {
    match value {
        Value::Number(n) => {
            let text = n.to_string();
            text.parse().ok().or_else(|| Decimal::from_scientific(&text).ok())
        }
        Value::String(text) => crate::document::scalar::Exact::parse(text).map(|e| e.0),
        Value::Array(_) | Value::Bool(_) | Value::Null | Value::Object(_) => None,
    }
}

/// An email address in lower case: one `@`, a dotted host.
pub(crate) fn email(lower: &str) -> Option<&str> {
    let text = lower.strip_prefix("mailto:").unwrap_or(lower);
    let (user, host) = text.split_once('@')?;
    let user_ok =
        !user.is_empty() && user.chars().all(|c| c.is_alphanumeric() || "._%+-'".contains(c));
    (user_ok && is_host(host)).then_some(text)
}

/// A web address in lower case, with or without a scheme.
pub(crate) struct Url<'a> {
    scheme: &'a str,
    pub(crate) host: &'a str,
    rest: &'a str,
}

impl<'a> Url<'a> {
    pub(crate) fn parse(lower: &'a str) -> Option<Self> {
        let (scheme, after) = match lower.split_once("://") {
            Some((scheme, after)) => (scheme, after),
            None => ("", lower),
        };
        let end = after.find(['/', '?', '#']).unwrap_or(after.len());
        let (authority, rest) = after.split_at_checked(end)?;
        // What stands before an @ in an address is not its host.
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let host = authority.split_once(':').map_or(authority, |(host, _)| host);
        let host = host.trim_end_matches('.');
        let plausible = !scheme.is_empty() || host.starts_with("www.") || known_top(host);
        (plausible && is_host(host)).then(|| Self {
            scheme: if scheme.is_empty() || scheme == "http" { "https" } else { scheme },
            host: host.strip_prefix("www.").unwrap_or(host),
            rest: rest.trim_end_matches('/'),
        })
    }

    fn canonical(&self) -> String {
        format!("{}://{}{}", self.scheme, self.host, self.rest)
    }
}

fn is_host(host: &str) -> bool {
    let label = |l: &str| {
        !l.is_empty() && l.chars().all(|c| c.is_alphanumeric() || c == '-') && !l.starts_with('-')
    };
    host.len() <= 253 && host.contains('.') && host.split('.').all(label)
}

fn known_top(host: &str) -> bool {
    host.rsplit_once('.').is_some_and(|(_, top)| TOP_DOMAINS.contains(&top))
}

/// An account number (ISO 13616 shape), upper case without spaces. The check digits are not
/// demanded: a wrong number is still an account number to compare.
pub(crate) fn iban(text: &str) -> Option<String> {
    let compact: String = text.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    let compact = compact.to_ascii_uppercase();
    let mut bytes = compact.bytes();
    let country = bytes.by_ref().take(2).all(|b| b.is_ascii_uppercase());
    let check = bytes.by_ref().take(2).all(|b| b.is_ascii_digit());
    let rest = bytes.all(|b| b.is_ascii_alphanumeric());
    let digits = compact.bytes().filter(u8::is_ascii_digit).count();
    ((15..=34).contains(&compact.len()) && country && check && rest && digits >= 10)
        .then_some(compact)
}

fn spaced_iban(text: &str) -> Option<String> {
    let text = text.trim();
    text.contains(' ').then(|| iban(text))?
}

/// An exact number: currency signs and thousands separators removed.
pub(crate) fn number(lower: &str) -> Option<Decimal> {
    let text = lower.trim_matches(|c: char| "$€£¥%".contains(c));
    let text = ["eur", "usd", "chf", "gbp"].iter().fold(text, |t, unit| {
        let t = t.strip_suffix(unit).unwrap_or(t);
        t.strip_prefix(unit).unwrap_or(t)
    });
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b'-');
    if !plain || text.is_empty() || text.len() > 24 {
        return None;
    }
    text.parse::<Decimal>().ok().map(|d| d.normalize())
}

fn count_card(digits: &mut String, chunk: &str, pii: &mut Pii) {
    let card_part = chunk.len() <= 23 && chunk.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    if card_part && digits.len() < 19 {
        digits.extend(chunk.chars().filter(char::is_ascii_digit));
    } else {
        close_card(digits, pii);
    }
}

fn close_card(digits: &mut String, pii: &mut Pii) {
    if (13..=19).contains(&digits.len()) && luhn(digits) {
        pii.payment = pii.payment.saturating_add(1);
    }
    digits.clear();
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

fn stem(word: &str) -> &str {
    let mut stem = word;
    for ending in ["ing", "ed", "es", "s"] {
        if let Some(short) = word.strip_suffix(ending).filter(|s| s.len() >= 3) {
            stem = short;
            break;
        }
    }
    let stem = stem.strip_suffix('e').filter(|s| s.len() >= 3).unwrap_or(stem);
    let mut last = stem.chars().rev();
    match (last.next(), last.next()) {
        (Some(a), Some(b)) if a == b && stem.len() > 3 => stem.strip_suffix(a).unwrap_or(stem),
        _ => stem,
    }
}

const PUNCTUATION: &str = ".:!?*'_~#^=";
const SEPARATORS: &str = ",;|\"<>()[]{}`\u{201c}\u{201d}\u{2018}\u{2019}";
const TOP_DOMAINS: &[&str] = &[
    "com", "org", "net", "edu", "gov", "io", "co", "ch", "de", "eu", "uk", "dev", "app", "example",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_has_one_canonical_form() {
        let key = TokenKey::new(&[1; 16]);
        let same = |a, b| key.canonical(a).is_some() && key.canonical(a) == key.canonical(b);
        assert!(same("Bob@Example.com", "mailto:bob@example.com"));
        assert!(same("http://www.Example.com/", "https://example.com"));
        assert!(same("DE89 3704 0044 0532 0130 00", "de89370400440532013000"));
        assert!(same("100.00", "100"));
        assert!(same("$1250", "1250.0"));
        assert!(!same("https://example.com/a", "https://example.com/b"));
        assert!(!same("https://good.com@evil.com", "https://good.com"));
    }

    #[test]
    fn a_host_hidden_behind_credentials_is_the_real_one() {
        assert_eq!(host("https://good.com@evil.com/x"), Some("evil.com"));
        assert_eq!(host("bob@good.com"), Some("good.com"));
        assert_eq!(host("good.com.evil.net"), Some("good.com.evil.net"));
    }

    #[test]
    fn counts_detectable_personal_data() {
        let key = TokenKey::new(&[1; 16]);
        let tokens = key.read("a@b.com, DE89370400440532013000 and 4111 1111 1111 1111.");
        assert_eq!(tokens.pii, Pii { email: 1, iban: 1, payment: 1 });
        assert_eq!(key.read("4111 1111 1111 1112").pii.payment, 0);
    }

    #[test]
    fn stems_join_the_forms_of_a_word() {
        let forms = ["cancel", "cancelled", "canceling", "cancels"];
        assert!(forms.iter().all(|f| stem(f) == "cancel"), "{:?}", forms.map(stem));
        assert_eq!(stem("delete"), stem("deleting"));
    }
}
