//! What the test runners counted.

/// Sums of all `test result:` lines.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Totals {
    /// Adds what a line says; lines of any other kind say nothing.
    pub(crate) fn see(&mut self, line: &str) {
        let Some(counts) = line.trim_start().strip_prefix("test result: ") else { return };
        // Both `ok. 3 passed; 0 failed; ...` and `FAILED. 2 passed; 1 failed; ...`.
        let Some((_, counts)) = counts.split_once(". ") else { return };
        for count in counts.split("; ") {
            let Some((number, what)) = count.split_once(' ') else { continue };
            let Ok(number) = number.parse::<u64>() else { continue };
            let sum = match what {
                "passed" => &mut self.passed,
                "failed" => &mut self.failed,
                "ignored" => &mut self.ignored,
                _ => continue,
            };
            *sum = sum.saturating_add(number);
        }
    }

    /// Returns the closing line: `N passed, N failed`, and how many were skipped.
    pub(crate) fn line(&self) -> String {
        let Self { passed, failed, ignored } = self;
        match ignored {
            0 => format!("{passed} passed, {failed} failed"),
            _ => format!("{passed} passed, {failed} failed, {ignored} skipped"),
        }
    }

    /// Returns true when nothing ran at all.
    pub(crate) const fn is_empty(&self) -> bool {
        self.passed == 0 && self.failed == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_every_runner() {
        let mut totals = Totals::default();
        totals.see("running 4 tests");
        totals.see(
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.02s",
        );
        totals.see("test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 7 filtered out; finished in 1.00s");
        assert_eq!(totals, Totals { passed: 5, failed: 1, ignored: 1 });
        assert_eq!(totals.line(), "5 passed, 1 failed, 1 skipped");
    }

    #[test]
    fn other_lines_count_nothing() {
        let mut totals = Totals::default();
        totals.see("test parses_result_ok ... ok");
        totals.see("9 passed; 0 failed");
        assert!(totals.is_empty());
    }
}
