//! A connection to a monitor's local door.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use messages::codec::Wire;
use messages::evidence::{Claims, Conceptual, SoftwareEvidence};
use messages::ids::BootId;
use messages::reply::{Reply, Request};

use crate::client::strange;
use crate::fault::Fault;

/// One connection; requests are answered in turn.
pub(crate) struct Client(UnixStream);

impl Client {
    /// Connects to the socket at `path`.
    pub(crate) fn connect(path: &Path) -> Result<Self, Fault> {
        let stream = UnixStream::connect(path).map_err(|e| {
            Fault::new(
                "monitor-unreachable",
                format!("no monitor answers at {}: {e}", path.display()),
                "start cloisterd with this socket, or name the right one",
            )
        })?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(|e| broken(&e))?;
        Ok(Self(stream))
    }

    /// Asks and waits for the answer; a refusal is a fault.
    pub(crate) fn ask(&mut self, request: &Request) -> Result<Reply, Fault> {
        match self.ask_raw(&request.to_cbor())? {
            Reply::Error { code } => Err(Fault::refused(&code)),
            reply => Ok(reply),
        }
    }

    /// The monitor's boot, which openings of sessions name. Believed as far as the evidence was
    /// appraised: an opening for another boot is worth nothing there.
    pub(crate) fn boot(&mut self) -> Result<BootId, Fault> {
        let Reply::Attestation { evidence, .. } = self.ask(&Request::Attest { nonce: [0; 32] })?
        else {
            return Err(strange());
        };
        Conceptual::from_cbor(&evidence)
            .and_then(|message| SoftwareEvidence::from_cbor(&message.value))
            .and_then(|evidence| Claims::from_cbor(&evidence.claims))
            .map(|claims| claims.boot)
            .map_err(|_| strange())
    }

    /// Sends bytes as they are; refusals come back as replies.
    pub(crate) fn ask_raw(&mut self, bytes: &[u8]) -> Result<Reply, Fault> {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes();
        self.0.write_all(&[&length[..], bytes].concat()).map_err(|e| broken(&e))?;
        let mut length = [0; 4];
        self.0.read_exact(&mut length).map_err(|e| broken(&e))?;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > Reply::MAX_BYTES {
            return Err(strange());
        }
        let mut bytes = vec![0; length];
        self.0.read_exact(&mut bytes).map_err(|e| broken(&e))?;
        Reply::from_cbor(&bytes).map_err(|_| strange())
    }
}

fn broken(error: &std::io::Error) -> Fault {
    Fault::new(
        "monitor-connection",
        format!("the connection to the monitor broke: {error}"),
        "look at the monitor's audit lines, then ask again: nothing is counted twice",
    )
}

const PATIENCE: Duration = Duration::from_secs(120);
