//! The door of a monitor that cannot read its state: it shows evidence of itself, takes custodians'
//! shares, and refuses everything else.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use channel::server::ServerIdentity;
use journal::SealingKey;
use messages::codec::Wire;
use messages::did::Did;
use messages::evidence::{Claims, Conceptual};
use messages::ids::{BootId, EventHash, SessionId};
use messages::receipt::BootCertificate;
use messages::reply::{Reply, Request};
use messages::signature::{PublicKey, Signature};
use pact::OnDeadline;
use rand_core::{OsRng, RngCore};
use tokio::sync::Semaphore;

use super::{Locked, Open};
use crate::api;
use crate::audit;
use crate::boot_key::BootKey;
use crate::clock::wall;
use crate::config::Config;
use crate::desk::{Caller, Promise};
use crate::door::{self, Addresses};
use crate::pipeline::{NO_EVIDENCE, Refused, refused};
use crate::tee::Tee;

/// Serves until a quorum of the custodians has brought its shares; none when the process was asked
/// to end before that.
pub(crate) fn serve(
    config: &Config,
    tee: &Arc<Tee>,
    locked: Locked,
    machine: Option<&dyn SealingKey>,
) -> anyhow::Result<Option<Open>> {
    audit::line(audit::Line::Locked);
    let mut boot = BootId::default();
    OsRng.fill_bytes(&mut boot.0);
    let boot_key = BootKey::generate(&mut OsRng);
    let boot_key = boot_key.ok_or_else(|| anyhow::anyhow!("the provider has no Ed25519"))?;
    // What it would have to sign a log with is in the state that it cannot read.
    let none = Claims::NO_LOG;
    let origin = config.values.origin.clone();
    let claims = Claims::for_checkpoint(origin, (boot, boot_key.public()), none, config.digest);
    let taking = Arc::new(Mutex::new(Taking { locked: Some(locked), missing: None }));
    let front = Front {
        claims,
        boot_key: Arc::new(boot_key),
        tee: Arc::clone(tee),
        turn: Arc::new(Semaphore::new(1)),
        taking: Arc::clone(&taking),
    };
    let addresses = Addresses { parties: config.values.listen, operator: config.values.operator };
    door::open(addresses, config.values.limits(), front)?;
    let mut taking = taking.lock().unwrap_or_else(PoisonError::into_inner);
    if taking.missing != Some(0) {
        return Ok(None);
    }
    let Some(locked) = taking.locked.take() else { return Ok(None) };
    let open = locked.opened(machine)?;
    audit::line(audit::Line::Unlocked);
    Ok(Some(open))
}

/// What custodians have brought.
struct Taking {
    locked: Option<Locked>,
    missing: Option<usize>,
}

/// A monitor that is only a door.
#[derive(Clone)]
struct Front {
    claims: Claims,
    boot_key: Arc<BootKey>,
    tee: Arc<Tee>,
    /// To ask the hardware, which is slow: in turn, and beside the threads that serve.
    turn: Arc<Semaphore>,
    taking: Arc<Mutex<Taking>>,
}

impl Front {
    /// Evidence that binds these claims.
    async fn attest(&self, claims: Claims) -> Option<Conceptual> {
        let turn = self.turn.acquire().await.ok()?;
        let tee = Arc::clone(&self.tee);
        let made = tokio::task::spawn_blocking(move || tee.attest(&claims).ok()).await;
        drop(turn);
        made.ok().flatten()
    }

    async fn answer(&self, request: &Request, caller: &Caller) -> Result<Reply, Refused> {
        match request {
            Request::Attest { nonce } => {
                let binding = caller.channel.ok_or(Refused(NO_EVIDENCE))?;
                let claims = binding.answer(self.claims.clone(), *nonce);
                let evidence = self.attest(claims).await.ok_or(Refused(NO_EVIDENCE))?;
                let signature = Signature([0; 64]);
                let (boot, key) = (self.claims.boot, self.claims.boot_key);
                Ok(Reply::Attestation {
                    evidence: evidence.to_cbor(),
                    checkpoint: String::new(),
                    certificate: BootCertificate { boot, key, signature },
                })
            }
            Request::Unlock { unlock, signature } => {
                let mut taking = self.taking.lock().unwrap_or_else(PoisonError::into_inner);
                let locked = taking.locked.as_mut().ok_or(Refused("monitor-stopping"))?;
                let missing = locked.take(unlock, signature, self.claims.boot)?;
                taking.missing = Some(missing);
                Ok(Reply::Unlocking { missing: u64::try_from(missing).unwrap_or(u64::MAX) })
            }
            _ => Err(Refused("monitor-locked")),
        }
    }
}

impl door::Host for Front {
    async fn identity(&self) -> anyhow::Result<ServerIdentity> {
        let (claims, tee) = (self.claims.clone(), Arc::clone(&self.tee));
        let turn = self.turn.acquire().await?;
        let made = tokio::task::spawn_blocking(move || {
            ServerIdentity::generate(&claims.origin, wall(), |spki| {
                tee.attest(&claims.clone().for_certificate(spki)).ok()
            })
        });
        let made = made.await;
        drop(turn);
        Ok(made??)
    }

    fn tick(&self) -> bool {
        self.taking.lock().unwrap_or_else(PoisonError::into_inner).missing != Some(0)
    }
}

impl api::Desk for Front {
    async fn submit(&self, request: Request, caller: Caller, _: Option<Instant>) -> Promise {
        let reply = self.answer(&request, &caller).await.unwrap_or_else(refused);
        Promise::given(reply, Arc::clone(&self.boot_key))
    }

    async fn decided(&self, _: SessionId, _: EventHash) -> Option<Reply> {
        None
    }

    async fn deadline(&self, _: SessionId) -> Option<(Duration, OnDeadline)> {
        None
    }

    async fn follow(&self, _: Did) -> Result<api::Following, &'static str> {
        Err("monitor-locked")
    }

    fn key(&self, did: &Did) -> Option<PublicKey> {
        did.key()
    }

    fn names(&self, _: &Did) -> bool {
        false
    }

    async fn tile(&self, _: &str) -> Option<Vec<u8>> {
        None
    }

    fn ready(&self) -> bool {
        false
    }
}
