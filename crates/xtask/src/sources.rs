//! Rules that are read off the source text: what a crate's code may not even mention.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Returns one line per broken rule; empty when all hold.
pub(crate) fn violations(root: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for folder in SOURCE_FOLDERS {
        let top = root.join(folder);
        for file in rust_files(&top)? {
            let text = fs::read_to_string(&file)
                .with_context(|| format!("cannot read {}", file.display()))?;
            let path = file.strip_prefix(root).unwrap_or(&file).to_string_lossy().into_owned();
            found.extend(in_file(&path, &text));
        }
    }
    Ok(found)
}

fn in_file(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for rule in RULES {
        if !rule.applies_to(path) {
            continue;
        }
        for (number, line) in production_lines(text) {
            if rule.is_broken_by(line) {
                found.push(format!("{path}:{number}: `{}`: {}", rule.mention, rule.why));
            }
        }
    }
    found
}

/// Returns the lines that are neither comments nor in the test module at the end of a file.
fn production_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let production = text.split_once("\n#[cfg(test)]\nmod tests {").map_or(text, |(code, _)| code);
    (1_usize..).zip(production.lines()).filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// A text that production code may not contain.
struct Rule {
    mention: &'static str,
    unless: Option<&'static str>,
    folders: &'static [&'static str],
    except: &'static [&'static str],
    why: &'static str,
}

impl Rule {
    fn applies_to(&self, path: &str) -> bool {
        self.folders.iter().any(|f| path.starts_with(f))
            && !self.except.iter().any(|f| path.starts_with(f))
            && !path.ends_with("/tests.rs")
    }

    fn is_broken_by(&self, line: &str) -> bool {
        line.contains(self.mention) && self.unless.is_none_or(|also| !line.contains(also))
    }
}

fn rust_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries =
            fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Crates that take bytes, time and randomness as arguments and do no I/O of their own.
const SANS_IO: &[&str] = &[
    "crates/messages/src",
    "crates/monitor/src",
    "crates/pact/src",
    "crates/prove/src",
    "crates/release/src",
    "crates/tally/src",
    "crates/tlog/src",
    "crates/verify/src",
];

const SOURCE_FOLDERS: &[&str] = &[
    "attestations/src",
    "crates/channel/src",
    "crates/cloister/src",
    "crates/gateway/src",
    "crates/journal/src",
    "crates/messages/src",
    "crates/monitor/src",
    "crates/pact/src",
    "crates/prove/src",
    "crates/release/src",
    "crates/tally/src",
    "crates/tlog/src",
    "crates/verify/src",
    "enclave/src",
];

const RULES: &[Rule] = &[
    sans_io("std::fs", "bytes are arguments"),
    sans_io("std::net", "bytes are arguments"),
    sans_io("tokio::", "these crates never wait"),
    sans_io("SystemTime::now", "time is an argument"),
    sans_io("Instant::now", "time is an argument"),
    sans_io("OsRng", "randomness is an argument"),
    Rule {
        mention: "Appraised::assertion",
        unless: None,
        folders: SOURCE_FOLDERS,
        except: &["attestations/src"],
        why: "only an appraiser may assert an appraisal",
    },
    Rule {
        mention: "tracing::",
        unless: None,
        folders: SOURCE_FOLDERS,
        except: &["enclave/src/audit.rs"],
        why: "log lines are made by enclave/src/audit.rs alone",
    },
    Rule {
        mention: "instrument(",
        unless: Some("skip_all"),
        folders: SOURCE_FOLDERS,
        except: &[],
        why: "a span records no argument: skip_all",
    },
];

const fn sans_io(mention: &'static str, why: &'static str) -> Rule {
    Rule { mention, unless: None, folders: SANS_IO, except: &[], why }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_access_in_a_sans_io_crate_is_found() {
        let found = in_file("crates/pact/src/a.rs", "fn a() {\n    std::fs::read(\"x\");\n}\n");
        assert_eq!(found, ["crates/pact/src/a.rs:2: `std::fs`: bytes are arguments"]);
        assert!(in_file("crates/cloister/src/a.rs", "std::fs::read(\"x\");\n").is_empty());
    }

    #[test]
    fn comments_and_tests_may_mention_anything() {
        let text = "//! no std::fs here\n\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n";
        assert!(in_file("crates/pact/src/a.rs", text).is_empty());
    }

    #[test]
    fn assertion_outside_the_appraiser_is_found() {
        let text = "let a = Appraised::assertion(id, class, claims);\n";
        assert_eq!(in_file("crates/cloister/src/verify.rs", text).len(), 1);
        assert!(in_file("attestations/src/software.rs", text).is_empty());
    }

    #[test]
    fn span_that_records_arguments_is_found() {
        assert_eq!(in_file("enclave/src/door.rs", "#[instrument(skip(a))]\n").len(), 1);
        assert!(in_file("enclave/src/door.rs", "#[instrument(skip_all)]\n").is_empty());
    }

    #[test]
    fn every_sans_io_crate_is_searched() {
        assert!(SANS_IO.iter().all(|f| SOURCE_FOLDERS.contains(f)));
    }

    #[test]
    fn workspace_keeps_the_source_rules() {
        assert_eq!(violations(&crate::root()).unwrap(), Vec::<String>::new());
    }
}
