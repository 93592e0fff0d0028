//! The verifier as WebAssembly: built with Debian's compiler, which brings the sources that the
//! standard library is compiled from, and run in Node on the published vectors.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::stage::{self, Outcome};
use crate::{output, root, tools};

/// Builds the module, sees that it imports nothing, and lets it verify the vectors.
pub(crate) fn run(target: &Path) -> Result<Outcome> {
    if !tools::provide(&tools::WASM)? {
        return Ok(Outcome::Skipped(
            "Debian's rustc-web, cargo-web and rust-web-src are missing and cannot be installed",
        ));
    }
    // Debian's compiler has no linker of its own for this target; the toolchain's has.
    let sysroot = output(Command::new("rustc").args(["--print", "sysroot"]).current_dir(root()))?;
    let linker =
        Path::new(sysroot.trim()).join("lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld");
    let folder = target.join("wasm");
    let mut build = Command::new("/usr/bin/cargo");
    build.args(["build", "--locked", "--package", "cloister-browser", "--profile", "browser"]);
    build.args(["--target", TARGET, "-Zbuild-std=std,panic_abort"]).current_dir(root());
    for variable in ["RUSTUP_TOOLCHAIN", "CARGO", "RUSTC", "RUSTFLAGS", "CC"] {
        build.env_remove(variable);
    }
    build.env("PATH", "/usr/bin:/bin").env("RUSTC", "/usr/bin/rustc").env("RUSTC_BOOTSTRAP", "1");
    build.env("CARGO_TARGET_DIR", &folder);
    build.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
    stage::run(&mut build)?;

    let module = folder.join(TARGET).join("browser/cloister_browser.wasm");
    println!("   {} bytes of WebAssembly", module.metadata()?.len());
    if !tools::provide(&tools::NODE)? {
        return Ok(Outcome::Skipped("Node is missing and cannot be installed"));
    }
    let mut node = Command::new("node");
    node.arg("crates/browser/tests/instance.mjs").arg(&module).arg("crates/verify/vectors");
    stage::watch(node.current_dir(root()), |line| println!("{line}"))?;
    Ok(Outcome::Passed)
}

const TARGET: &str = "wasm32-unknown-unknown";
