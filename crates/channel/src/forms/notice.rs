//! Notices as server-sent events (WHATWG HTML, section 9.2): `id:` is the place in the journal,
//! `data:` the signed notice, base64 of its CBOR. The signature is the reader's to check. A stream
//! begins with the comment `: from SEQ`, the place in the journal after which all notices come;
//! notices are not kept, so what came before is read from the record.

use messages::codec::Wire;
use messages::receipt::Notice;

use super::encoding::Base64;
use super::request::FormError;

/// Media type of the stream.
pub const EVENT_STREAM: &str = "text/event-stream";
const MAX_LINE_BYTES: usize = 4 * 1024;

/// What the `data:` of a notice says.
#[must_use]
pub fn notice_data(notice: &Notice) -> String {
    Base64(notice.to_cbor()).text()
}

/// Takes a stream of server-sent events apart. Holds one line at most, of bounded length.
#[derive(Debug, Default)]
pub struct NoticeReader {
    line: Vec<u8>,
    notice: Option<Notice>,
    from: Option<u64>,
}

impl NoticeReader {
    /// The place in the journal after which not one notice is left out, once the stream said it.
    #[must_use]
    pub const fn from(&self) -> Option<u64> {
        self.from
    }

    /// Takes the next bytes of the stream; returns the notices that they complete.
    ///
    /// # Errors
    /// [`FormError`] for a line or a notice that is none: the stream is not to be read on.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Notice>, FormError> {
        let mut notices = Vec::new();
        for byte in bytes {
            if *byte != b'\n' {
                if self.line.len() >= MAX_LINE_BYTES {
                    return Err(FormError::TooLarge);
                }
                self.line.push(*byte);
                continue;
            }
            let line = std::mem::take(&mut self.line);
            let line = line.strip_suffix(b"\r").unwrap_or(&line);
            if line.is_empty() {
                notices.extend(self.notice.take());
            } else if let Some(data) = line.strip_prefix(b"data:") {
                self.notice = Some(notice(data.trim_ascii_start())?);
            } else if let (None, Some(from)) = (self.from, line.strip_prefix(b": from ")) {
                let digits = std::str::from_utf8(from).map_err(|_| FormError::Malformed)?;
                self.from = Some(digits.parse().map_err(|_| FormError::Malformed)?);
            }
            // Other comments, which keep the stream alive, and other fields say nothing more.
        }
        Ok(notices)
    }
}

fn notice(data: &[u8]) -> Result<Notice, FormError> {
    let text = std::str::from_utf8(data).map_err(|_| FormError::Malformed)?;
    let Base64(bytes) = Base64::parse(text).ok_or(FormError::Malformed)?;
    Notice::from_cbor(&bytes).map_err(|_| FormError::Malformed)
}
