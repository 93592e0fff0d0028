//! Bodies of requests, and the answers that are no [`Reply`](messages::reply::Reply).

use messages::did::Did;
use serde::{Deserialize, Serialize};

use super::encoding::{Base64, Hex, SecretHex};
use super::statement::{
    ApprovalForm, CountsForm, ModeForm, OpenForm, ReinstatementForm, ResumptionForm, StatisticForm,
};

macro_rules! bodies {
    ($($(#[$doc:meta])* $name:ident { $($(#[$at:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(deny_unknown_fields)]
        pub struct $name { $($(#[$at])* pub $field: $type,)* }
    )*};
}

bodies! {
    /// A verifier's nonce.
    AttestBody {
        /// 32 random bytes.
        nonce: Hex<32>,
    }
    /// A party's login to this TLS session.
    LoginBody {
        /// The party.
        #[cfg_attr(feature = "openapi", schema(value_type = String, max_length = 256))]
        did: Did,
        /// By the party's key, over the session's exporter (RFC 9266) and the DID.
        signature: Hex<64>,
    }
    /// What a login yields.
    TokenForm {
        /// Sent back as `Authorization: Bearer`, on the same connection only.
        token: String,
        /// How long it is good for from now on, milliseconds.
        expires_ms: u64,
    }
    /// Opening of a session.
    OpenBody {
        /// What is opened.
        open: OpenForm,
        /// By the initiator, over the encoding of `open`.
        signature: Hex<64>,
    }
    /// Opening of a trial under a draft.
    TryBody {
        /// The draft, JSON.
        draft: Base64,
        /// What is opened.
        open: OpenForm,
        /// Keys that sign the events of initiator and provider.
        #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>, min_items = 2, max_items = 2))]
        parties: [Did; 2],
        /// Replaces the draft's mode.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mode: Option<ModeForm>,
    }
    /// A party's counts.
    CountBody {
        /// The counts.
        counts: CountsForm,
        /// By that party, over their encoding with the session of the path.
        signature: Hex<64>,
    }
    /// A party's return to a session.
    ResumeBody {
        /// The last receipt.
        resumption: ResumptionForm,
        /// By the party, over its encoding.
        signature: Hex<64>,
    }
    /// An overseer's decision.
    ApproveBody {
        /// The decision.
        approval: ApprovalForm,
        /// By the overseer, over its encoding.
        signature: Hex<64>,
    }
    /// An overseer's decision after a rollback.
    ReinstateBody {
        /// The decision.
        reinstatement: ReinstatementForm,
        /// By the overseer, over its encoding.
        signature: Hex<64>,
    }
    /// A move of the generated clock.
    AdvanceBody {
        /// How far, milliseconds.
        by_ms: u64,
    }
    /// A request for a proof.
    ProveBody {
        /// The claim and the kind of proof, deterministic CBOR.
        wanted: Base64,
        /// Who asks.
        #[cfg_attr(feature = "openapi", schema(value_type = String, max_length = 256))]
        requester: Did,
        /// By the requester, over that encoding.
        signature: Hex<64>,
    }
    /// A request for openings.
    OpeningsBody {
        /// Of which epochs: every one of the range, and the one before it; deterministic CBOR.
        range: Base64,
        /// Who asks: the party that the tally is about.
        #[cfg_attr(feature = "openapi", schema(value_type = String, max_length = 256))]
        requester: Did,
        /// By the requester, over that encoding.
        signature: Hex<64>,
    }
    /// A request for a private aggregate.
    ReleaseBody {
        /// What is asked.
        query: StatisticForm,
        /// Who asks.
        #[cfg_attr(feature = "openapi", schema(value_type = String, max_length = 256))]
        requester: Did,
        /// By the requester, over its encoding.
        signature: Hex<64>,
    }
    /// A question for ways to the newest checkpoint.
    IncludeBody {
        /// Log indices.
        leaves: Vec<u64>,
    }
    /// A checkpoint with witness cosignatures.
    CosignBody {
        /// The cosigned note.
        note: String,
    }
    /// A custodian's request for its share.
    HoldBody {
        /// The boot that it appraised.
        boot: Hex<32>,
        /// Who asks.
        #[cfg_attr(feature = "openapi", schema(value_type = String, max_length = 256))]
        custodian: Did,
        /// By the custodian, over the deterministic CBOR of both.
        signature: Hex<64>,
    }
    /// A custodian's share.
    UnlockBody {
        /// The boot that it appraised.
        boot: Hex<32>,
        /// Who brings it.
        #[cfg_attr(feature = "openapi", schema(value_type = String, max_length = 256))]
        custodian: Did,
        /// A scalar of the Ristretto group, canonical.
        #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^[0-9a-f]{64}$"))]
        share: SecretHex,
        /// By the custodian, over the deterministic CBOR of all that.
        signature: Hex<64>,
    }
    /// A dealer's coins of a day.
    DealBody {
        /// The log.
        origin: String,
        /// The day of the data, counted from 1970-01-01.
        day: u64,
        /// The value that was promised for it.
        value: Hex<32>,
        /// Leaves in the log that the dealer saw.
        size: u64,
        /// Their root.
        root: Hex<32>,
        /// By the dealer, over the deterministic CBOR of all that.
        signature: Hex<64>,
    }
}
