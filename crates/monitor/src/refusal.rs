//! Refusals: one enum per verb, one code per variant. Nothing refused is recorded or counted.

macro_rules! refusals {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $code:literal, $text:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
        pub enum $name {
            $($(#[$vdoc])* #[error($text)] $variant,)*
        }

        impl $name {
            /// Stable code.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// Every variant, for the test that codes are unique.
            pub const ALL: &[Self] = &[$(Self::$variant),*];
        }
    };
}

refusals! {
    /// Why an event was not taken.
    IngestError {
        /// Signature of somebody else.
        BadSignature = "event-bad-signature", "the event is not signed by the party that reports it";
        /// Does not chain to the event before.
        BrokenChain = "event-broken-chain", "the event does not chain to the reporter's event before it";
        /// The session is closed.
        Closed = "session-closed", "the session is closed";
        /// A counter is at its maximum; the tally stopped rather than wrap.
        CounterFull = "counter-full", "a counter is at its maximum, so the tally has stopped";
        /// These two do not talk to each other in this way.
        Direction = "event-direction", "this role does not say this to that role";
        /// Already on record.
        Duplicate = "event-duplicate", "the event is already on record";
        /// Comes too early: one before it is missing.
        OutOfOrder = "event-out-of-order", "an event before this one is missing";
        /// Names another pact than its session.
        OtherPact = "event-other-pact", "the event names another pact than its session";
        /// A receipt says more than is on record.
        RolledBack = "monitor-rollback", "the monitor holds less than it has signed for; it allows nothing until an overseer of the pact reinstates it";
        /// The session was terminated.
        Terminated = "session-terminated", "the session was terminated";
        /// No such session.
        UnknownSession = "session-unknown", "there is no such session";
    }
}

refusals! {
    /// Why counts or an approval were not taken.
    CountError {
        /// The session is over.
        Over = "approval-session-over", "the session is closed or was terminated";
        /// Signature of somebody else.
        BadSignature = "counts-bad-signature", "the statement is not signed by the one that it names";
        /// A counter is at its maximum; the tally stopped.
        CounterFull = "approval-counter-full", "a counter is at its maximum, so the tally has stopped";
        /// Falls behind an earlier statement of the same party.
        Falling = "counts-falling", "the counts fall behind an earlier statement";
        /// Numbers that no session has.
        Implausible = "counts-implausible", "the counts cannot be true for this session";
        /// A receipt that this monitor's boot key did not sign.
        ForeignReceipt = "counts-foreign-receipt", "the receipt was not signed by this monitor";
        /// The approval came after its time-out.
        Late = "approval-late", "the approval came after its time-out";
        /// A receipt says more than is on record.
        RolledBack = "approval-monitor-rollback", "the monitor holds less than it has signed for; reinstate the pact first";
        /// No overseer of the pact.
        NotOverseer = "approval-not-overseer", "the approver is not an overseer of the pact";
        /// No such paused call.
        NothingPaused = "approval-nothing-paused", "no such call is paused";
        /// No such session.
        UnknownSession = "counts-session-unknown", "there is no such open session";
    }
}

refusals! {
    /// Why a session was not opened.
    OpenError {
        /// Signature of somebody else.
        BadSignature = "open-bad-signature", "the session is not opened by the pact's initiator";
        /// The bound on open sessions is reached.
        Full = "sessions-full", "as many sessions are open as this monitor can hold";
        /// The pact's share of open sessions is used up.
        PactFull = "sessions-of-pact-full", "as many sessions of the pact are open as its share allows";
        /// Meant for another boot.
        OtherBoot = "open-other-boot", "the opening names another boot than this one";
        /// A revision took its place.
        Replaced = "pact-replaced", "a revision took the place of this pact; open the session under it";
        /// Outside the pact's term.
        OutOfTerm = "pact-out-of-term", "the pact is not in force at this time";
        /// No such pact.
        UnknownPact = "pact-unknown", "the pact is not under monitoring";
        /// The identifier was used before.
        Used = "session-used", "the session identifier was used before";
    }
}

refusals! {
    /// Why a pact was not put under monitoring.
    RegisterError {
        /// Already there.
        Known = "pact-known", "the pact is already under monitoring";
        /// The bound on pacts is reached.
        Full = "pacts-full", "as many pacts are monitored as this monitor can hold";
        /// It cannot be compiled.
        NotCompilable = "pact-not-compilable", "the pact cannot be compiled; its lint says why";
        /// It names a prior that is not under monitoring, or not in force.
        PriorNotInForce = "pact-prior-not-in-force", "the pact that this one replaces is not the one in force here";
        /// Its term lies ahead.
        TermAhead = "pact-term-ahead", "the revision's term has not begun; register it when it has";
        /// The chain is as long as it may be.
        ChainFull = "pact-chain-full", "the pact was revised as often as can be; agree a new pact with no prior";
    }
}

refusals! {
    /// Why a party may not go on with a session.
    ResumeError {
        /// Signature of somebody else.
        BadSignature = "resume-bad-signature", "the resumption is not signed by the party of the receipt";
        /// The session ended in good order.
        Closed = "resume-session-closed", "the session has ended, and its record is complete";
        /// The session ended, and the retention of its record as well.
        Forgotten = "resume-forgotten", "the receipt is older than every record that is retained";
        /// Not a receipt of this origin, or of another pact's session.
        ForeignReceipt = "resume-foreign-receipt", "the receipt was not signed by a boot of this monitor for this pact";
        /// No such pact.
        UnknownPact = "resume-pact-unknown", "the pact is not under monitoring";
    }
}

refusals! {
    /// Why a pact is not let go on.
    ReinstateError {
        /// Signature of somebody else.
        BadSignature = "reinstate-bad-signature", "the reinstatement is not signed by the one that it names";
        /// No overseer of the pact.
        NotOverseer = "reinstate-not-overseer", "the signer is not an overseer of the pact";
        /// It was going on.
        NotStopped = "reinstate-not-stopped", "the pact is not stopped by a rollback";
        /// Meant for another boot.
        OtherBoot = "reinstate-other-boot", "the reinstatement names another boot than this one";
        /// No such pact.
        UnknownPact = "reinstate-pact-unknown", "the pact is not under monitoring";
    }
}
