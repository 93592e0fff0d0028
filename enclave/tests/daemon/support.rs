//! A `cloisterd` of the test's own, on a folder or a machine's disk that outlives it, and a party's
//! way to it: the attested channel, with evidence appraised as any stranger would.

use std::cell::Cell;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use attestations::{Log, Policy, SoftwarePolicy};
use channel::client::{
    Attested, Channel, ChannelError, Endpoint, Limits, Response, Streamed, Token,
};
use channel::forms::{self, HttpRequest};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use messages::did::Did;
use messages::domain;
use messages::ids::{BootId, ConfigDigest, SessionId};
use messages::receipt::BootCertificate;
use messages::reply::{Reply, Request};
use messages::signature::SigningKey;
use messages::time::UnixMillis;
use rand_core::OsRng;
use sha2::{Digest, Sha256};
use tokio::runtime::Runtime;

use crate::machine::{Boot, Machine};

/// The demonstration's configuration.
const CONFIG: &str = include_str!("../../../crates/cloister/demo/monitor.toml");
pub(crate) const ORIGIN: &str = "insecure-dev/demo.cloister.example";
const EXECUTABLE: &str = env!("CARGO_BIN_EXE_cloisterd");

/// Where one monitor lives, boot after boot.
pub(crate) struct Home {
    folder: tempfile::TempDir,
    policy: Policy,
    starts: Cell<u32>,
}

/// A monitor that is about to run.
struct Start {
    command: Command,
    audit: PathBuf,
    /// Where a machine is reached, whatever its monitor says of addresses.
    reached: Option<SocketAddr>,
}

/// A monitor that runs; it ends with this value.
pub(crate) struct Daemon {
    child: Child,
    pub(crate) policy: Policy,
    audit: PathBuf,
    /// Where parties connect.
    pub(crate) address: SocketAddr,
    /// Where the operator's own machine connects; nowhere if the monitor is alone in a machine.
    pub(crate) operator: Option<SocketAddr>,
}

/// A monitor that ended by itself.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) said: String,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self::with(|config| config)
    }

    /// With an edited configuration.
    pub(crate) fn with(edit: impl FnOnce(String) -> String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = CONFIG.replace("{start_ms}", "1796083200000");
        let config = edit(if Machine::given().is_some() {
            Machine::configured(&config)
        } else {
            let listen = "listen = \"127.0.0.1:0\"\n";
            config.replace(listen, &format!("{listen}operator = \"127.0.0.1:0\"\n"))
        });
        std::fs::write(folder.path().join("monitor.toml"), &config).unwrap();
        let policy = Policy {
            origin: ORIGIN.into(),
            configs: vec![ConfigDigest(domain::CONFIG.hash(&[config.as_bytes()]))],
            log: Log::Any,
            hardware: None,
            software: Some(SoftwarePolicy { measurements: vec![measurement().into()] }),
        };
        Self { folder, policy, starts: Cell::new(0) }
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// Everything that every boot so far has printed.
    pub(crate) fn audit(&self) -> String {
        let texts = (1..=self.starts.get()).map(|n| std::fs::read_to_string(self.audit_of(n)));
        texts.map(Result::unwrap).collect()
    }

    pub(crate) fn start(&self) -> Daemon {
        self.launch(|_| {}).unwrap_or_else(|ended| panic!("cloisterd ended: {ended:?}"))
    }

    /// Starts a monitor that must refuse to, and returns what it said.
    pub(crate) fn refused(&self) -> String {
        match self.launch(|_| {}) {
            Ok(_) => panic!("cloisterd starts"),
            Err(ended) if ended.status.success() => panic!("cloisterd ended well: {ended:?}"),
            Err(ended) => ended.said,
        }
    }

    /// Starts a monitor and ends it after `span`, whether or not it has come so far as to listen.
    pub(crate) fn killed_while_starting(&self, span: Duration) {
        let mut child = self.next().command.spawn().unwrap();
        std::thread::sleep(span);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    fn next(&self) -> Start {
        self.starts.set(self.starts.get() + 1);
        let audit = self.audit_of(self.starts.get());
        let config = self.folder.path().join("monitor.toml");
        if let Some(machine) = Machine::given() {
            let boot = Boot { config: &config, state: &self.state(), serial: &audit };
            let (command, reached) = machine.command(&boot);
            return Start { command, audit, reached: Some(reached) };
        }
        let mut command = Command::new(EXECUTABLE);
        command
            .arg("--config")
            .arg(config)
            .arg("--state")
            .arg(self.state())
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&audit).unwrap());
        Start { command, audit, reached: None }
    }

    /// Starts a monitor with an edited command, and waits until it listens or ends.
    pub(crate) fn launch(&self, edit: impl FnOnce(&mut Command)) -> Result<Daemon, Ended> {
        let mut start = self.next();
        edit(&mut start.command);
        match self.until_it_listens(start) {
            // An emulator of this age now and then crashes a kernel, before any monitor has begun.
            Err(ended) if Machine::given().is_some() && !ended.said.contains("\"event\"") => {
                // Past the capture of what a passing test prints.
                let note = format!("a machine ended, and is tried once more: {ended:?}\n");
                std::io::stderr().write_all(note.as_bytes()).unwrap();
                self.until_it_listens(self.next())
            }
            listens_or_ended => listens_or_ended,
        }
    }

    fn until_it_listens(&self, start: Start) -> Result<Daemon, Ended> {
        let Start { mut command, audit, reached } = start;
        let mut child = command.spawn().unwrap();
        for _ in 0..if reached.is_some() { 60_000 } else { 12_000 } {
            let ended = child.try_wait().unwrap();
            let said = std::fs::read_to_string(&audit).unwrap();
            if let Some(status) = ended {
                return Err(Ended { status, said });
            }
            if let Some((address, operator)) = doors(&said, reached) {
                return Ok(Daemon { child, policy: self.policy.clone(), audit, address, operator });
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        child.kill().unwrap();
        panic!("cloisterd does not listen");
    }

    fn audit_of(&self, start: u32) -> PathBuf {
        self.folder.path().join(format!("audit-{start}"))
    }
}

impl Daemon {
    /// A new attested connection.
    pub(crate) fn connect(&self) -> Client {
        self.door().connect().unwrap()
    }

    /// The same to a monitor that cannot read its state.
    pub(crate) fn connect_locked(&self) -> Client {
        let policy = Policy { log: Log::AnyOrNone, ..self.policy.clone() };
        Door { policy, ..self.door() }.connect().unwrap()
    }

    /// The way to this boot, for another thread.
    pub(crate) fn door(&self) -> Door {
        Door { address: self.address, policy: self.policy.clone() }
    }

    /// What this boot has printed.
    pub(crate) fn audit(&self) -> String {
        std::fs::read_to_string(&self.audit).unwrap()
    }

    /// Waits until a monitor that was locked listens for the second time.
    pub(crate) fn listens_again(&mut self) {
        for _ in 0..12_000 {
            let said = self.audit();
            let unlocked = said.split_once("\"unlocked\"").map(|(_, said)| said);
            if let Some(again) = unlocked.and_then(|said| address(said, "listening")) {
                self.address = again;
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("cloisterd does not listen again");
    }

    /// Ends the process as `kill -9` does.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks the process to end.
    pub(crate) fn terminate(&self) {
        let pid = self.child.id().to_string();
        let asked = Command::new("sh").args(["-c", "kill -TERM \"$1\"", "sh", &pid]).status();
        assert!(asked.unwrap().success());
    }

    /// Waits until the process has ended.
    pub(crate) fn wait(mut self) -> Ended {
        let status = self.child.wait().unwrap();
        Ended { status, said: self.audit() }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Already gone is as good as ended.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// How to reach and judge one boot.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) address: SocketAddr,
    policy: Policy,
}

/// One attested connection.
pub(crate) struct Client {
    runtime: Runtime,
    channel: Channel<Attested>,
    token: Option<Token>,
}

/// A stream of notices.
pub(crate) struct Following<'a> {
    runtime: &'a Runtime,
    stream: Streamed,
}

impl Following<'_> {
    /// The next bytes.
    pub(crate) fn piece(&mut self) -> Vec<u8> {
        self.runtime.block_on(self.stream.next()).unwrap().unwrap().to_vec()
    }
}

impl Door {
    pub(crate) fn connect(&self) -> Result<Client, ChannelError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let endpoint = Endpoint::parse(&format!("https://{}", self.address))?;
        let limits = Limits { answer: Duration::from_secs(120), ..Limits::default() };
        let channel = runtime.block_on(async {
            let connected = Channel::connect(&endpoint, &self.policy, now(), limits).await?;
            connected.attest(now(), &mut OsRng).await
        })?;
        Ok(Client { runtime, channel, token: None })
    }
}

impl Client {
    /// Asks, and waits for the answer; refusals are replies.
    pub(crate) fn ask(&self, request: &Request) -> Reply {
        self.try_ask(request).unwrap()
    }

    /// The same while the monitor may go away.
    pub(crate) fn try_ask(&self, request: &Request) -> Result<Reply, ChannelError> {
        let answer = self.send(forms::to_http(request).unwrap(), HeaderMap::new())?;
        Ok(forms::from_json(&answer.body).unwrap())
    }

    /// The code of a refusal.
    pub(crate) fn refused(&self, request: &Request) -> String {
        code(self.ask(request))
    }

    pub(crate) fn send(
        &self,
        request: HttpRequest,
        mut headers: HeaderMap,
    ) -> Result<Response, ChannelError> {
        headers.insert(ACCEPT, HeaderValue::from_static(forms::JSON));
        if let Some(kind) = request.content_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        if let Some(token) = &self.token {
            token.authorize(&mut headers);
        }
        let HttpRequest { method, target, body, .. } = request;
        self.runtime.block_on(self.channel.request(method, &target, headers, body.into()))
    }

    /// Sends bytes of the test's own making.
    pub(crate) fn post(&self, path: &str, kind: &'static str, body: Vec<u8>) -> Response {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(kind))]);
        let sent = self.channel.request(Method::POST, path, headers, body.into());
        self.runtime.block_on(sent).unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        let sent = self.channel.request(Method::GET, path, HeaderMap::new(), "".into());
        self.runtime.block_on(sent).unwrap()
    }

    /// Sends a batch and hands on each answer as it comes, for the monitor may go away in between.
    pub(crate) fn batch(
        &self,
        session: &SessionId,
        events: &[Vec<u8>],
        mut on: impl FnMut(Reply),
    ) -> Result<(), ChannelError> {
        let request = forms::to_batch(session, events).unwrap();
        let kind = HeaderValue::from_static(request.content_type.unwrap());
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, kind)]);
        let HttpRequest { method, target, body, .. } = request;
        self.runtime.block_on(async {
            let mut stream = self.channel.stream(method, &target, headers, body.into()).await?;
            let mut line = Vec::new();
            while let Some(bytes) = stream.next().await? {
                for byte in bytes {
                    if byte == b'\n' {
                        on(forms::from_json(&line).unwrap());
                        line.clear();
                    } else {
                        line.push(byte);
                    }
                }
            }
            assert!(line.is_empty(), "half an answer");
            Ok(())
        })
    }

    pub(crate) fn login(&mut self, key: &SigningKey) -> Result<(), ChannelError> {
        let did = Did::from_key(&key.public());
        self.token = Some(self.runtime.block_on(self.channel.login(&did, key))?);
        Ok(())
    }

    /// Follows the notices for whom this connection is logged in.
    pub(crate) fn follow(&self) -> Following<'_> {
        let mut headers = HeaderMap::new();
        self.token.as_ref().unwrap().authorize(&mut headers);
        let path = forms::Operation::Follow.template();
        let stream = self.channel.stream(Method::GET, path, headers, "".into());
        let stream = self.runtime.block_on(stream).unwrap();
        assert_eq!(stream.status, 200);
        Following { runtime: &self.runtime, stream }
    }

    /// The boot that was appraised.
    pub(crate) fn boot(&self) -> BootId {
        self.channel.appraised().claims().boot
    }

    /// The log key's word for the boot, and the newest checkpoint.
    pub(crate) fn certificate(&self) -> Result<(BootCertificate, String), ChannelError> {
        let Reply::Attestation { certificate, checkpoint, .. } =
            self.try_ask(&Request::Attest { nonce: [5; 32] })?
        else {
            panic!("no attestation")
        };
        let claims = self.channel.appraised().claims();
        certificate.verify(&claims.log_key).unwrap();
        assert_eq!((certificate.boot, certificate.key), (claims.boot, claims.boot_key));
        Ok((certificate, checkpoint))
    }

    pub(crate) fn log_key(&self) -> messages::signature::PublicKey {
        self.channel.appraised().claims().log_key
    }
}

/// The code of a refusal.
pub(crate) fn code(reply: Reply) -> String {
    match reply {
        Reply::Error { code } => code,
        other => panic!("{other:?}"),
    }
}

/// What the executable measures as, computed here and not asked of the monitor.
fn measurement() -> &'static str {
    static MEASURED: OnceLock<String> = OnceLock::new();
    MEASURED.get_or_init(|| {
        let monitor =
            Machine::given().map_or_else(|| Path::new(EXECUTABLE), |given| &given.monitor);
        let bytes = std::fs::read(monitor).unwrap();
        format!("sw:{}", hex::encode(Sha256::digest(bytes)))
    })
}

/// Where parties and the operator connect, once it is said that they may.
fn doors(said: &str, reached: Option<SocketAddr>) -> Option<(SocketAddr, Option<SocketAddr>)> {
    let parties = address(said, "listening")?;
    match reached {
        Some(reached) => Some((reached, None)),
        None => Some((parties, Some(address(said, "operator-listening")?))),
    }
}

fn address(said: &str, event: &str) -> Option<SocketAddr> {
    said.lines().find_map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        let fields = line.get("fields")?;
        (fields.get("event")? == event).then_some(())?;
        fields.get("address")?.as_str()?.parse().ok()
    })
}

/// A certificate's dates are compared with the client's own clock.
#[expect(clippy::disallowed_methods, reason = "a party's own clock")]
fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    UnixMillis(u64::try_from(since.as_millis()).unwrap())
}
