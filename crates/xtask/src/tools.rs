//! What the checks need beside the Rust toolchain: looked for, and installed by name where it is
//! missing and may be installed. What is done is said.

use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::stage::{self, Outcome};

/// A program, how to see that it is there, and the Debian packages that bring it.
pub(crate) struct Tool {
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
    NODE,
    Tool {
        what: "OpenSSL, as a time-stamping authority and as another verifier of time stamps",
        probe: &["openssl", "version"],
        packages: &["openssl"],
    },
];

/// What compiles the verifier for browsers: the sources of the standard library are a part.
pub(crate) const WASM: Tool = Tool {
    what: "a compiler for WebAssembly with the sources of its standard library",
    probe: &["sh", "-c", "/usr/bin/cargo --version && ls /usr/src/rustc-*/library/std/Cargo.toml"],
    packages: &["rustc-web", "cargo-web", "rust-web-src"],
};

/// What boots an image on this machine alone.
pub(crate) const QEMU: Tool = Tool {
    what: "an emulator of a whole machine",
    probe: &["sh", "-c", "qemu-system-x86_64 --version && mkfs.ext4 -V"],
    packages: &["e2fsprogs", "qemu-system-x86"],
};

/// What runs it, and other makers' proof systems.
pub(crate) const NODE: Tool = Tool {
    what: "Node with npm, to run the verifier's WebAssembly and snarkjs",
    probe: &["sh", "-c", "node --version && npm --version"],
    packages: &["nodejs", "npm"],
};

/// Makes sure that every tool is there.
pub(crate) fn ensure() -> Result<Outcome> {
    for tool in TOOLS {
        if !provide(tool)? {
            let packages = tool.packages.join(" ");
            bail!("{} is missing and cannot be installed here: install {packages}", tool.what);
        }
    }
    Ok(Outcome::Passed)
}

/// Looks for a tool and installs it where it is missing and may be installed. Is it there then?
pub(crate) fn provide(tool: &Tool) -> Result<bool> {
    if present(tool) {
        return Ok(true);
    }
    println!("   {} is missing: installing {}", tool.what, tool.packages.join(" "));
    let mut install = Command::new("apt-get");
    install.args(["install", "--yes", "--no-install-recommends"]).args(tool.packages);
    let installed = stage::run(Command::new("apt-get").arg("update")).is_ok()
        && stage::run(install.env("DEBIAN_FRONTEND", "noninteractive")).is_ok();
    Ok(installed && present(tool))
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
