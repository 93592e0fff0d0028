//! The holder's secret: all blindings of one holder at one monitor derive from it.

use rand_core::CryptoRngCore;
use zeroize::Zeroizing;

/// 32 secret bytes per (root pact, holder, monitor). Never shared between monitors, and never
/// given to the counterparty: who has it and the openings can prove.
pub struct HolderSecret(Zeroizing<[u8; 32]>);

impl HolderSecret {
    /// Draws a secret.
    pub fn generate(rng: &mut impl CryptoRngCore) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *bytes);
        Self(bytes)
    }

    /// Takes a stored secret.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Reads the secret out, to seal or store it.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static_assertions::assert_not_impl_any!(
        HolderSecret: Clone, Copy, core::fmt::Debug, core::fmt::Display, PartialEq
    );
}
