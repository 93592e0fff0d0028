//! What parties and monitor sign, as JSON: the signature stands over the deterministic CBOR of the
//! same values, never over the JSON, so a form is a way of writing and nothing more.

use messages::did::Did;
use messages::event::{Counts, Party};
use messages::ids::{BootId, EventHash, PactHash, Root, SessionId};
use messages::receipt::{BootCertificate, JournalHead, Receipt, Resumption, Ticket};
use messages::reply::{Action, Approval, ModeName, Open, Reinstatement, Statistic};
use messages::signature::{PublicKey, Signature};
use messages::time::UnixMillis;
use serde::{Deserialize, Serialize};

use super::encoding::Hex;

macro_rules! words {
    ($(#[$doc:meta])* $form:ident = $name:ident { $($variant:ident),* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(rename_all = "kebab-case")]
        #[expect(missing_docs, reason = "each is the word for the variant of the same name")]
        pub enum $form { $($variant),* }

        impl From<$name> for $form {
            fn from(name: $name) -> Self {
                match name { $($name::$variant => Self::$variant),* }
            }
        }

        impl From<$form> for $name {
            fn from(form: $form) -> Self {
                match form { $($form::$variant => Self::$variant),* }
            }
        }
    };
}

words! {
    /// What a call may do now.
    ActionForm = Action { Alert, Allow, Deny, Pause, Terminate }
}
words! {
    /// Enforcement modes by name.
    ModeForm = ModeName { Active, Interventionist, Passive }
}
words! {
    /// A party that reports events.
    PartyForm = Party { Initiator, Provider }
}

/// Opening of a session.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct OpenForm {
    /// Fresh random bytes.
    pub session: Hex<32>,
    /// Under which pact.
    pub pact: Hex<32>,
    /// For whom the initiator acts.
    #[cfg_attr(feature = "openapi", schema(value_type = String, max_length = 256))]
    pub principal: Did,
    /// The boot that the initiator talks to.
    pub boot: Hex<32>,
}

impl From<&Open> for OpenForm {
    fn from(open: &Open) -> Self {
        let Open { session, pact, principal, boot } = open;
        Self {
            session: Hex(session.0),
            pact: Hex(pact.0),
            principal: principal.clone(),
            boot: Hex(boot.0),
        }
    }
}

impl From<OpenForm> for Open {
    fn from(form: OpenForm) -> Self {
        Self {
            session: SessionId(form.session.0),
            pact: PactHash(form.pact.0),
            principal: form.principal,
            boot: BootId(form.boot.0),
        }
    }
}

/// A party's running or closing counts; the session is the one of the path.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CountsForm {
    /// Whose counts.
    pub party: PartyForm,
    /// Events that this party reported to the monitor, or tried to.
    pub sent: u64,
    /// Hash of the last of them; all zero for none.
    pub sent_head: Hex<32>,
    /// Events that this party received from its counterparty.
    pub received: u64,
    /// How many of `sent` went to the counterparty.
    pub delivered: u64,
    /// The monitor's last receipt that this party holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<ReceiptForm>,
    /// True at close: nothing follows.
    pub closing: bool,
    /// Hash of the last event received; all zero for none.
    pub received_head: Hex<32>,
}

impl From<&Counts> for CountsForm {
    fn from(counts: &Counts) -> Self {
        Self {
            party: counts.party.into(),
            sent: counts.sent,
            sent_head: Hex(counts.sent_head.0),
            received: counts.received,
            delivered: counts.delivered,
            receipt: counts.receipt.as_ref().map(ReceiptForm::from),
            closing: counts.closing,
            received_head: Hex(counts.received_head.0),
        }
    }
}

impl CountsForm {
    /// The counts, in the session of the path.
    #[must_use]
    pub fn of(self, session: SessionId) -> Counts {
        Counts {
            session,
            party: self.party.into(),
            sent: self.sent,
            sent_head: EventHash(self.sent_head.0),
            received: self.received,
            delivered: self.delivered,
            receipt: self.receipt.map(Receipt::from),
            closing: self.closing,
            received_head: EventHash(self.received_head.0),
        }
    }
}

/// An overseer's decision on a paused call.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ApprovalForm {
    /// The session.
    pub session: Hex<32>,
    /// The paused call's event.
    pub call: Hex<32>,
    /// The overseer.
    #[cfg_attr(feature = "openapi", schema(value_type = String, max_length = 256))]
    pub overseer: Did,
    /// May it run?
    pub granted: bool,
}

impl From<&Approval> for ApprovalForm {
    fn from(approval: &Approval) -> Self {
        let Approval { session, call, overseer, granted } = approval;
        let (session, call) = (Hex(session.0), Hex(call.0));
        Self { session, call, overseer: overseer.clone(), granted: *granted }
    }
}

impl From<ApprovalForm> for Approval {
    fn from(form: ApprovalForm) -> Self {
        Self {
            session: SessionId(form.session.0),
            call: EventHash(form.call.0),
            overseer: form.overseer,
            granted: form.granted,
        }
    }
}

/// An overseer's decision to go on after a rollback.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ReinstatementForm {
    /// The pact.
    pub pact: Hex<32>,
    /// The boot that stopped it.
    pub boot: Hex<32>,
    /// The overseer.
    #[cfg_attr(feature = "openapi", schema(value_type = String, max_length = 256))]
    pub overseer: Did,
}

impl From<&Reinstatement> for ReinstatementForm {
    fn from(decision: &Reinstatement) -> Self {
        let Reinstatement { pact, boot, overseer } = decision;
        Self { pact: Hex(pact.0), boot: Hex(boot.0), overseer: overseer.clone() }
    }
}

impl From<ReinstatementForm> for Reinstatement {
    fn from(form: ReinstatementForm) -> Self {
        let (pact, boot) = (PactHash(form.pact.0), BootId(form.boot.0));
        Self { pact, boot, overseer: form.overseer }
    }
}

/// A private statistic of one day.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct StatisticForm {
    /// Root pact of the sessions.
    pub pact: Hex<32>,
    /// Name, as in the pact's consent.
    pub statistic: String,
    /// Day of the data, counted from 1970-01-01.
    pub day: u64,
}

impl From<&Statistic> for StatisticForm {
    fn from(query: &Statistic) -> Self {
        let Statistic { pact, statistic, day } = query;
        Self { pact: Hex(pact.0), statistic: statistic.clone(), day: *day }
    }
}

impl From<StatisticForm> for Statistic {
    fn from(form: StatisticForm) -> Self {
        Self { pact: PactHash(form.pact.0), statistic: form.statistic, day: form.day }
    }
}

/// A place in the monitor's journal.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct JournalHeadForm {
    /// Number of the record.
    pub seq: u64,
    /// Chain head after it.
    pub head: Hex<32>,
}

impl From<&JournalHead> for JournalHeadForm {
    fn from(place: &JournalHead) -> Self {
        Self { seq: place.seq, head: Hex(place.head.0) }
    }
}

impl From<JournalHeadForm> for JournalHead {
    fn from(form: JournalHeadForm) -> Self {
        Self { seq: form.seq, head: Root(form.head.0) }
    }
}

/// The monitor's word that it holds a party's events, durably.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ReceiptForm {
    /// The session.
    pub session: Hex<32>,
    /// The reporting party.
    pub party: PartyForm,
    /// Events held of that party.
    pub count: u64,
    /// Hash of the last of them.
    pub head: Hex<32>,
    /// Events held of the other party.
    pub other: u64,
    /// Where in the journal the last event is on record.
    pub journal: JournalHeadForm,
    /// The boot whose key signs.
    pub boot: Hex<32>,
    /// Of the boot key.
    pub signature: Hex<64>,
}

impl From<&Receipt> for ReceiptForm {
    fn from(receipt: &Receipt) -> Self {
        Self {
            session: Hex(receipt.session.0),
            party: receipt.party.into(),
            count: receipt.count,
            head: Hex(receipt.head.0),
            other: receipt.other,
            journal: (&receipt.journal).into(),
            boot: Hex(receipt.boot.0),
            signature: Hex(receipt.signature.0),
        }
    }
}

impl From<ReceiptForm> for Receipt {
    fn from(form: ReceiptForm) -> Self {
        Self {
            session: SessionId(form.session.0),
            party: form.party.into(),
            count: form.count,
            head: EventHash(form.head.0),
            other: form.other,
            journal: form.journal.into(),
            boot: BootId(form.boot.0),
            signature: Signature(form.signature.0),
        }
    }
}

/// The monitor's leave for one call, once.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TicketForm {
    /// The session.
    pub session: Hex<32>,
    /// Hash of the call's event.
    pub call: Hex<32>,
    /// Not valid from here on, milliseconds since 1970 by the monitor's clock.
    pub expires_ms: u64,
    /// The boot whose key signs.
    pub boot: Hex<32>,
    /// Of the boot key.
    pub signature: Hex<64>,
}

impl From<&Ticket> for TicketForm {
    fn from(ticket: &Ticket) -> Self {
        Self {
            session: Hex(ticket.session.0),
            call: Hex(ticket.call.0),
            expires_ms: ticket.expires.0,
            boot: Hex(ticket.boot.0),
            signature: Hex(ticket.signature.0),
        }
    }
}

impl From<TicketForm> for Ticket {
    fn from(form: TicketForm) -> Self {
        Self {
            session: SessionId(form.session.0),
            call: EventHash(form.call.0),
            expires: UnixMillis(form.expires_ms),
            boot: BootId(form.boot.0),
            signature: Signature(form.signature.0),
        }
    }
}

/// The log key's word for a boot key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CertificateForm {
    /// The boot.
    pub boot: Hex<32>,
    /// Its key.
    pub key: Hex<32>,
    /// Of the log key.
    pub signature: Hex<64>,
}

impl From<&BootCertificate> for CertificateForm {
    fn from(certificate: &BootCertificate) -> Self {
        let BootCertificate { boot, key, signature } = certificate;
        Self { boot: Hex(boot.0), key: Hex(key.0), signature: Hex(signature.0) }
    }
}

impl From<CertificateForm> for BootCertificate {
    fn from(form: CertificateForm) -> Self {
        Self {
            boot: BootId(form.boot.0),
            key: PublicKey(form.key.0),
            signature: Signature(form.signature.0),
        }
    }
}

/// A party's return to a session.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ResumptionForm {
    /// The party's last receipt of the session.
    pub receipt: ReceiptForm,
    /// The certificate of the boot that signed it.
    pub certificate: CertificateForm,
    /// The pact.
    pub pact: Hex<32>,
}

impl From<&Resumption> for ResumptionForm {
    fn from(resumption: &Resumption) -> Self {
        Self {
            receipt: (&resumption.receipt).into(),
            certificate: (&resumption.certificate).into(),
            pact: Hex(resumption.pact.0),
        }
    }
}

impl From<ResumptionForm> for Resumption {
    fn from(form: ResumptionForm) -> Self {
        Self {
            receipt: form.receipt.into(),
            certificate: form.certificate.into(),
            pact: PactHash(form.pact.0),
        }
    }
}
