//! The monitor's HTTP interface as forms: each [`Request`](messages::reply::Request) as a method, a
//! path and a body, each [`Reply`](messages::reply::Reply) as JSON, a refusal as a problem
//! (RFC 9457). Both ends read and write these, so neither can drift from the other.
//!
//! The forms hold no meaning of their own: signatures stand over the deterministic CBOR of the
//! values, and one value has one form. Nothing here does I/O or knows a connection.
//!
//! ```
//! # use cloister_channel as channel;
//! use channel::forms;
//! use messages::reply::Request;
//!
//! let http = forms::to_http(&Request::Consistency { old: 7, new: None }).unwrap();
//! assert_eq!(http.target, "/v1/consistency?old=7");
//! let read = forms::from_http(&http.method, &http.target, http.content_type, &http.body);
//! assert_eq!(read.unwrap(), Request::Consistency { old: 7, new: None });
//! ```

pub mod body;
pub mod decision;
pub mod encoding;
pub mod export;
pub mod notice;
#[cfg(feature = "openapi")]
pub mod openapi;
pub mod operation;
pub mod problem;
pub mod record;
pub mod reply;
pub mod request;
pub mod statement;
#[cfg(test)]
mod tests;

pub use decision::{Decision, MAX_WAIT, decision_from_json, prefer_wait, to_decision};
pub use export::{MAX_EXPORT_BYTES, export_answer};
pub use notice::{NoticeReader, notice_data};
pub use operation::Operation;
pub use problem::{PROBLEM_JSON, Problem};
pub use reply::{MAX_ANSWER_BYTES, from_json, to_json};
pub use request::{
    FormError, HttpRequest, JSON, MAX_BATCH_BYTES, MAX_BATCH_EVENTS, MAX_BODY_BYTES, NDJSON,
    batch_lines, from_http, to_batch, to_http,
};
