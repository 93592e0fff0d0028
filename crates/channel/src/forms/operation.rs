//! The operations of the monitor's HTTP interface: one table from which paths are written, read,
//! routed and documented, so that none of the four can say something else than the others.

use http::Method;

macro_rules! operations {
    ($($(#[doc = $doc:literal])* $name:ident = $word:literal, $method:ident $template:literal;)*) => {
        /// What can be asked over HTTP.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Operation { $($(#[doc = $doc])* $name,)* }

        impl Operation {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Stable name, kebab-case.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }

            /// HTTP method.
            #[must_use]
            pub const fn method(self) -> Method {
                match self { $(Self::$name => Method::$method),* }
            }

            /// Path with at most one parameter in braces.
            #[must_use]
            pub const fn template(self) -> &'static str {
                match self { $(Self::$name => $template),* }
            }

            /// What it does, in one sentence.
            #[must_use]
            pub fn summary(self) -> String {
                match self { $(Self::$name => [$($doc),*].concat().trim().to_owned()),* }
            }
        }
    };
}

operations! {
    /// Moves the generated clock of a development monitor.
    Advance = "advance", POST "/v1/clock/advance";
    /// Takes an overseer's decision on a paused call.
    Approve = "approve", POST "/v1/approvals";
    /// Answers a nonce with evidence that is bound to this TLS session.
    Attest = "attest", POST "/v1/attestation";
    /// Answers the newest checkpoint, a C2SP signed note.
    Checkpoint = "checkpoint", GET "/v1/checkpoint";
    /// Answers the newest checkpoint where C2SP tlog-tiles readers look for it.
    CheckpointOfTiles = "checkpoint-of-tiles", GET "/checkpoint";
    /// Shows that an older log is a prefix of the newest.
    Consistency = "consistency", GET "/v1/consistency";
    /// Takes witness cosignatures of a checkpoint.
    Cosign = "cosign", POST "/v1/cosignatures";
    /// Takes a party's signed counts, at intervals and at close.
    Count = "count", POST "/v1/sessions/{session}/counts";
    /// Answers the signed documents of a pact's chain to whom it concerns; the last is in force.
    Chain = "chain", GET "/v1/pacts/{pact}";
    /// Takes a dealer's coins of a day, for numbers whose noise anybody can check.
    Deal = "deal", POST "/v1/coins";
    /// Decides on one signed call before it runs.
    Decide = "decide", POST "/v1/sessions/{session}/decisions";
    /// Opens a leaf for whom it concerns; boots and the privacy ledger concern everybody.
    Disclose = "disclose", GET "/v1/leaves/{index}";
    /// Takes OTLP log records (ExportLogsServiceRequest) as class `unattributed`: unsigned, they are
    /// counted, feed no claim, and nothing of them is kept.
    ExportLogs = "export-logs", POST "/v1/logs";
    /// Takes OTLP metrics (ExportMetricsServiceRequest) as class `unattributed`: unsigned, they are
    /// counted, feed no claim, and nothing of them is kept.
    ExportMetrics = "export-metrics", POST "/v1/metrics";
    /// Takes OTLP spans (ExportTraceServiceRequest) as class `unattributed`: unsigned, they are
    /// counted, feed no claim, and nothing of them is kept.
    ExportTraces = "export-traces", POST "/v1/traces";
    /// Takes one signed event, or a batch of them in order.
    Feed = "feed", POST "/v1/sessions/{session}/events";
    /// Follows signed notices as server-sent events, which begin with the comment `: from SEQ`:
    /// every notice with an id above SEQ comes until the stream ends, none is sent again (also for
    /// Last-Event-ID), and what came up to SEQ is in the record of its session.
    Follow = "follow", GET "/v1/alerts";
    /// Says whether the process answers at all.
    Health = "health", GET "/healthz";
    /// Lists what waits for the caller's decision.
    Inbox = "inbox", GET "/v1/inbox";
    /// Hands a custodian its share of the key under which the monitor's state is sealed.
    Hold = "hold", POST "/v1/custody/shares";
    /// Answers the ways of leaves to the newest checkpoint.
    Include = "include", POST "/v1/inclusions";
    /// Logs a party in to this TLS session.
    Login = "login", POST "/v1/token";
    /// Answers this document.
    OpenApi = "openapi", GET "/openapi.json";
    /// Opens a session.
    Open = "open", POST "/v1/sessions";
    /// Hands a party what opens the commitments about itself, sealed to its key.
    Openings = "openings", POST "/v1/openings";
    /// Proves a claim that the pact's consent permits.
    Prove = "prove", POST "/v1/claims";
    /// Reads what is on record of a session; the reading is itself on record.
    Read = "read", GET "/v1/sessions/{session}/record";
    /// Says whether requests are taken.
    Ready = "ready", GET "/readyz";
    /// Puts a signed pact under monitoring.
    Register = "register", POST "/v1/pacts";
    /// Lets a pact go on after a rollback of the monitor.
    Reinstate = "reinstate", POST "/v1/reinstatements";
    /// Releases a private aggregate.
    Release = "release", POST "/v1/releases";
    /// Returns to a session with the last receipt.
    Resume = "resume", POST "/v1/sessions/{session}/resumption";
    /// Answers a tile of the log (C2SP tlog-tiles).
    Tile = "tile", GET "/tile/{*tile}";
    /// Opens a trial under a draft.
    Try = "try", POST "/v1/trials";
    /// Takes a custodian's share, where the monitor cannot read its state by itself.
    Unlock = "unlock", POST "/v1/custody/unlock";
    /// Answers for which days numbers wait for their coins.
    Undealt = "undealt", GET "/v1/coins/due";
}

impl Operation {
    /// The operation of a path, with its parameter; none when no template fits. No two have one
    /// path, so the method is the caller's to compare.
    #[must_use]
    pub fn find(path: &str) -> Option<(Self, Option<&str>)> {
        Self::ALL.iter().find_map(|operation| Some((*operation, operation.fit(path)?)))
    }

    /// The path with `parameter` in its place.
    #[must_use]
    pub fn path(self, parameter: &str) -> String {
        match self.split() {
            Some((head, tail)) => [head, parameter, tail].concat(),
            None => self.template().to_owned(),
        }
    }

    /// Whether only a party that has logged in on its connection is answered.
    #[must_use]
    pub const fn needs_login(self) -> bool {
        matches!(self, Self::Chain | Self::Follow | Self::Inbox | Self::Read)
    }

    /// Whether the last segment may hold slashes.
    const fn is_tail(self) -> bool {
        matches!(self, Self::Tile)
    }

    fn split(self) -> Option<(&'static str, &'static str)> {
        let (head, rest) = self.template().split_once('{')?;
        Some((head, rest.split_once('}')?.1))
    }

    fn fit(self, path: &str) -> Option<Option<&str>> {
        let Some((head, tail)) = self.split() else {
            return (self.template() == path).then_some(None);
        };
        let parameter = path.strip_prefix(head)?.strip_suffix(tail)?;
        let plain = !parameter.is_empty() && (self.is_tail() || !parameter.contains('/'));
        plain.then_some(Some(parameter))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_operation_is_found_by_its_own_path() {
        for operation in Operation::ALL {
            let path = operation.path("a1");
            let (found, parameter) = Operation::find(&path).unwrap();
            assert_eq!(found, *operation, "{path}");
            assert_eq!(parameter.is_some(), operation.template().contains('{'));
        }
        for word in [|o: &Operation| o.name(), |o: &Operation| o.template()] {
            let words: BTreeSet<_> = Operation::ALL.iter().map(word).collect();
            assert_eq!(words.len(), Operation::ALL.len());
        }
    }

    #[test]
    fn unknown_paths_are_no_operation() {
        for path in ["", "/", "/v1", "/v1/sessions/", "/v1/sessions//events", "/v1/leaves/1/2"] {
            assert_eq!(Operation::find(path), None, "{path}");
        }
        let tile = Operation::find("/tile/0/x001/234").unwrap();
        assert_eq!(tile, (Operation::Tile, Some("0/x001/234")));
    }
}
