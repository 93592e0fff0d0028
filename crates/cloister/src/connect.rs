//! `cloister connect`.
pub(crate) mod book;
pub(crate) mod courier;
#[cfg(test)]
mod crashes;
pub(crate) mod outbox;
pub(crate) mod record;
pub(crate) mod session;
