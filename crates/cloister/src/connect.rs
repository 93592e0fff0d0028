//! `cloister connect`.
pub(crate) mod book;
pub(crate) mod courier;
#[cfg(test)]
mod crashes;
pub(crate) mod desk;
pub(crate) mod ledger;
pub(crate) mod link;
pub(crate) mod outbox;
pub(crate) mod post;
pub(crate) mod record;
pub(crate) mod session;
pub(crate) mod tickets;
