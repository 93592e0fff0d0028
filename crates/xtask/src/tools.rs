//! What the checks need beside the Rust toolchain: looked for, and installed by name where it is
//! missing and may be installed. What is done is said.

use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::stage::{self, Outcome};

/// A program, how to see that it is there, and the Debian packages that bring it.
struct Tool {
    what: &'static str,
    probe: &'static [&'static str],
    packages: &'static [&'static str],
}

const TOOLS: &[Tool] = &[
    Tool {
        what: "a C compiler, for the TLS provider",
        probe: &["cc", "--version"],
        packages: &["gcc", "libc6-dev"],
    },
    Tool {
        what: "Python with virtual environments, for clients of other makers",
        probe: &["python3", "-c", "import ensurepip, venv"],
        packages: &["python3", "python3-venv"],
    },
];

/// Makes sure that every tool is there.
pub(crate) fn ensure() -> Result<Outcome> {
    for tool in TOOLS {
        if present(tool) {
            continue;
        }
        let packages = tool.packages.join(" ");
        println!("   {} is missing: installing {packages}", tool.what);
        let mut install = Command::new("apt-get");
        install.args(["install", "--yes", "--no-install-recommends"]).args(tool.packages);
        if stage::run(Command::new("apt-get").arg("update")).is_err()
            || stage::run(install.env("DEBIAN_FRONTEND", "noninteractive")).is_err()
            || !present(tool)
        {
            bail!("{} is missing and cannot be installed here: install {packages}", tool.what);
        }
    }
    Ok(Outcome::Passed)
}

fn present(tool: &Tool) -> bool {
    let Some((program, arguments)) = tool.probe.split_first() else { return true };
    let mut probe = Command::new(program);
    probe.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_seen() {
        let tool = |probe| Tool { what: "", probe, packages: &[] };
        assert!(present(&tool(&["true"])));
        assert!(!present(&tool(&["false"])) && !present(&tool(&["no-such-program-anywhere"])));
    }
}
