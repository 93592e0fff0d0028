//! The attested way to a monitor: nothing is said before its evidence was appraised in the same
//! TLS session.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use attestations::{Appraised, Policy};
use channel::client::{Attested, Channel, ChannelError, Endpoint, Limits, Streamed, Token};
use channel::forms;
use channel::forms::Operation;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use messages::did::Did;
use messages::receipt::{BootCertificate, Notice};
use messages::reply::{Reply, Request};
use messages::signature::SigningKey;
use rand_core::{OsRng, RngCore};
use tlog::TilePath;

use crate::anchors::{evidence_remedy, now};
use crate::client::strange;
use crate::fault::Fault;

/// One attested connection; requests run side by side.
pub(crate) struct Line {
    channel: Channel<Attested>,
    /// Whoever is logged in, and the token, which is renewed when it has expired.
    login: Option<SigningKey>,
    token: RwLock<Option<Token>>,
}

/// Signed notices as they happen.
pub(crate) struct Notices {
    stream: Streamed,
    reader: forms::NoticeReader,
    ready: std::collections::VecDeque<Notice>,
}

impl Line {
    /// Connects to `https://host:port`, challenges, appraises. Answers may take as long as
    /// `patience`.
    pub(crate) async fn connect(
        url: &str,
        policy: &Policy,
        patience: Duration,
    ) -> Result<Self, Fault> {
        let endpoint = Endpoint::parse(url).map_err(fault)?;
        let limits = Limits { answer: patience, ..Limits::default() };
        let connected = Channel::connect(&endpoint, policy, now(), limits).await.map_err(fault)?;
        let channel = connected.attest(now(), &mut OsRng).await.map_err(fault)?;
        Ok(Self { channel, login: None, token: RwLock::default() })
    }

    /// What was appraised.
    pub(crate) const fn appraised(&self) -> &Appraised {
        self.channel.appraised()
    }

    /// Logs the holder of `key` in to this connection, for requests that name their caller.
    pub(crate) async fn login(&mut self, key: &SigningKey) -> Result<(), Fault> {
        self.login = Some(SigningKey::from_seed(&key.expose_seed()));
        self.renew(key).await
    }

    async fn renew(&self, key: &SigningKey) -> Result<(), Fault> {
        let did = Did::from_key(&key.public());
        let token = self.channel.login(&did, key).await.map_err(fault)?;
        *self.token.write().unwrap_or_else(PoisonError::into_inner) = Some(token);
        Ok(())
    }

    /// Asks and waits for the answer; refusals are replies.
    pub(crate) async fn ask(&self, request: &Request) -> Result<Reply, Fault> {
        let http = forms::to_http(request).map_err(|e| malformed(e.code()))?;
        let body = self.send(http, HeaderMap::new()).await?;
        forms::from_json(&body).map_err(|_| strange())
    }

    /// Asks for the decision on a signed call. A pause may wait so long for its overseer.
    pub(crate) async fn decide(
        &self,
        event: &[u8],
        wait: Duration,
    ) -> Result<forms::Decision, Fault> {
        let http = forms::to_decision(event).map_err(|e| malformed(e.code()))?;
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_str(&forms::prefer_wait(wait))
            && !wait.is_zero()
        {
            headers.insert(PREFER, value);
        }
        let body = self.send(http, headers).await?;
        forms::decision_from_json(&body).map_err(|_| strange())
    }

    /// A part of the log as anybody reads it (C2SP tlog-tiles).
    pub(crate) async fn tile(&self, tile: TilePath) -> Result<bytes::Bytes, Fault> {
        let (path, none) = (format!("/{tile}"), (HeaderMap::new(), bytes::Bytes::new()));
        let answer = self.channel.request(Method::GET, &path, none.0, none.1).await;
        let answer = answer.map_err(fault)?;
        if answer.status == StatusCode::OK { Ok(answer.body) } else { Err(strange()) }
    }

    /// The log key's word for the boot key that was appraised.
    pub(crate) async fn certificate(&self) -> Result<BootCertificate, Fault> {
        let mut nonce = [0; 32];
        OsRng.fill_bytes(&mut nonce);
        let Reply::Attestation { certificate, .. } = self.ask(&Request::Attest { nonce }).await?
        else {
            return Err(strange());
        };
        let claims = self.appraised().claims();
        let same = (certificate.boot, certificate.key) == (claims.boot, claims.boot_key);
        match certificate.verify(&claims.log_key) {
            Ok(()) if same => Ok(certificate),
            Ok(()) | Err(_) => Err(strange()),
        }
    }

    /// Follows the notices for whom this connection is logged in.
    pub(crate) async fn notices(&self) -> Result<Notices, Fault> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(forms::notice::EVENT_STREAM));
        self.authorize(&mut headers);
        let path = Operation::Follow.template();
        let stream =
            self.channel.stream(Method::GET, path, headers, "".into()).await.map_err(fault)?;
        if [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS].contains(&stream.status)
        {
            let remedy = "wait: the command asks again";
            return Err(Fault::new("channel-busy", "the monitor takes no reader now", remedy));
        }
        if stream.status != StatusCode::OK {
            return Err(Fault::refused(match stream.status {
                StatusCode::UNAUTHORIZED => "login-required",
                StatusCode::FORBIDDEN => "follow-not-concerned",
                _ => "alerts-refused",
            }));
        }
        Ok(Notices { stream, reader: forms::NoticeReader::default(), ready: [].into() })
    }

    async fn send(
        &self,
        http: forms::HttpRequest,
        mut headers: HeaderMap,
    ) -> Result<bytes::Bytes, Fault> {
        headers.insert(ACCEPT, HeaderValue::from_static(forms::JSON));
        if let Some(kind) = http.content_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        self.authorize(&mut headers);
        let (method, target, body) = (http.method, http.target, bytes::Bytes::from(http.body));
        let asked = (method.clone(), headers.clone(), body.clone());
        let answer =
            self.channel.request(asked.0, &target, asked.1, asked.2).await.map_err(fault)?;
        let Some(key) = self.login.as_ref().filter(|_| answer.status == StatusCode::UNAUTHORIZED)
        else {
            return Ok(answer.body);
        };
        // Nothing was taken under a token that has expired.
        self.renew(key).await?;
        self.authorize(&mut headers);
        let answer = self.channel.request(method, &target, headers, body).await;
        Ok(answer.map_err(fault)?.body)
    }

    fn authorize(&self, headers: &mut HeaderMap) {
        let token = self.token.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(token) = token.as_ref() {
            token.authorize(headers);
        }
    }
}

impl Notices {
    /// The place in the journal after which not one notice is left out.
    pub(crate) async fn begin(&mut self) -> Result<u64, Fault> {
        loop {
            if let Some(from) = self.reader.from() {
                return Ok(from);
            }
            let bytes = self.stream.next().await.map_err(fault)?.ok_or_else(ended)?;
            self.ready.extend(self.reader.push(&bytes).map_err(|_| strange())?);
        }
    }

    /// The next notice, whose signature is checked with the boot key that was appraised; none at
    /// the end of the stream.
    pub(crate) async fn next(&mut self, line: &Line) -> Result<Option<Notice>, Fault> {
        loop {
            if let Some(notice) = self.ready.pop_front() {
                let claims = line.appraised().claims();
                let genuine = notice.boot == claims.boot && notice.verify(&claims.boot_key).is_ok();
                return if genuine { Ok(Some(notice)) } else { Err(forged()) };
            }
            let Some(bytes) = self.stream.next().await.map_err(fault)? else { return Ok(None) };
            self.ready.extend(self.reader.push(&bytes).map_err(|_| strange())?);
        }
    }
}

/// The channel's refusal, with the remedy for evidence where it is one.
pub(crate) fn fault(error: ChannelError) -> Fault {
    let remedy = match error {
        ChannelError::Evidence(refusal) | ChannelError::CertificateEvidence(refusal) => {
            evidence_remedy(refusal.code())
        }
        other => other.remedy(),
    };
    Fault::new(error.code(), error.to_string(), remedy)
}

/// The monitor ended a stream.
pub(crate) fn ended() -> Fault {
    let remedy = "wait: the command connects again";
    Fault::new("channel-ended", "the monitor ended the stream", remedy)
}

fn malformed(code: &str) -> Fault {
    Fault::new(code, "the request cannot be written as one", "check what is to be sent")
}

fn forged() -> Fault {
    Fault::new(
        "notice-forged",
        "a notice is not signed by the monitor's boot",
        "connect again; if it recurs, something between you and the monitor forges notices",
    )
}

/// Proofs take their time.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
const PREFER: HeaderName = HeaderName::from_static("prefer");
