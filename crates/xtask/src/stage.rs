//! One check after the other, each with its time; the first failure ends the run.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How a stage ended, unless it failed.
pub(crate) enum Outcome {
    /// Everything it checks holds.
    Passed,
    /// It could not run here, and why.
    Skipped(&'static str),
}

/// Fails when one of the `named` stages is not among `all`.
pub(crate) fn known<'a>(
    named: &[String],
    all: impl Iterator<Item = &'a str> + Clone,
) -> Result<()> {
    if let Some(unknown) = named.iter().find(|name| !all.clone().any(|one| one == **name)) {
        bail!("no stage `{unknown}`; there are {}", all.collect::<Vec<_>>().join(", "));
    }
    Ok(())
}

/// Is this stage among the `named` ones? None named means all.
pub(crate) fn wanted(named: &[String], stage: &str) -> bool {
    named.is_empty() || named.iter().any(|name| name == stage)
}

/// The stages that ran so far.
#[derive(Default)]
pub(crate) struct Stages {
    rows: Vec<(&'static str, Duration, Outcome)>,
}

impl Stages {
    /// Runs one stage and prints its name and its seconds.
    pub(crate) fn run(
        &mut self,
        name: &'static str,
        stage: impl FnOnce() -> Result<Outcome>,
    ) -> Result<()> {
        println!("== {name}");
        let start = now();
        let outcome = stage().with_context(|| format!("stage `{name}` failed"))?;
        let took = now().saturating_duration_since(start);
        println!("   {}, {:.1} s", outcome.word(), took.as_secs_f64());
        self.rows.push((name, took, outcome));
        Ok(())
    }

    /// Prints the table of all stages.
    pub(crate) fn print_table(&self) {
        println!();
        println!("{:<14} {:>9}  result", "stage", "seconds");
        for (name, took, outcome) in &self.rows {
            println!("{name:<14} {:>9.1}  {}", took.as_secs_f64(), outcome.word());
        }
        let total: Duration = self.rows.iter().map(|(_, took, _)| *took).sum();
        println!("{:<14} {:>9.1}", "all", total.as_secs_f64());
        println!();
    }
}

impl Outcome {
    fn word(&self) -> String {
        match self {
            Self::Passed => "passed".to_owned(),
            Self::Skipped(why) => format!("skipped: {why}"),
        }
    }
}

/// Runs a command to its end and fails with everything it printed, both streams in order.
pub(crate) fn run(command: &mut Command) -> Result<Outcome> {
    watch(command, |_| {})?;
    Ok(Outcome::Passed)
}

/// As [`run`], and shows `see` each line as it comes.
pub(crate) fn watch(command: &mut Command, mut see: impl FnMut(&str)) -> Result<()> {
    let shown = words(command);
    let (reader, writer) = std::io::pipe()?;
    command.stdin(std::process::Stdio::null());
    command.stdout(writer.try_clone()?).stderr(writer);
    let mut child = command.spawn().with_context(|| format!("cannot start {shown}"))?;
    // Our own ends of the pipe: while they are open, the reader sees no end.
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let mut printed = String::new();
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        let text = String::from_utf8_lossy(&line);
        see(text.trim_end());
        printed.push_str(&text);
        line.clear();
    }
    if !child.wait()?.success() {
        println!("{printed}");
        bail!("`{shown}` did not succeed; its output is above");
    }
    Ok(())
}

/// Returns a command as a person would type it.
fn words(command: &Command) -> String {
    let program = command.get_program();
    let name = Path::new(program).file_name().unwrap_or(program);
    let words = std::iter::once(name).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[expect(clippy::disallowed_methods, reason = "the seconds that a stage took")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failing_command_fails_its_stage() {
        let mut stages = Stages::default();
        assert!(stages.run("fails", || run(&mut Command::new("false"))).is_err());
        assert!(stages.rows.is_empty());
    }

    #[test]
    fn command_is_shown_as_it_is_typed() {
        let mut command = Command::new("/usr/bin/cargo");
        assert_eq!(words(command.args(["fmt", "--check"])), "cargo fmt --check");
    }

    #[test]
    fn both_streams_are_seen() {
        let mut seen = Vec::new();
        let mut command = Command::new("sh");
        command.args(["-c", "echo out; echo err >&2"]);
        watch(&mut command, |line| seen.push(line.to_owned())).unwrap();
        assert_eq!(seen, ["out", "err"]);
    }
}
