//! Debian packages, pinned: fetched with a private configuration of apt, so that the machine's own
//! stays as it is, and believed by their hash alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::read;
use crate::stage;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    package: Vec<Package>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Package {
    name: String,
    version: String,
    suite: String,
    sha256: String,
}

/// Fetches and extracts what the list names into `folder`; why not, where a package cannot be had.
pub(super) fn fetch(list: &Path, folder: &Path) -> Result<Result<(), &'static str>> {
    let list: List = toml::from_str(&fs::read_to_string(list)?)?;
    let debs = folder.join("packages");
    fs::create_dir_all(&debs)?;
    let missing: Vec<&Package> =
        list.package.iter().filter(|package| package.have(&debs).is_none()).collect();
    if !missing.is_empty() {
        let Some(source) = source() else {
            return Ok(Err("this machine's apt names no Debian archive"));
        };
        let apt = private(&list, &source, &folder.join("apt"))?;
        println!("   fetching {} Debian packages by name and hash", missing.len());
        let mut update = Command::new("apt-get");
        if stage::run(update.env("APT_CONFIG", &apt).args(["-q", "update"])).is_err() {
            return Ok(Err("the Debian archive cannot be reached"));
        }
        for package in missing {
            let mut download = Command::new("apt-get");
            download.env("APT_CONFIG", &apt).current_dir(&debs).args(["-q", "download"]);
            download.arg(format!("{}={}", package.name, package.version));
            if stage::run(&mut download).is_err() {
                println!("   {} {} has vanished", package.name, package.version);
                return Ok(Err("a package of the image has vanished from the Debian archive"));
            }
        }
    }
    let extracted = folder.join("extracted");
    if extracted.exists() {
        fs::remove_dir_all(&extracted)?;
    }
    for package in &list.package {
        let deb = package.have(&debs);
        let deb = deb.with_context(|| format!("{} has another hash", package.name))?;
        stage::run(Command::new("dpkg-deb").arg("-x").args([&deb, &extracted]))?;
    }
    Ok(Ok(()))
}

impl Package {
    /// The package file in a folder, if its bytes are the listed ones.
    fn have(&self, folder: &Path) -> Option<PathBuf> {
        let files = fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
        let begin = format!("{}_", self.name);
        files
            .filter(|path| {
                path.file_name().is_some_and(|n| n.to_string_lossy().starts_with(&begin))
            })
            .find(|path| {
                let bytes = read(path).unwrap_or_default();
                let digest = Sha256::digest(bytes);
                digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>() == self.sha256
            })
    }
}

/// The archive that this machine's apt takes Debian from.
fn source() -> Option<String> {
    let lists = fs::read_dir("/etc/apt/sources.list.d").ok()?.filter_map(|e| Some(e.ok()?.path()));
    let files = lists.chain([PathBuf::from("/etc/apt/sources.list")]);
    let texts: Vec<String> = files.filter_map(|path| fs::read_to_string(path).ok()).collect();
    let words = texts.iter().flat_map(|text| text.split_whitespace());
    let mut archives = words.filter(|word| word.contains("://"));
    let archive = archives.find(|word| word.trim_end_matches('/').ends_with("/debian"))?;
    Some(archive.to_owned())
}

/// A configuration of apt with folders of its own and the suites of the list.
fn private(list: &List, source: &str, folder: &Path) -> Result<PathBuf> {
    fs::create_dir_all(folder.join("lists/partial"))?;
    fs::create_dir_all(folder.join("cache/archives/partial"))?;
    let mut suites: Vec<&str> = list.package.iter().map(|package| package.suite.as_str()).collect();
    suites.sort_unstable();
    suites.dedup();
    let key = "/usr/share/keyrings/debian-archive-keyring.gpg";
    let lines = suites.iter().map(|suite| format!("deb [signed-by={key}] {source} {suite} main\n"));
    fs::write(folder.join("sources.list"), lines.collect::<String>())?;
    let configuration = folder.join("apt.conf");
    let at = folder.display();
    fs::write(
        &configuration,
        format!(
            "Dir::State::lists \"{at}/lists\";\nDir::Cache \"{at}/cache\";\n\
             Dir::Etc::sourcelist \"{at}/sources.list\";\nDir::Etc::sourceparts \"-\";\n"
        ),
    )?;
    Ok(configuration)
}

/// The only file of a folder whose name begins so.
pub(super) fn only(folder: &Path, begin: &str) -> Result<PathBuf> {
    let files = fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path()));
    let mut named: Vec<PathBuf> = files
        .filter(|path| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with(begin)))
        .collect();
    ensure!(named.len() == 1, "{} files of {} begin with {begin}", named.len(), folder.display());
    named.pop().context("one file")
}
