//! Random numbers of a printed seed: what failed once fails again.

/// A line for whoever waits, also when the process is killed: not captured.
pub(crate) fn say(line: &str) {
    use std::io::Write;
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// SplitMix64.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// A seed from the environment, or else a fresh one; printed either way.
    pub(crate) fn rolled(variable: &str) -> Self {
        let given = std::env::var(variable).ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| rand_core::RngCore::next_u64(&mut rand_core::OsRng));
        say(&format!("{variable}={seed}"));
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}
