//! Why evidence of TDX is refused: one code for each check.

use crate::refusals::refusals;

refusals! {
    /// Why evidence of TDX is refused.
    TdxRefusal;

    // The quote's shape.
    /// More than 16 KiB.
    TooLarge = "tdx-too-large", "the quote is larger than 16 KiB", "show the quote as the host's service gave it";
    /// Not a quote of version 4 or 5.
    Malformed = "tdx-malformed", "the quote is malformed", "show the quote as the host's service gave it";
    /// Something stands behind the quote, or it can be written in another way.
    Tail = "tdx-tail", "the quote is not in its one form, or something stands behind it", "show the quote as the host's service gave it";
    /// A quote of SGX.
    Tee = "tdx-not-tdx", "the quote is not of tdx", "show the quote of a trust domain";
    /// Not ECDSA P-256.
    KeyType = "tdx-key-type", "the quote is not signed with ecdsa p-256", "update the verifier, if the host's service is newer than it";
    /// Not Intel's quoting enclave.
    Vendor = "tdx-vendor", "the quote was made by a quoting enclave that is not intel's", "use intel's quoting enclave on the host";

    // What the host may do to the trust domain.
    /// The host may read it.
    Debug = "tdx-debug", "the host may debug the trust domain, hence read it", "launch without the debug attribute";
    /// Another attribute under which nothing is safe, or that this program does not know.
    Attributes = "tdx-attributes", "the trust domain has an attribute that is unknown or unsafe", "launch without it";
    /// May be moved with its secrets.
    Migratable = "tdx-migratable", "the trust domain can be moved to another machine", "launch without the migratable attribute";
    /// Page faults can be injected.
    SeptVe = "tdx-sept-ve", "the host can inject faults on pages of the trust domain", "launch with the attribute SEPT_VE_DISABLE";
    /// Performance counters of the domain are on.
    Perfmon = "tdx-perfmon", "the policy demands that performance counters are off", "launch without the attribute PERFMON";
    /// Another trust domain has power over it.
    ServiceTd = "tdx-service-td", "another trust domain is bound to serve this one", "launch without a service trust domain";
    /// Features that the policy does not list.
    Xfam = "tdx-xfam", "the policy does not list the trust domain's processor features", "launch with the release's features";

    // Intel's collateral.
    /// None.
    CollateralMissing = "tdx-collateral-missing", "the evidence has no collateral", "add intel's collateral for the platform";
    /// Not collateral.
    CollateralMalformed = "tdx-collateral-malformed", "the collateral is malformed", "fetch intel's collateral again";
    /// Of another platform.
    Fmspc = "tdx-fmspc", "the collateral is of another family of platforms", "fetch the collateral for this platform's fmspc";
    /// Of a later time.
    CollateralNotYetValid = "tdx-collateral-not-yet-valid", "the collateral is not valid yet at the time of appraisal", "check the clock, or the time that was given";
    /// Of an earlier time.
    CollateralExpired = "tdx-collateral-expired", "the collateral has expired at the time of appraisal", "fetch intel's collateral again";
    /// A certificate of a later time.
    NotYetValid = "tdx-not-yet-valid", "a certificate is not valid yet at the time of appraisal", "check the clock, or the time that was given";
    /// A certificate of an earlier time.
    Expired = "tdx-expired", "a certificate has expired at the time of appraisal", "fetch the platform's certificate again";
    /// A certificate or the platform is revoked.
    Revoked = "tdx-revoked", "a certificate or the platform's tcb is revoked", "do not trust this platform";
    /// Firmware that Intel does not list.
    NoLevel = "tdx-no-level", "no tcb level of the collateral matches the platform", "have the host update its firmware";
    /// Of an SEAM module that Intel does not list.
    Module = "tdx-module", "the tdx module is not one that intel's collateral names", "have the host load intel's module";
    /// A signature, a chain, or the quoting enclave does not hold.
    Signature = "tdx-signature", "a signature of the quote, of its certificates or of the collateral does not hold", "show the quote and the collateral as they were given";

    // The platform.
    /// Not up to date.
    Status = "tdx-status", "the policy does not list the platform's tcb status", "have the host update its firmware";
    /// Out of date for longer than the policy allows.
    Grace = "tdx-grace", "the platform has been out of date for longer than the policy allows", "have the host update its firmware";
    /// The quoting enclave is.
    QuotingEnclave = "tdx-quoting-enclave", "the host's quoting enclave is not up to date", "have the host update its quoting enclave";
    /// An advisory that the policy refuses.
    Advisory = "tdx-advisory", "an advisory applies that the policy refuses", "have the host follow the advisory";
    /// Collateral of an older evaluation.
    Evaluation = "tdx-evaluation", "the collateral is of an older evaluation than the policy demands", "fetch intel's newest collateral";
    /// Processors can be added.
    Dynamic = "tdx-dynamic-platform", "the policy demands that no processor can be added to the platform", "run on such a platform";
    /// Keys are cached by Intel.
    CachedKeys = "tdx-cached-keys", "the policy demands that intel does not cache the platform's keys", "run on such a platform";
    /// Threads share cores.
    Smt = "tdx-smt", "the policy demands that no other guest shares a core", "run on a platform without smt";
    /// Not one of the listed platforms.
    PlatformUnlisted = "tdx-platform-unlisted", "the policy does not list the platform", "run on a listed machine, or list this one";

    // The trust domain.
    /// Another image.
    Measurement = "tdx-measurement-unlisted", "the policy does not list the measurements", "compare them with the release's reference values";
    /// Another configuration than the claims name.
    ConfigId = "tdx-config-id", "the host launched the trust domain with another configuration than the evidence names", "launch with MRCONFIGID set to the configuration's digest";
    /// Launched for somebody.
    Owner = "tdx-owner", "the trust domain names an owner, which this profile does not know", "launch without MROWNER and MROWNERCONFIG";
    /// Not an event log.
    EventLogMalformed = "tdx-event-log-malformed", "the event log is malformed", "show the log as the firmware left it";
    /// A log of other events.
    EventLog = "tdx-event-log", "the event log does not come to the quote's measurements", "show the log as the firmware left it";
}
