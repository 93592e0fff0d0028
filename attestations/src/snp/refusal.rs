//! Why evidence of SEV-SNP is refused: one code for each check.

use crate::refusals::refusals;

refusals! {
    /// Why evidence of SEV-SNP is refused.
    SnpRefusal;

    // The report's shape.
    /// Not 1,184 bytes.
    Length = "snp-length", "the report is not 1,184 bytes long", "show the report as the firmware gave it";
    /// A version that this program does not know.
    Version = "snp-version", "the report has a version other than 2, 3 and 5", "update the verifier, if the firmware is newer than it";
    /// A reserved field is set.
    Reserved = "snp-reserved", "a reserved field of the report is set", "update the verifier, if the firmware is newer than it";
    /// Bytes behind the signature, which nobody signed.
    Tail = "snp-tail", "something stands behind the report's signature", "show the report as the firmware gave it";
    /// Not ECDSA P-384 with SHA-384.
    Algorithm = "snp-algorithm", "the report is not signed with ecdsa p-384", "update the verifier, if the firmware is newer than it";
    /// A processor that this program has no root for.
    FamilyUnknown = "snp-family-unknown", "the report is of a processor other than milan, genoa and turin", "update the verifier, if it is a newer one";
    /// The policy does not accept this version.
    VersionUnlisted = "snp-version-unlisted", "the policy does not list the report's version", "update the host's firmware, or list the version";
    /// The policy does not accept this family.
    FamilyUnlisted = "snp-family-unlisted", "the policy does not list the processor's family", "run on a listed family, or list this one with a floor";

    // The certificates.
    /// No certificate of the signing key.
    VekMissing = "snp-vek-missing", "the evidence has no certificate of the key that signed the report", "add the processor's VCEK or VLEK certificate";
    /// No certificate above it.
    IntermediateMissing = "snp-intermediate-missing", "the evidence has no ask or asvk certificate", "add the certificate that the family's root signed";
    /// Not a certificate as AMD makes them.
    CertificateMalformed = "snp-certificate-malformed", "a certificate is malformed", "fetch the certificates again";
    /// Carries an extension twice, or a critical one that is not known.
    CertificateExtension = "snp-certificate-extension", "a certificate has an unknown critical extension, or one twice", "fetch the certificates again";
    /// Neither a VCEK nor a VLEK signed the report.
    KeyKind = "snp-key-kind", "the report was signed by no vcek and no vlek", "have the host load an endorsement key";
    /// The policy accepts no VLEK of this cloud.
    KeyUnlisted = "snp-key-unlisted", "the policy does not list the cloud whose vlek signed the report", "list the cloud, or run where a vcek signs";
    /// The intermediate certificate is another one's: VLEK for VCEK, or another family's.
    IntermediateName = "snp-intermediate-name", "the intermediate certificate is of another family or of the other kind of key", "add the certificate above this key";
    /// The intermediate certificate may not sign.
    IntermediateNoAuthority = "snp-intermediate-no-authority", "the intermediate certificate is of no authority", "add the certificate above this key";
    /// Its signature is not the root's.
    IntermediateSignature = "snp-intermediate-signature", "the family's root did not sign the intermediate certificate", "add AMD's certificate for this family";
    /// The key's certificate is another one's.
    VekName = "snp-vek-name", "the key's certificate was issued by another authority, or for another kind of key", "add the certificate of this report's key";
    /// Its signature is not the intermediate's.
    VekSignature = "snp-vek-signature", "the intermediate authority did not sign the key's certificate", "fetch the key's certificate again";
    /// A certificate is not valid yet.
    NotYetValid = "snp-not-yet-valid", "a certificate is not valid yet at the time of appraisal", "check the clock, or the time that was given";
    /// A certificate is valid no more.
    Expired = "snp-expired", "a certificate has expired at the time of appraisal", "fetch the key's certificate again";
    /// The policy demands a revocation list.
    RevocationMissing = "snp-revocation-missing", "the policy demands a revocation list, and none is shown", "add AMD's list for this family";
    /// Not a revocation list.
    RevocationMalformed = "snp-revocation-malformed", "the revocation list is malformed", "fetch AMD's list again";
    /// Not the root's.
    RevocationSignature = "snp-revocation-signature", "the family's root did not sign the revocation list", "fetch AMD's list for this family";
    /// Of another time.
    RevocationStale = "snp-revocation-stale", "the revocation list is too old, or not valid yet", "fetch AMD's list again";
    /// On the list.
    Revoked = "snp-revoked", "the intermediate certificate is revoked", "do not trust this platform";
    /// The certificate is of another family.
    Product = "snp-product", "the key's certificate names another family than the report", "add the certificate of this report's key";
    /// The certificate is of another firmware.
    EndorsedTcb = "snp-endorsed-tcb", "the key's certificate is for another firmware than the report says", "fetch the certificate for the reported tcb";
    /// The certificate is of another chip.
    EndorsedChip = "snp-endorsed-chip", "the key's certificate is for another chip than the report names", "fetch the certificate of this chip";
    /// The report's signature.
    Signature = "snp-signature", "the key did not sign the report", "show the report as the firmware gave it";

    // The chip.
    /// The chip's name is masked.
    ChipMasked = "snp-chip-masked", "the host masks the name of the chip", "have the host turn MaskChipId off";
    /// The policy lists other chips.
    ChipUnlisted = "snp-chip-unlisted", "the policy does not list the chip", "run on a listed machine, or list this one";

    // What the guest may do and what may be done to it.
    /// Bits that this program does not know.
    PolicyReserved = "snp-policy-reserved", "the guest policy has unknown bits, or lacks the one that is always set", "launch with a policy that the verifier knows";
    /// The host may read and write the guest.
    Debug = "snp-debug", "the guest policy lets the host debug the guest, hence read it", "launch without the debug bit";
    /// The guest may be moved with its secrets.
    Migration = "snp-migration", "the guest policy allows a migration agent", "launch without the migration bit";
    /// The guest has a migration agent.
    MigrationAgent = "snp-migration-agent", "the guest is bound to a migration agent", "launch without one";
    /// Memory may lie on CXL devices.
    Cxl = "snp-cxl", "the guest policy allows memory on cxl devices", "launch without the cxl bit";
    /// Power readings are not switched off.
    Rapl = "snp-rapl", "the policy demands that the guest's power readings are off", "launch with the bit RAPL_DIS";
    /// Ciphertexts can be read.
    CiphertextHiding = "snp-ciphertext-hiding", "the policy demands that the host cannot read ciphertexts", "launch with CIPHERTEXT_HIDING_DRAM on a host that has it";
    /// Pages may be swapped.
    PageSwap = "snp-page-swap", "the policy demands that pages cannot be moved or swapped", "launch with PAGE_SWAP_DISABLE";
    /// Threads of others may share a core.
    Smt = "snp-smt", "the policy demands that no other guest shares a core", "launch without the smt bit on a host without smt";
    /// The host runs threads and the guest forbids it.
    SmtPlatform = "snp-smt-platform", "the host runs several threads a core though the guest policy forbids it", "do not trust this platform";
    /// May run on two sockets.
    Socket = "snp-socket", "the policy demands one socket", "launch with the single-socket bit";
    /// Memory aliases were not looked for.
    AliasCheck = "snp-alias-check", "the platform has not checked its memory for aliases", "update the host's firmware (CVE-2024-21944)";

    // The firmware.
    /// Reported firmware is older than the floor.
    ReportedTcb = "snp-reported-tcb", "the reported firmware is older than the policy's floor", "have the host commit newer firmware";
    /// Committed firmware is.
    CommittedTcb = "snp-committed-tcb", "the committed firmware is older than the policy's floor", "have the host commit newer firmware";
    /// Current firmware is.
    CurrentTcb = "snp-current-tcb", "the running firmware is older than the policy's floor", "have the host update its firmware";
    /// The guest was launched under older firmware.
    LaunchTcb = "snp-launch-tcb", "the firmware at launch was older than the policy's floor", "launch the guest again";
    /// A mitigation was not on at launch.
    LaunchMitigations = "snp-launch-mitigations", "a demanded mitigation was not on at launch", "launch on newer firmware";
    /// A mitigation is not on.
    CurrentMitigations = "snp-current-mitigations", "a demanded mitigation is not on", "have the host update its firmware";

    // The guest.
    /// Another privilege level.
    Vmpl = "snp-vmpl", "the report is of another privilege level than the policy's", "run the monitor where it owns the guest";
    /// Another image.
    Measurement = "snp-measurement-unlisted", "the policy does not list the launch measurement", "compare it with the release's reference values";
    /// Another configuration than the claims name.
    HostData = "snp-host-data", "the host launched the guest with another configuration than the evidence names", "launch with HOST_DATA set to the configuration's digest";
    /// Another signer of the launch.
    IdKey = "snp-id-key", "the launch was signed by another key than the policy's", "launch with the release's identity block";
    /// Another author of that signer.
    AuthorKey = "snp-author-key", "the signer's author is another than the policy's", "launch with the release's identity block";
    /// An older guest.
    GuestSvn = "snp-guest-svn", "the guest's version is older than the policy's floor", "run a newer release";
}
