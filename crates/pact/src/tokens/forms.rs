//! Canonical forms: two ways of writing one value have one.

use rust_decimal::Decimal;

/// Pieces of text between spaces and separators, without the punctuation around them. A comma
/// between thousands does not separate.
pub(crate) fn chunks(text: &str) -> impl Iterator<Item = &str> {
    Pieces { rest: text }
        .map(|chunk| {
            let chunk = chunk.trim_matches(|c| PUNCTUATION.contains(c));
            let chunk = chunk.strip_suffix("'s").unwrap_or(chunk);
            if chunk.len() > 1 { chunk.trim_end_matches('/') } else { chunk }
        })
        .filter(|chunk| !chunk.is_empty())
}

struct Pieces<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() {
            return None;
        }
        let mut before = ' ';
        for (at, c) in self.rest.char_indices() {
            let separates = c.is_whitespace() || SEPARATORS.contains(c);
            let after = self.rest.get(at.saturating_add(c.len_utf8())..).unwrap_or_default();
            if separates && !(c == ',' && before.is_ascii_digit() && thousands(after)) {
                let piece = self.rest.get(..at);
                self.rest = after;
                return piece;
            }
            before = c;
        }
        Some(core::mem::take(&mut self.rest))
    }
}

/// Three digits and no fourth.
fn thousands(after: &str) -> bool {
    let digits = after.bytes().take_while(u8::is_ascii_digit).take(4).count();
    digits == 3
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
        // One address and nothing beside it.
        if lower.contains(|c: char| c.is_whitespace() || SEPARATORS.contains(c)) {
            return None;
        }
        let (scheme, after) = match lower.split_once("://") {
            Some((scheme, after)) => (scheme, after),
            None => ("", lower),
        };
        let end = after.find(['/', '?', '#', '\\']).unwrap_or(after.len());
        let (authority, rest) = after.split_at_checked(end)?;
        // What stands before an @ in an address is not its host; without a scheme it is none.
        if scheme.is_empty() && authority.contains('@') {
            return None;
        }
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

    pub(crate) fn canonical(&self) -> String {
        format!("{}://{}{}", self.scheme, self.host, self.rest)
    }
}

/// The host of an email address, a web address or a host name in lower case.
pub(crate) fn host(lower: &str) -> Option<&str> {
    let mail = email(lower).and_then(|e| e.split_once('@')).map(|(_, host)| host);
    mail.or_else(|| Url::parse(lower).map(|u| u.host))
}

/// Whether a host is `domain` or within it (RFC 6265 section 5.1.3).
pub(crate) fn is_under(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn is_host(host: &str) -> bool {
    let label = |l: &str| {
        let plain = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
        !l.is_empty() && l.chars().all(plain) && !l.starts_with('-')
    };
    host.len() <= 253 && host.contains('.') && host.split('.').all(label)
}

fn known_top(host: &str) -> bool {
    host.rsplit_once('.').is_some_and(|(_, top)| {
        let country = top.len() == 2 && top.bytes().all(|b| b.is_ascii_alphabetic());
        TOP_DOMAINS.contains(&top) || country && !EXTENSIONS.contains(&top)
    })
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

pub(crate) fn spaced_iban(text: &str) -> Option<String> {
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
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b".-,".contains(&b));
    if !plain || text.is_empty() || text.len() > 24 {
        return None;
    }
    let text: String = text.chars().filter(|c| *c != ',').collect();
    text.parse::<Decimal>().ok().map(|d| d.normalize())
}

/// The digits of a telephone number: international, or in at least three groups.
pub(crate) fn phone(text: &str) -> Option<String> {
    let text = text.trim();
    let international = text.starts_with('+');
    let bare = text.strip_prefix('+').unwrap_or(text);
    // An address of a machine has groups of digits as well.
    let machine = text.parse::<core::net::IpAddr>().is_ok();
    if machine || !bare.bytes().all(|b| b.is_ascii_digit() || b" -.()/".contains(&b)) {
        return None;
    }
    let groups = || bare.split(|c: char| !c.is_ascii_digit()).filter(|g| !g.is_empty());
    let digits: String = groups().collect();
    // A date is in three groups as well.
    let grouped = groups().count() >= 3 && digits.len() >= 9;
    ((8..=15).contains(&digits.len()) && (international || grouped)).then_some(digits)
}

/// A day, from `2024-05-26`, a moment that starts so, or `26.05.2024`.
pub(crate) fn day(text: &str) -> Option<jiff::civil::Date> {
    let text = text.trim();
    let rest = text.get(10..).unwrap_or_default();
    let moment = rest.bytes().all(|b| b.is_ascii_digit() || b"Tt Zz:.+-".contains(&b))
        && rest.bytes().next().is_none_or(|b| matches!(b, b'T' | b't' | b' '));
    let iso = text.get(..10).filter(|_| moment);
    if let Some(day) = iso.and_then(|t| t.parse().ok()) {
        return Some(day);
    }
    let mut parts = text.split('.');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    (parts.next().is_none() && year.len() == 4).then(|| date(day, month, year))?
}

/// A day from three neighbouring words: `May 26th 2024` or `26 May 2024`.
pub(crate) fn day_in_words(words: [&str; 3]) -> Option<jiff::civil::Date> {
    let [first, second, year] = words;
    let (month, day) = match (month(first), month(second)) {
        (Some(month), _) => (month, second),
        (None, Some(month)) => (month, first),
        (None, None) => return None,
    };
    let day = ["st", "nd", "rd", "th"].iter().find_map(|e| day.strip_suffix(e)).unwrap_or(day);
    (year.len() == 4).then(|| date(day, &month.to_string(), year))?
}

fn date(day: &str, month: &str, year: &str) -> Option<jiff::civil::Date> {
    jiff::civil::Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

fn month(word: &str) -> Option<i8> {
    let at = MONTHS
        .iter()
        .position(|m| m == &word || word.len() >= 3 && word != "mayor" && m.starts_with(word));
    at.and_then(|at| i8::try_from(at.saturating_add(1)).ok())
}

/// Whether a path stays on this machine and below here: no host, share, drive or user in it.
pub(crate) fn is_local(lower: &str) -> bool {
    let text = lower.trim();
    let outside = text.starts_with("//") || text.starts_with("\\\\") || text.contains([':', '@']);
    let mut folders = text.rsplit(['/', '\\']).skip(1);
    !outside && !folders.any(is_host)
}

/// A file path: `/` between its parts, no empty part, and no web address. Without a `/`, a file
/// name with an extension.
pub(crate) struct FilePath<'a> {
    pub(crate) canonical: String,
    pub(crate) name: &'a str,
}

impl<'a> FilePath<'a> {
    /// `lower` is in lower case.
    pub(crate) fn parse(lower: &'a str) -> Option<Self> {
        let text = lower.trim();
        if text.contains(':') || text.len() > 512 || text.contains(char::is_whitespace) {
            return None;
        }
        let parts = || text.split(['/', '\\']).filter(|p| !p.is_empty() && *p != ".");
        let name = parts().next_back()?;
        let extension = name.rsplit_once('.').is_some_and(|(stem, end)| {
            !stem.is_empty()
                && (1..=5).contains(&end.len())
                && end.bytes().all(|b| b.is_ascii_alphanumeric())
                && end.bytes().any(|b| b.is_ascii_alphabetic())
        });
        let path = text.contains(['/', '\\'])
            && parts().any(|p| p.bytes().any(|b| b.is_ascii_alphabetic()));
        if !path && !extension || parts().any(|p| p == "..") {
            return None;
        }
        Some(Self { canonical: parts().collect::<Vec<_>>().join("/"), name })
    }

    /// This path and every folder that it is in, the longest first.
    pub(crate) fn ancestors(&self) -> impl Iterator<Item = &str> {
        let ends = self.canonical.char_indices().rev().filter(|(_, c)| *c == '/').map(|(at, _)| at);
        core::iter::once(self.canonical.len())
            .chain(ends)
            .filter_map(|end| self.canonical.get(..end))
    }
}

const PUNCTUATION: &str = ".:!?*'_~#^=";
const SEPARATORS: &str = ",;|\"<>()[]{}`\u{201c}\u{201d}\u{2018}\u{2019}";
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
/// Endings of file names that look like countries.
const EXTENSIONS: &[&str] =
    &["ai", "bz", "cc", "cs", "gz", "js", "md", "pl", "ps", "py", "rb", "rs", "sh", "so", "ts"];
const TOP_DOMAINS: &[&str] = &[
    "info", "biz", "online", "site", "shop", "xyz", "cloud", "com", "org", "net", "edu", "gov",
    "io", "co", "ch", "de", "eu", "uk", "dev", "app", "example",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_hidden_behind_credentials_is_the_real_one() {
        assert_eq!(host("https://good.com@evil.com/x"), Some("evil.com"));
        assert_eq!(host("https://evil.com\\@good.com"), Some("evil.com"));
        assert_eq!(host("bob@good.com"), Some("good.com"));
        for none in ["eve@evil.example, bob@good.com", "mailto:bob@good.com?bcc=eve@evil.example"] {
            assert_eq!(host(none), None, "{none}");
        }
        assert_eq!(host("good.com.evil.net"), Some("good.com.evil.net"));
    }

    #[test]
    fn a_comma_between_thousands_does_not_separate() {
        let pieces = |text| chunks(text).collect::<Vec<_>>();
        assert_eq!(pieces("pay $1,235.60, now"), ["pay", "$1,235.60", "now"]);
        assert_eq!(pieces("1,2,3 and 1,2345"), ["1", "2", "3", "and", "1", "2345"]);
        assert_eq!(number("$1,235.60"), number("1235.6"));
    }

    #[test]
    fn one_day_has_one_form() {
        let may = Some(jiff::civil::date(2024, 5, 26));
        assert_eq!(day("2024-05-26 10:00"), may);
        assert_eq!(day("2024-05-26 <eve@evil.example>"), None);
        assert_eq!(day("26.05.2024"), may);
        assert_eq!(day_in_words(["may", "26th", "2024"]), may);
        assert_eq!(day_in_words(["26", "may", "2024"]), may);
        for none in ["2024-13-01", "2024-05-2", "2024-05-261", "1.2.3", "words"] {
            assert_eq!(day(none), None, "{none}");
        }
        assert_eq!(day_in_words(["mayor", "26", "2024"]), None);
    }

    #[test]
    fn phones_are_their_digits() {
        assert_eq!(phone("+41 (44) 668-18-00").as_deref(), Some("41446681800"));
        assert_eq!(phone("327-420-4923").as_deref(), Some("3274204923"));
        for none in ["192.168.10.11", "2024-05-26", "12345678901", "+1 2", "10.30", "call"] {
            assert_eq!(phone(none), None, "{none}");
        }
    }

    #[test]
    fn paths_are_their_parts() {
        let path = |text| FilePath::parse(text).map(|p| p.canonical);
        assert_eq!(path("/user//info/./a.txt").as_deref(), Some("user/info/a.txt"));
        assert_eq!(path("bill.txt").as_deref(), Some("bill.txt"));
        for none in ["word", "1/2", "../etc/passwd", "https://a.com/b", "3.5", "a b/c"] {
            assert_eq!(path(none), None, "{none}");
        }
        let deep = FilePath::parse("a/b/c.txt").unwrap();
        assert_eq!(deep.ancestors().collect::<Vec<_>>(), ["a/b/c.txt", "a/b", "a"]);
        assert_eq!(deep.name, "c.txt");
    }
}
