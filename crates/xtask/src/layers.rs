//! Who may import whom, read from `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::Value;

/// Returns one line per broken rule of the workspace; empty when all hold.
pub(crate) fn violations() -> Result<Vec<String>> {
    let metadata = crate::output(&mut crate::cargo(&[
        "metadata",
        "--format-version",
        "1",
        "--no-deps",
        "--locked",
    ]))?;
    let mut found = of(&packages(&serde_json::from_str(&metadata)?)?);
    let tree = crate::output(&mut crate::cargo(&[
        "tree",
        "--locked",
        "--package",
        "cloister-verify",
        "--edges",
        "normal,no-proc-macro",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]))?;
    found.extend(of_verify_tree(&tree, VERIFY_TREE));
    Ok(found)
}

/// How far a package is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Trust {
    /// Anybody may read, run and link it.
    Public,
    /// Runs measured, and holds what nobody else may see.
    Enclave,
    /// Runs outside, on behalf of nobody.
    Host,
    /// Builds and measures; never shipped.
    Tools,
}

impl Trust {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "public" => Self::Public,
            "enclave" => Self::Enclave,
            "host" => Self::Host,
            "tools" => Self::Tools,
            _ => return None,
        })
    }

    fn may_import(self, other: Self) -> bool {
        match self {
            Self::Public | Self::Host => other == Self::Public,
            Self::Enclave => matches!(other, Self::Public | Self::Enclave),
            Self::Tools => true,
        }
    }
}

#[derive(Debug)]
struct Package {
    name: String,
    trust: Option<Trust>,
    /// Package names; true when only tests import it.
    imports: Vec<(String, bool)>,
}

fn packages(metadata: &Value) -> Result<Vec<Package>> {
    let listed = metadata.get("packages").and_then(Value::as_array).context("no packages")?;
    listed
        .iter()
        .map(|package| {
            let name =
                package.get("name").and_then(Value::as_str).context("package has no name")?;
            let trust = package.pointer("/metadata/cloister/trust").and_then(Value::as_str);
            let imports = package
                .get("dependencies")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(|d| {
                    let only_tests = d.get("kind").and_then(Value::as_str) == Some("dev");
                    Some((d.get("name")?.as_str()?.to_owned(), only_tests))
                })
                .collect();
            Ok(Package { name: name.to_owned(), trust: trust.and_then(Trust::parse), imports })
        })
        .collect()
}

fn of(packages: &[Package]) -> Vec<String> {
    let trust: BTreeMap<&str, Option<Trust>> =
        packages.iter().map(|p| (p.name.as_str(), p.trust)).collect();
    let mut found = Vec::new();
    for package in packages {
        let name = &package.name;
        let Some(own) = package.trust else {
            found.push(format!("{name} carries no trust tag (public, enclave, host or tools)"));
            continue;
        };
        let Some((_, allowed)) = TABLE.iter().find(|(listed, _)| listed == name) else {
            found.push(format!("{name} is not in the import table"));
            continue;
        };
        for (import, only_tests) in &package.imports {
            let Some(theirs) = trust.get(import.as_str()) else { continue };
            if theirs.is_some_and(|theirs| !own.may_import(theirs)) {
                found.push(format!("{name} ({own:?}) imports {import} ({theirs:?})"));
            } else if !only_tests && !allowed.contains(import) {
                found
                    .push(format!("{name} imports {import}, which the import table does not list"));
            }
        }
    }
    found
}

/// Compares the names in `tree` with the committed list.
fn of_verify_tree(tree: &str, expected: &str) -> Vec<String> {
    let names = |text: &str| -> BTreeSet<String> {
        text.lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_whitespace().next())
            .map(str::to_owned)
            .collect()
    };
    let (have, want) = (names(tree), names(expected));
    let mut found: Vec<String> = have
        .intersection(&FORBIDDEN_IN_VERIFY.iter().map(|n| (*n).to_owned()).collect())
        .map(|name| format!("cloister-verify depends on {name}"))
        .collect();
    found.extend(have.difference(&want).map(|name| {
        format!("cloister-verify newly depends on {name}; crates/xtask/verify-tree.txt lacks it")
    }));
    found.extend(want.difference(&have).map(|name| {
        format!("cloister-verify no longer depends on {name}; crates/xtask/verify-tree.txt has it")
    }));
    found
}

/// What a package's product code may import of ours.
enum Allowed {
    /// These and no others.
    Only(&'static [&'static str]),
    /// Whatever its trust tag allows.
    ByTrust,
}

impl Allowed {
    fn contains(&self, import: &str) -> bool {
        match self {
            Self::Only(list) => list.contains(&import),
            Self::ByTrust => true,
        }
    }
}

/// The arrows between packages; none runs back up. `prove` and `release` meet neither each other
/// nor `monitor`.
const TABLE: &[(&str, Allowed)] = &[
    ("cloister-messages", Allowed::Only(&[])),
    ("cloister-circuits", Allowed::Only(&["cloister-messages"])),
    ("cloister-pact", Allowed::Only(&["cloister-messages"])),
    ("cloister-draft", Allowed::Only(&["cloister-messages", "cloister-pact"])),
    ("cloister-traces", Allowed::Only(&["cloister-messages"])),
    ("cloister-tlog", Allowed::Only(&["cloister-messages"])),
    ("cloister-tally", Allowed::Only(&["cloister-circuits", "cloister-messages"])),
    ("cloister-journal", Allowed::Only(&["cloister-messages"])),
    (
        "cloister-verify",
        Allowed::Only(&["cloister-circuits", "cloister-messages", "cloister-tlog"]),
    ),
    (
        "cloister-prove",
        Allowed::Only(&[
            "cloister-circuits",
            "cloister-messages",
            "cloister-tally",
            "cloister-verify",
        ]),
    ),
    (
        "cloister-release",
        Allowed::Only(&["cloister-messages", "cloister-prove", "cloister-verify"]),
    ),
    (
        "cloister-monitor",
        Allowed::Only(&[
            "cloister-circuits",
            "cloister-messages",
            "cloister-pact",
            "cloister-tally",
        ]),
    ),
    ("cloister-gateway", Allowed::Only(&["cloister-messages"])),
    ("cloister-attestations", Allowed::Only(&["cloister-messages", "cloister-verify"])),
    ("cloister-channel", Allowed::Only(&["cloister-attestations", "cloister-messages"])),
    ("cloister-browser", Allowed::Only(&["cloister-messages", "cloister-verify"])),
    ("cloister-enclave", Allowed::ByTrust),
    ("cloister", Allowed::ByTrust),
    ("cloister-xtask", Allowed::ByTrust),
    ("cloister-benches", Allowed::ByTrust),
    ("cloister-evaluation", Allowed::ByTrust),
];

/// Runtimes, loggers, hidden randomness and C code, whatever the committed list says.
const FORBIDDEN_IN_VERIFY: &[&str] =
    &["cc", "getrandom", "libc", "mio", "openssl-sys", "tokio", "tracing", "tracing-core"];

const VERIFY_TREE: &str = include_str!("../verify-tree.txt");

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn workspace(list: &[(&str, &str, &[&str], &[&str])]) -> Vec<Package> {
        let packages: Vec<Value> = list
            .iter()
            .map(|(name, trust, imports, dev)| {
                let dependency =
                    |name: &&str, kind: Option<&str>| json!({"name": name, "kind": kind});
                let dependencies: Vec<Value> = imports
                    .iter()
                    .map(|n| dependency(n, None))
                    .chain(dev.iter().map(|n| dependency(n, Some("dev"))))
                    .collect();
                json!({"name": name, "dependencies": dependencies,
                       "metadata": {"cloister": {"trust": trust}}})
            })
            .collect();
        super::packages(&json!({ "packages": packages })).unwrap()
    }

    #[test]
    fn public_may_not_import_enclave() {
        let found = of(&workspace(&[
            ("cloister-prove", "public", &["cloister-monitor"], &[]),
            ("cloister-monitor", "enclave", &[], &[]),
        ]));
        assert_eq!(found.len(), 1, "{found:?}");
    }

    #[test]
    fn public_tests_may_not_import_enclave_either() {
        let found = of(&workspace(&[
            ("cloister-pact", "public", &[], &["cloister-monitor"]),
            ("cloister-monitor", "enclave", &[], &[]),
        ]));
        assert_eq!(found.len(), 1, "{found:?}");
    }

    #[test]
    fn host_may_not_import_enclave() {
        let found = of(&workspace(&[
            ("cloister", "host", &["cloister-release"], &[]),
            ("cloister-release", "enclave", &[], &[]),
        ]));
        assert_eq!(found.len(), 1, "{found:?}");
    }

    #[test]
    fn nobody_but_tools_may_import_tools() {
        let found = of(&workspace(&[
            ("cloister-enclave", "enclave", &["cloister-xtask"], &[]),
            ("cloister-xtask", "tools", &["cloister-enclave"], &[]),
        ]));
        assert_eq!(found.len(), 1, "{found:?}");
    }

    #[test]
    fn release_may_not_import_monitor_though_both_are_enclave() {
        let found = of(&workspace(&[
            ("cloister-release", "enclave", &["cloister-monitor"], &[]),
            ("cloister-monitor", "enclave", &[], &[]),
        ]));
        assert_eq!(found.len(), 1, "{found:?}");
    }

    #[test]
    fn import_outside_the_table_is_only_for_tests() {
        let list = |imports, dev| {
            of(&workspace(&[
                ("cloister-verify", "public", imports, dev),
                ("cloister-prove", "public", &[], &[]),
            ]))
        };
        assert_eq!(list(&["cloister-prove"], &[]).len(), 1);
        assert!(list(&[], &["cloister-prove"]).is_empty());
    }

    #[test]
    fn untagged_and_unlisted_packages_are_found() {
        assert_eq!(of(&workspace(&[("cloister-pact", "none", &[], &[])])).len(), 1);
        assert_eq!(of(&workspace(&[("cloister-common", "public", &[], &[])])).len(), 1);
    }

    #[test]
    fn verify_tree_is_the_committed_one() {
        assert!(of_verify_tree("a v1\nb v2 (*)\n", "# note\na\nb\n").is_empty());
        assert_eq!(of_verify_tree("a v1\nb v2\n", "a\n").len(), 1);
        assert_eq!(of_verify_tree("a v1\n", "a\nb\n").len(), 1);
        assert_eq!(of_verify_tree("tokio v1\n", "tokio\n").len(), 1);
    }

    #[test]
    fn workspace_keeps_the_layers() {
        assert_eq!(violations().unwrap(), Vec::<String>::new());
    }
}
