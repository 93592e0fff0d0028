//! A connection to a monitor for commands that do one thing after the other: the attested way,
//! blocking.

use std::path::PathBuf;
use std::time::Duration;

use attestations::{Appraised, Log, Policy};
use clap::Args;
use messages::ids::BootId;
use messages::receipt::Notice;
use messages::reply::{Reply, Request};
use messages::signature::SigningKey;
use tlog::TilePath;
use tokio::runtime::Runtime;

use crate::anchors::File;
use crate::fault::Fault;
use crate::line::{Line, Notices, PATIENCE};

/// Which monitor.
#[derive(Args)]
pub(crate) struct Reach {
    /// The monitor: https://host:port.
    #[arg(long)]
    pub(crate) monitor: String,
    /// Your trust anchors: what the monitor must show before anything is said to it.
    #[arg(long)]
    anchors: PathBuf,
    /// Accept that the monitor's evidence comes from no TEE at all.
    #[arg(long)]
    allow_insecure_software_evidence: bool,
}

impl Reach {
    /// The anchors.
    pub(crate) fn file(&self) -> Result<File, Fault> {
        File::load(&self.anchors)
    }

    /// Connects and appraises, under these anchors.
    pub(crate) fn connect(&self, file: &File) -> Result<Client, Fault> {
        Client::connect(&self.monitor, &file.policy(self.allow_insecure_software_evidence)?)
    }

    /// The same to a monitor that cannot read its state, and has no log to speak for.
    pub(crate) fn connect_locked(&self, file: &File) -> Result<Client, Fault> {
        let policy = file.policy(self.allow_insecure_software_evidence)?;
        Client::connect(&self.monitor, &Policy { log: Log::AnyOrNone, ..policy })
    }
}

/// One attested connection.
pub(crate) struct Client {
    runtime: Runtime,
    line: Line,
}

impl Client {
    /// Connects to `https://host:port` and appraises what is there.
    pub(crate) fn connect(url: &str, policy: &Policy) -> Result<Self, Fault> {
        Self::connect_for(url, policy, PATIENCE)
    }

    /// The same for requests whose answers may take so long.
    pub(crate) fn connect_for(
        url: &str,
        policy: &Policy,
        patience: Duration,
    ) -> Result<Self, Fault> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| Fault::new("runtime", e.to_string(), "free memory and threads"))?;
        let line = runtime.block_on(Line::connect(url, policy, patience))?;
        Ok(Self { runtime, line })
    }

    /// Asks and waits for the answer; a refusal is a fault.
    pub(crate) fn ask(&mut self, request: &Request) -> Result<Reply, Fault> {
        match self.runtime.block_on(self.line.ask(request))? {
            Reply::Error { code } => Err(Fault::refused(&code)),
            reply => Ok(reply),
        }
    }

    /// A part of the log as anybody reads it.
    pub(crate) fn tile(&mut self, tile: TilePath) -> Result<Vec<u8>, Fault> {
        self.runtime.block_on(self.line.tile(tile)).map(Vec::from)
    }

    /// Logs the holder of `key` in, for requests that name their caller.
    pub(crate) fn login(&mut self, key: &SigningKey) -> Result<(), Fault> {
        self.runtime.block_on(self.line.login(key))
    }

    /// The monitor's boot, which openings of sessions name.
    pub(crate) fn boot(&self) -> BootId {
        self.appraised().claims().boot
    }

    /// What was appraised.
    pub(crate) const fn appraised(&self) -> &Appraised {
        self.line.appraised()
    }

    /// Begins to follow the notices for whom this connection is logged in; also returns the place
    /// in the journal after which not one is left out.
    pub(crate) fn notices(&mut self) -> Result<(Notices, u64), Fault> {
        self.runtime.block_on(async {
            let mut notices = self.line.notices().await?;
            let from = notices.begin().await?;
            Ok((notices, from))
        })
    }

    /// The next notice; none at the end.
    pub(crate) fn next(&mut self, notices: &mut Notices) -> Result<Option<Notice>, Fault> {
        self.runtime.block_on(notices.next(&self.line))
    }
}

/// An answer of another kind than the question asks for.
pub(crate) fn strange() -> Fault {
    Fault::new(
        "monitor-strange-answer",
        "the monitor's answer is not of the expected shape",
        "use a cloister and a cloisterd of the same version",
    )
}
