//! `cloister renew`: has witnesses cosign a monitor's newest checkpoint, and takes what they signed
//! to the monitor. That is its time, and its lease: what keeps a second boot of the same monitor
//! from being live beside it.
//!
//! Whoever runs this is trusted with nothing: the monitor checks what it gets, and lives without
//! it until its lease ends.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use messages::reply::{Reply, Request};

use crate::anchors::File;
use crate::client::{Client, Reach, strange};
use crate::fault::Fault;
use crate::output;
use crate::witnesses::{AHEAD, Witnesses};

#[derive(Args)]
#[command(
    after_help = "Example:\n  cloister renew --monitor https://127.0.0.1:8443 --anchors anchors.toml \\\n    --witness https://w1.example --witness https://w2.example --witness https://w3.example --every 20\n\nA monitor with a witnessed clock takes nothing before the first time, and nothing after its lease:\nask at least three times in the configured lease_ms."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    reach: Reach,
    /// A witness, by the address before `/add-checkpoint`; may be repeated.
    #[arg(long, required = true)]
    witness: Vec<String>,
    /// Go on, and ask again after so many seconds.
    #[arg(long)]
    every: Option<u64>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Fault> {
    let file = arguments.reach.file()?;
    let mut witnesses = Witnesses::read(&arguments.witness)?;
    // Kept from one time to the next: a monitor is appraised when it is connected to.
    let mut connected = None;
    loop {
        let renewed = renew(arguments, &file, &mut witnesses, &mut connected);
        if renewed.is_err() {
            connected = None;
        }
        let Some(seconds) = arguments.every else {
            let counted = renewed?;
            output::line(format!("renewed: {counted} of the monitor's witnesses have cosigned"));
            return Ok(ExitCode::SUCCESS);
        };
        match renewed {
            Ok(counted) => output::event("renewed", &[("witnesses", &counted.to_string())]),
            // Who goes on outlives a monitor and witnesses that do not answer.
            Err(fault) => output::fault(&fault),
        }
        std::thread::sleep(Duration::from_secs(seconds.max(1)));
    }
}

/// Once, over the connection that there is or a new one.
fn renew(
    arguments: &Arguments,
    file: &File,
    witnesses: &mut Witnesses,
    connected: &mut Option<Client>,
) -> Result<u64, Fault> {
    if let Some(mut client) = connected.take() {
        let counted = once(&mut client, witnesses)?;
        *connected = Some(client);
        return Ok(counted);
    }
    let mut client = arguments.reach.connect(file)?;
    // A boot introduces itself once it has a lease, and serves once that has been seen.
    once(&mut client, witnesses)?;
    let counted = once(&mut client, witnesses)?;
    *connected = Some(client);
    Ok(counted)
}

/// One checkpoint; how many of the monitor's witnesses have cosigned.
fn once(client: &mut Client, witnesses: &mut Witnesses) -> Result<u64, Fault> {
    let Reply::Included { mut checkpoint, .. } =
        client.ask(&Request::Include { leaves: Vec::new() })?
    else {
        return Err(strange());
    };
    let claims = client.appraised().claims();
    let head = tlog::open_checkpoint(&checkpoint, &claims.origin, &claims.log_key)
        .map_err(|error| Fault::new(error.code(), error.to_string(), "compare the anchors"))?;
    let mut cosigned = 0usize;
    for (_, refused) in witnesses.cosign(&mut checkpoint, head.size(), client)? {
        match refused {
            None => cosigned = cosigned.saturating_add(1),
            Some(fault) if fault.code == AHEAD => output::fault(&Fault {
                remedy: "the monitor's record is older than its log, or a second monitor runs: \
                         start it from the newest copy of its state folder"
                    .into(),
                ..fault
            }),
            Some(fault) => output::fault(&fault),
        }
    }
    if cosigned == 0 {
        return Err(Fault::new(
            "witnesses-none",
            "no witness has cosigned",
            "see what each of them said",
        ));
    }
    let Reply::Cosigned { witnesses } = client.ask(&Request::Cosign { note: checkpoint })? else {
        return Err(strange());
    };
    Ok(witnesses)
}
