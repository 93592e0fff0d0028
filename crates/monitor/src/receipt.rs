//! Receipts: what the monitor signs to have taken, so that it cannot lose it unseen.

use alloc::vec::Vec;

use messages::domain::Domain;
use messages::event::{Party, Receipt};
use messages::ids::{BootId, EventHash, SessionId};
use messages::signature::SigningKey;

/// The monitor's word that it holds a party's events.
pub(crate) fn sign_receipt(
    key: &SigningKey,
    boot: BootId,
    session: SessionId,
    party: Party,
    (count, head): (u64, EventHash),
    domain: Domain,
) -> Receipt {
    let bytes = Receipt::signed_bytes(&session, party, count, &head, &boot);
    let signature = key.sign(domain, &bytes);
    Receipt { session, party, count, head, boot, signature }
}

/// What a receipt says, without its signature.
pub(crate) fn receipt_bytes(receipt: &Receipt) -> Vec<u8> {
    Receipt::signed_bytes(
        &receipt.session,
        receipt.party,
        receipt.count,
        &receipt.head,
        &receipt.boot,
    )
}
