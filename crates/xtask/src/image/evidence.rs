//! Development evidence is in no release image: not its words, and not the key that signs it. What
//! is looked for is found elsewhere first, so that it cannot go missing here by another name.

use std::path::Path;

use anyhow::{Result, ensure};

use super::{Kind, monitor, read};
use crate::test;

/// Compiles a monitor for release images and looks for development evidence in it. Like the
/// development monitor in everything but that, which is compared with it.
pub(super) fn check(development: &Path) -> Result<()> {
    let release = read(&monitor(Kind::UnoptimisedRelease)?)?;
    let development = read(development)?;
    for word in WORDS {
        let text = word.escape_ascii();
        ensure!(holds(&development, word), "development evidence no longer has {text}");
        ensure!(!holds(&release, word), "a release image has {text}");
    }
    // A monitor signs and appraises nobody; this program's verifier appraises.
    ensure!(holds(&read(&test::cloister())?, &TEST_ROOT), "the test root has another key");
    ensure!(!holds(&release, &TEST_ROOT), "a release image has the test root's public key");
    println!("   a monitor for release images has nothing of development evidence");
    Ok(())
}

fn holds(program: &[u8], word: &[u8]) -> bool {
    program.windows(word.len()).any(|window| window == word)
}

/// The banner, the media type, and the published seed of the key that signs.
const WORDS: [&[u8]; 3] = [
    b"INSECURE SOFTWARE EVIDENCE",
    b"application/vnd.cloister.insecure-software-evidence+cbor",
    b"INSECURE - NOT A TEE - PUBLISHED",
];

/// The public half of that key, which a development monitor does not have as such.
const TEST_ROOT: [u8; 32] = [
    0x30, 0x6b, 0x59, 0x12, 0xfb, 0x74, 0x34, 0xe6, 0x0f, 0x51, 0xde, 0x69, 0xc1, 0xab, 0xec, 0x67,
    0x4f, 0x28, 0x7b, 0x4e, 0xb3, 0xff, 0x81, 0x68, 0x44, 0xe9, 0x10, 0x4a, 0x18, 0x23, 0xb2, 0x47,
];
