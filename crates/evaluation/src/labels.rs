//! What is known of a session after the fact.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

/// Labels by session.
pub(crate) struct Labels(BTreeMap<String, Label>);

/// One session's label; fields that are not needed are not read.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Label {
    sid: String,
    pub(crate) task: String,
    pub(crate) injection_task: Option<String>,
    pub(crate) attack_present: bool,
    pub(crate) attack_succeeded: Option<bool>,
    pub(crate) benign_utility: Option<bool>,
    #[serde(default)]
    pub(crate) harm_calls: Vec<u64>,
    #[serde(default)]
    pub(crate) injected_results: Vec<u64>,
    pub(crate) pipeline: Option<String>,
}

/// What a session counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// No attack in it, and the agent did what it was asked.
    BenignUseful,
    /// No attack in it, and the agent failed by itself.
    BenignFailed,
    /// The attacker's goal was reached, by a call that is labelled.
    Attack {
        /// Place of the first harmful call.
        harm: u64,
    },
    /// An attack that failed, or whose success no call shows.
    Unlabelled,
}

impl Labels {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let labels = text.lines().filter(|l| !l.trim().is_empty()).map(|line| {
            let label: Label = serde_json::from_str(line)?;
            Ok((label.sid.clone(), label))
        });
        Ok(Self(labels.collect::<Result<_>>()?))
    }

    pub(crate) fn of(&self, sid: &str) -> Result<&Label> {
        self.0.get(sid).context("a session without a label")
    }
}

impl Label {
    pub(crate) fn kind(&self) -> Kind {
        let harm = self.harm_calls.iter().min();
        match (self.attack_present, self.attack_succeeded, harm) {
            (false, ..) if self.benign_utility != Some(false) => Kind::BenignUseful,
            (false, ..) => Kind::BenignFailed,
            (true, Some(true), Some(harm)) => Kind::Attack { harm: *harm },
            (true, ..) => Kind::Unlabelled,
        }
    }

    /// Which half of the development data it is in: by user task, so that both halves have tasks
    /// of their own. FNV-1a of the task's name.
    pub(crate) fn half(&self) -> usize {
        let hash = self.task.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        usize::from((hash >> 32) & 1 == 1)
    }
}
