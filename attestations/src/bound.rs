//! What a guest itself puts into its report.

/// What the report of a guest must show that makes the claims that are shown.
pub(crate) struct Bound {
    /// REPORT_DATA of these claims.
    pub(crate) report_data: [u8; 64],
    /// Digest of the configuration in these claims: what the host launched the guest with.
    pub(crate) config: [u8; 32],
}
