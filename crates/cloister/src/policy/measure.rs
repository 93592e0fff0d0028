//! `cloister policy measure` and `cloister policy moved`: reference values from what an image is
//! launched from, and which part of it moved where a measurement is another one.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use attestations::Hex;
use attestations::launch::{Cpu, Direct, Firmware, Machine, Release, explain, measurement};
use clap::Args;

use crate::fault::{Fault, read, write};
use crate::output;

#[derive(Args)]
#[command(
    after_help = "Example:\n  cloister policy measure --firmware OVMF.amdsev.fd --kernel vmlinuz --initrd initrd.gz \\\n    --command-line \"console=ttyS0\" --vcpus 2 --cpu EPYC-v4 --name 0.1.0 --out release.json"
)]
pub(crate) struct MeasureArguments {
    /// The firmware, built for measured direct boot.
    #[arg(long)]
    firmware: PathBuf,
    /// The kernel.
    #[arg(long)]
    kernel: PathBuf,
    /// The initial file system.
    #[arg(long)]
    initrd: PathBuf,
    /// The command line, as the host passes it.
    #[arg(long)]
    command_line: String,
    /// How many processors; may be repeated.
    #[arg(long, default_value = "1")]
    vcpus: Vec<u32>,
    /// Their type in QEMU; may be repeated.
    #[arg(long, default_value = "EPYC-v4")]
    cpu: Vec<String>,
    /// How people call the release.
    #[arg(long, default_value = "release")]
    name: String,
    /// Where to write the release's parts, for `cloister policy moved`.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
#[command(
    after_help = "Example:\n  cloister policy moved report.bin --release 0.1.0.json --release 0.2.0.json\n\nExit codes: 0 some parts come to the measurement; 1 none do; 3 unusable input or a wrong command."
)]
pub(crate) struct MovedArguments {
    /// An attestation report, or 96 hexadecimal digits.
    measurement: String,
    /// The parts of a release, as `cloister policy measure` writes them; may be repeated.
    #[arg(long, required = true)]
    release: Vec<PathBuf>,
    /// Try machines of at most so many processors.
    #[arg(long, default_value_t = 64)]
    most_vcpus: u32,
}

pub(crate) fn measure(arguments: &MeasureArguments) -> Result<ExitCode, Fault> {
    let firmware = Firmware::parse(&read(&arguments.firmware, 16 << 20)?)
        .map_err(|error| Fault::new(error.code(), error.to_string(), error.remedy()))?;
    let kernel = read(&arguments.kernel, MOST_FILE)?;
    let initrd = read(&arguments.initrd, MOST_FILE)?;
    let boot = Direct::of(&kernel, &initrd, &arguments.command_line);
    let mut rows = Vec::new();
    for name in &arguments.cpu {
        let cpu = Cpu::parse(name).ok_or_else(|| {
            let known: Vec<&str> = Cpu::ALL.iter().map(|cpu| cpu.name()).collect();
            let remedy = format!("give one of {}", known.join(", "));
            Fault::new("cpu-unknown", "the --cpu is no type that is known", remedy)
        })?;
        for vcpus in &arguments.vcpus {
            let machine = Machine { vcpus: *vcpus, cpu, features: 1 };
            rows.push((machine, Hex(measurement(&firmware, &boot, machine))));
        }
    }
    if let Some(out) = &arguments.out {
        let release = Release::new(&arguments.name, &firmware, &boot);
        let text = serde_json::to_string_pretty(&release).unwrap_or_default();
        write(out, format!("{text}\n").as_bytes())?;
    }
    if arguments.json {
        let row = |(machine, digest): &(Machine, Hex<48>)| {
            serde_json::json!({
                "vcpus": machine.vcpus, "cpu": machine.cpu.name(), "measurement": digest,
            })
        };
        let rows: Vec<serde_json::Value> = rows.iter().map(row).collect();
        output::line(serde_json::Value::from(rows).to_string());
        return Ok(ExitCode::SUCCESS);
    }
    for (machine, digest) in rows {
        output::line(format!("{:>3} x {:<11} {digest}", machine.vcpus, machine.cpu.name()));
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn moved(arguments: &MovedArguments) -> Result<ExitCode, Fault> {
    let measured = measured(&arguments.measurement)?;
    let releases = arguments.release.iter().map(|path| release(path));
    let releases = releases.collect::<Result<Vec<Release>, Fault>>()?;
    let Some(found) = explain(&measured, &releases, arguments.most_vcpus) else {
        output::line("no parts of these releases come to this measurement");
        return Ok(ExitCode::from(1));
    };
    let machine = found.machine;
    output::line(format!("{} processors of type {}", machine.vcpus, machine.cpu.name()));
    let parts = ["firmware", "kernel", "initial file system", "command line"];
    for (part, place) in parts.iter().zip(found.parts) {
        let name = releases.get(place).map_or("", |release| &release.name);
        output::line(format!("  {part:<20} {name}"));
    }
    Ok(ExitCode::SUCCESS)
}

fn release(path: &Path) -> Result<Release, Fault> {
    serde_json::from_slice(&read(path, 1 << 20)?).map_err(|error| {
        let said = format!("{}, line {}: not the parts of a release", path.display(), error.line());
        Fault::new("release-malformed", said, "write it with `cloister policy measure --out`")
    })
}

/// Of a report, or as it is written in policies.
fn measured(text: &str) -> Result<[u8; 48], Fault> {
    let digits = hex::decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    if let Some(measured) = digits {
        return Ok(measured);
    }
    let report = read(Path::new(text), 4096)?;
    let field = report.get(MEASUREMENT..).and_then(|rest| rest.first_chunk());
    field.filter(|_| report.len() == messages::evidence::SNP_REPORT_BYTES).copied().ok_or_else(
        || {
            Fault::new(
                "report-malformed",
                "the file is no attestation report of 1,184 bytes",
                "name a report, or give 96 hexadecimal digits",
            )
        },
    )
}

/// Where a report has MEASUREMENT.
const MEASUREMENT: usize = 0x90;
const MOST_FILE: u64 = 512 << 20;
