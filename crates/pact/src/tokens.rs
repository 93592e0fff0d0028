//! Keyed tokens: what a state remembers of text instead of the text.
//!
//! Every token is SipHash-2-4 under the session's key of a canonical form: words in lower case,
//! email addresses, web addresses and hosts, account numbers, telephone numbers, days, file paths
//! and names, exact numbers. Two values are taken to be the same exactly when their canonical
//! forms are.

use core::hash::Hasher;

use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};
use rust_decimal::Decimal;
use serde_json::Value;
use siphasher::sip::SipHasher24;
use zeroize::Zeroizing;

mod forms;
mod names;
mod personal;

pub(crate) use forms::{FilePath, Url, chunks, email, host, iban, is_local, is_under, phone};
use forms::{day, day_in_words, number, spaced_iban};
use personal::Digits;
pub(crate) use personal::{Pii, pii};

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
    Day = 11,
    FileName = 12,
    Path = 13,
    Phone = 14,
    Name = 15,
    Piece = 16,
    InitiatorsDelegate = 17,
    ProvidersDelegate = 18,
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

/// A piece of a text.
pub(crate) struct PieceWithin {
    pub(crate) token: u64,
    pub(crate) words: Vec<u64>,
}

/// Enough letters and digits to tell one text from another.
fn telling(words: &[&str]) -> bool {
    let signs = words.iter().flat_map(|w| w.chars()).filter(|c| c.is_alphanumeric()).count();
    signs >= 4
}

/// Words in a piece of a longer text.
const PIECE: usize = 4;

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

    /// `whole` as a field of its own, which no word of a longer text is.
    pub(crate) fn field(&self, whole: u64) -> u64 {
        self.under(u64::MAX, whole)
    }

    /// The words of `text` alone.
    pub(crate) fn words(&self, text: &str) -> Vec<u64> {
        chunks(text).map(|c| self.token(Form::Word, &c.to_lowercase())).collect()
    }

    /// All that is recognised in `text`.
    pub(crate) fn read(&self, text: &str) -> Tokens {
        let mut tokens = Tokens::default();
        let mut digits = Digits::default();
        let mut last = [String::new(), String::new()];
        for chunk in chunks(text) {
            let lower = chunk.to_lowercase();
            tokens.words.push(self.token(Form::Word, &lower));
            self.recognise(chunk, &lower, &mut tokens);
            let [before, previous] = &last;
            if lower.len() == 4
                && let Some(day) = day_in_words([before, previous, &lower])
            {
                tokens.typed.push(self.token(Form::Day, &day.to_string()));
            }
            digits.take(chunk, &mut tokens.pii);
            let [_, previous] = last;
            last = [previous, lower];
        }
        digits.end(&mut tokens.pii);
        if let Some(iban) = spaced_iban(text) {
            tokens.typed.push(self.token(Form::Iban, &iban));
            tokens.pii.iban = tokens.pii.iban.saturating_add(1);
        } else if let Some(phone) = phone(text).filter(|_| text.trim().contains(' ')) {
            tokens.typed.push(self.token(Form::Phone, &phone));
        }
        tokens
    }

    fn recognise(&self, chunk: &str, lower: &str, tokens: &mut Tokens) {
        let before = tokens.typed.len();
        self.recognise_whole(chunk, lower, tokens);
        // Behind a label: `Website:www.example.com`.
        if tokens.typed.len() == before
            && let (Some((_, chunk)), Some((_, lower))) =
                (chunk.split_once(':'), lower.split_once(':'))
        {
            self.recognise_whole(chunk, lower, tokens);
        }
    }

    fn recognise_whole(&self, chunk: &str, lower: &str, tokens: &mut Tokens) {
        // No form is made of letters alone.
        if chunk.bytes().all(|b| b.is_ascii_alphabetic()) {
            return;
        }
        let typed = &mut tokens.typed;
        if let Some(email) = email(lower) {
            typed.push(self.token(Form::Email, email));
            tokens.pii.email = tokens.pii.email.saturating_add(1);
        } else if let Some(url) = Url::parse(lower) {
            typed.push(self.token(Form::Url, &url.canonical()));
            typed.push(self.token(Form::Host, url.host));
            if let Some(path) =
                FilePath::parse(lower).filter(|p| !lower.contains('/') && p.name == lower)
            {
                typed.push(self.token(Form::FileName, path.name));
            }
        } else if let Some(iban) = iban(chunk) {
            typed.push(self.token(Form::Iban, &iban));
            tokens.pii.iban = tokens.pii.iban.saturating_add(1);
        } else if let Some(number) = number(lower) {
            typed.push(self.token(Form::Number, &number.to_string()));
        } else if let Some(day) = day(lower) {
            typed.push(self.token(Form::Day, &day.to_string()));
        } else if let Some(phone) = phone(chunk) {
            typed.push(self.token(Form::Phone, &phone));
        } else if let Some(path) = FilePath::parse(lower) {
            typed.push(self.token(Form::Path, &path.canonical));
            typed.push(self.token(Form::FileName, path.name));
        }
    }

    /// The pieces by which a text is recognised elsewhere: its canonical forms; all of it when it
    /// is short; else each run of four words. What is too short to tell anything has none.
    pub(crate) fn pieces(&self, text: &str) -> Vec<u64> {
        let tokens = self.words(text);
        let words: Vec<&str> = chunks(text).collect();
        let mut pieces: Vec<u64> = self.forms_within(&words).map(|(token, _)| token).collect();
        if words.len() > PIECE {
            pieces.extend(tokens.windows(PIECE).map(|run| self.piece(run)));
        } else if telling(&words) {
            pieces.push(self.piece(&tokens));
        }
        pieces
    }

    /// Every piece that may stand in a text, with the words that it is made of.
    pub(crate) fn pieces_within(&self, text: &str) -> Vec<PieceWithin> {
        let tokens = self.words(text);
        let words: Vec<&str> = chunks(text).collect();
        let forms = self.forms_within(&words);
        let mut pieces: Vec<PieceWithin> =
            forms.map(|(token, word)| PieceWithin { token, words: vec![word] }).collect();
        for length in 1..=PIECE {
            for (run, words) in tokens.windows(length).zip(words.windows(length)) {
                if length == PIECE || telling(words) {
                    pieces.push(PieceWithin { token: self.piece(run), words: run.to_vec() });
                }
            }
        }
        pieces
    }

    /// Canonical forms of single words that tell something, with the word's own token.
    fn forms_within(&self, words: &[&str]) -> impl Iterator<Item = (u64, u64)> {
        let words = words.iter().filter(|word| telling(&[**word]));
        words.flat_map(|word| {
            let lower = word.to_lowercase();
            let mut tokens = Tokens::default();
            self.recognise(word, &lower, &mut tokens);
            let own = self.token(Form::Word, &lower);
            tokens.typed.into_iter().map(move |form| (form, own))
        })
    }

    fn piece(&self, words: &[u64]) -> u64 {
        let mut hash = self.hasher();
        hash.write(&[Form::Piece as u8]);
        words.iter().for_each(|w| hash.write(&w.to_be_bytes()));
        hash.finish()
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
        } else if let Some(number) = number(&lower) {
            Some(self.token(Form::Number, &number.to_string()))
        } else if let Some(day) = day(&lower) {
            Some(self.token(Form::Day, &day.to_string()))
        } else if let Some(phone) = phone(text) {
            Some(self.token(Form::Phone, &phone))
        } else {
            FilePath::parse(&lower).map(|path| self.token(Form::Path, &path.canonical))
        }
    }

    /// The name of a file that a whole value is.
    pub(crate) fn file_name(&self, text: &str) -> Option<u64> {
        let lower = text.trim().to_lowercase();
        let path = FilePath::parse(&lower).filter(|_| Url::parse(&lower).is_none())?;
        Some(self.token(Form::FileName, path.name))
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

pub(crate) fn stem(word: &str) -> &str {
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
    fn stems_join_the_forms_of_a_word() {
        let forms = ["cancel", "cancelled", "canceling", "cancels"];
        assert!(forms.iter().all(|f| stem(f) == "cancel"), "{:?}", forms.map(stem));
        assert_eq!(stem("delete"), stem("deleting"));
    }
}
