//! `cloister demo`: the main job end to end, with the three roles in processes of their own:
//! agents here, the monitor in `cloisterd`, the stranger in `cloister verify`.

mod cast;
mod steps;
mod table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use messages::claim::{Audience, Range};
use messages::codec::Wire;
use messages::coins::Dealer;
use messages::did::Did;
use messages::domain;
use messages::event::{Body, Content, Party};
use messages::reply::{Approval, ProofKind, Reply, Request};
use messages::signature::SigningKey;
use messages::time::{DAY, Epoch};
use pact::{Compiled, Scope, compile};
use rand_core::OsRng;

use crate::anchors;
use crate::bundle::Draft;
use crate::claim::Asking;
use crate::client::{Client, strange};
use crate::counts;
use crate::daemon::Daemon;
use crate::demo::cast::Cast;
use crate::demo::steps::{Witness, fetch_ledger, fetch_openings, prove_alone, stranger};
use crate::fault::{Fault, read, write};
use crate::memory::Memory;
use crate::parties::Conversation;
use crate::replay;
use crate::replay::{MAX_PACT, drive, progress, report};
use crate::{ModeArgument, deal, key, output};
use traces::Session;

#[derive(Args)]
#[command(
    after_help = "Examples:\n  cloister demo\n  cloister demo --sessions s.ndjson.gz --pact bank.pact.json --out here"
)]
pub(crate) struct Arguments {
    /// Recorded sessions (trace/1); a small set of our own by default.
    #[arg(long, requires = "pact")]
    sessions: Option<PathBuf>,
    /// The pact's draft; its parties are replaced by freshly drawn keys.
    #[arg(long, requires = "sessions")]
    pact: Option<PathBuf>,
    /// Enforcement mode; the draft's own by default.
    #[arg(long, value_enum)]
    mode: Option<ModeArgument>,
    /// Take time: whoever follows from another terminal sees it happen.
    #[arg(long)]
    slow: bool,
    /// Folder for bundle.cbor, anchors.toml and report.ndjson.
    #[arg(long, default_value = "cloister-demo")]
    out: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Fault> {
    let out = &arguments.out;
    std::fs::create_dir_all(out).map_err(|e| Fault::unwritable(out, &e))?;
    let sessions = match &arguments.sessions {
        Some(path) => replay::sessions(path)?,
        None => traces::lines(SESSIONS.as_bytes())
            .map_err(|e| replay::untraced(Path::new("bank.sessions.ndjson"), &e))?,
    };
    let draft = match &arguments.pact {
        Some(path) => read(path, MAX_PACT)?,
        None => PACT.as_bytes().to_vec(),
    };

    output::heading("1. Two agents and their overseers agree a pact");
    let mut cast = Cast::sign(&draft, arguments.mode)?;
    let pact = cast.signed.pact();
    let compiled = compile(pact).map_err(|e| Fault::new(e.code(), e.to_string(), e.remedy()))?;
    write(&out.join("pact.json"), &cast.signed.to_bytes())?;
    output::line(format!(
        "   {} signed by both parties, {} mode",
        pact.hash(),
        crate::pacts::mode(pact.mode()).name()
    ));

    output::heading("2. A monitor starts, and the verifier pins it before anything happens");
    let dealer = SigningKey::generate(&mut OsRng);
    key::replace(&out.join("dealer.key"), &dealer)?;
    let config = configuration(cast.start.0) + &dealt_by(&dealer, cast.start.day())?;
    let config_path = out.join("monitor.toml");
    write(&config_path, config.as_bytes())?;
    let daemon = Daemon::start(&config_path, &out.join("audit.ndjson"))?;
    let mut client = daemon.connect()?;
    cast.agents.boot = client.boot();
    let auditor = Did::from_key(&cast.auditor.public());
    let mut pinned = anchors::pin(&client, daemon.policy(), Some(auditor));
    pinned.0.pacts.push(pact.hash().to_string());
    pinned.0.dealers.insert(DEALER.into(), Did::from_key(&dealer.public()));
    pinned.save(&out.join("anchors.toml"))?;
    output::line(format!(
        "   {} {}",
        pinned.monitor()?.origin,
        output::paint(output::RED, "(no TEE: development)")
    ));

    output::heading("3. Sessions happen, each event signed, each call decided before it runs");
    client.ask(&Request::Register { pact: cast.signed.to_bytes() })?;
    let key = out.join("overseer.key");
    key::replace(&key, &cast.overseer)?;
    output::line(format!(
        "   follow live: cloister follow --monitor {} --anchors {} \\\n     --key {} \
         --allow-insecure-software-evidence",
        daemon.url(),
        out.join("anchors.toml").display(),
        key.display()
    ));
    std::thread::sleep(if arguments.slow { ARRIVAL } else { Duration::ZERO });
    let pace = if arguments.slow { PACE } else { Duration::ZERO };
    // What an earlier demo dealt was for another log.
    drop(std::fs::remove_dir_all(out.join("dealt")));
    let memory = Memory::open(&out.join("dealt"))?;
    let dealing = ((&dealer, cast.start.day()), &memory);
    let days = replay(&cast, &compiled, &sessions, (&daemon, pace), dealing, out)?;

    output::heading("4. Proofs instead of logs, and private counts of the last day");
    let audience = pinned.audience()?;
    let mut bundle = Draft::default();
    let rows = prove(&cast, &compiled, days, audience.as_ref(), &mut client, &mut bundle)?;
    table::claims(&rows);
    let first_day = cast.start.day();
    let last_day = first_day.saturating_add(days).saturating_sub(1);
    let asked = (pact.hash(), &compiled);
    counts::wait(asked, last_day, &cast.auditor, &mut client)?;
    counts::print(&counts::ask(asked, last_day, &cast.auditor, &mut client, &mut bundle)?);
    pinned.pin_circuits(bundle.circuits());
    let bytes = bundle.finish(&mut client)?;
    let bundle_path = out.join("bundle.cbor");
    write(&bundle_path, &bytes)?;
    let proven = rows.iter().find(|row| row.refused.is_none());
    let held = proven.filter(|_| !compiled.openings(Party::Initiator).is_empty());
    output::heading(
        "5. A witness cosigns the log; anybody fetches its privacy ledger, the agent what opens its \
         own counts",
    );
    let witness = Witness::start(out, &mut pinned)?;
    witness.cosign(daemon.url(), "bundle.cbor", out)?;
    fetch_ledger(daemon.url(), out)?;
    witness.cosign(daemon.url(), "ledger.cbor", out)?;
    if held.is_some() {
        fetch_openings(&cast, daemon.url(), days, out)?;
        witness.cosign(daemon.url(), "initiator.holdings", out)?;
    }
    drop(witness);
    drop(daemon);

    output::heading("6. A stranger verifies, offline, with the monitor gone");
    output::line(format!("   {} bytes in {}", bytes.len(), bundle_path.display()));
    let strict = stranger(out, "bundle.cbor", false)?;
    let lenient = stranger(out, "bundle.cbor", true)?;
    let added = stranger(out, "ledger.cbor", true)?;
    output::line(format!(
        "\nexit {strict} by default, exit {lenient} with --allow-insecure-software-evidence"
    ));
    let alone = match held {
        None => 0,
        Some(claim) => {
            output::heading("7. The agent proves alone, from what it was handed");
            prove_alone(&claim.id, days, audience.as_ref(), out)?;
            stranger(out, "holder.cbor", true)?
        }
    };
    match (strict, lenient.max(alone).max(added)) {
        (2, 0) => Ok(ExitCode::SUCCESS),
        _ => Err(Fault::new(
            "demo-unexpected-verdict",
            format!("expected exits 2 and 0, saw {strict}, {lenient}, {added} and {alone}"),
            "look at the verdicts above",
        )),
    }
}

/// The dealer of the demo, in its configuration.
fn dealt_by(key: &SigningKey, since: u64) -> Result<String, Fault> {
    let config: toml::Table = toml::from_str(&configuration(0)).map_err(|_| strange())?;
    let origin = config.get("origin").and_then(toml::Value::as_str).ok_or_else(strange)?;
    let dealer = Dealer::new(key, origin, since).ok_or_else(strange)?;
    Ok(format!(
        "\n# Who deals the coins of counts whose noise anybody can check.\n{}",
        deal::configured(&dealer)
    ))
}

/// Deals for a day that is over, once what needs coins of it is committed to; where nothing does,
/// soon goes on.
fn deal_for(
    day: u64,
    client: &mut Client,
    (dealer, memory): ((&SigningKey, u64), &Memory),
) -> Result<(), Fault> {
    for _ in 0..PATIENCE {
        if deal::deal(client, dealer, memory)?.0.contains(&day) {
            break;
        }
        std::thread::sleep(MOMENT);
    }
    Ok(())
}

/// The development configuration of demo and replays.
pub(crate) fn configuration(start_ms: u64) -> String {
    CONFIGURATION.replace("{start_ms}", &start_ms.to_string())
}

/// Replays the sessions over some days and closes each day's epoch.
fn replay(
    cast: &Cast,
    compiled: &Compiled,
    sessions: &[Session],
    (daemon, pace): (&Daemon, Duration),
    dealing: ((&SigningKey, u64), &Memory),
    out: &Path,
) -> Result<u64, Fault> {
    let mut client = daemon.connect()?;
    let bar = progress(sessions.len(), "sessions");
    let mut lines = report::Writer::create(&out.join("report.ndjson"))?;
    let mut rows = Vec::new();
    let mut days = 0u64;
    let per_day = sessions.len().div_ceil(DAYS).max(1);
    for day in sessions.chunks(per_day) {
        for session in day {
            std::thread::sleep(pace);
            let principal = replay::principal(&session.sid);
            let hash = cast.signed.pact().hash();
            let (conversation, open) = Conversation::new(&cast.agents, hash, principal);
            client.ask(&conversation.opening(open))?;
            let timed = timed(session);
            let overseer = |client: &mut Client,
                            conversation: &Conversation<'_>,
                            sid: &str,
                            call: messages::ids::EventHash| {
                oversee(cast, compiled, client, (conversation, sid, call))
            };
            let told = drive::session(&mut client, conversation, &timed, &overseer)?;
            if let Some(conversation) = told.conversation {
                conversation.close(&mut client)?;
            }
            lines.line(&told.line)?;
            rows.push(told.line);
            bar.inc(1);
        }
        client.ask(&Request::Advance { by: DAY })?;
        deal_for(cast.start.day().saturating_add(days), &mut client, dealing)?;
        days = days.saturating_add(1);
    }
    bar.finish_and_clear();
    table::sessions(&rows, sessions);
    output::line(format!("   {} over {days} days", lines.finish()?));
    Ok(days)
}

/// The overseer of the demo grants paused calls in sessions that say so in their id.
fn oversee(
    cast: &Cast,
    compiled: &Compiled,
    client: &mut Client,
    (conversation, sid, call): (&Conversation<'_>, &str, messages::ids::EventHash),
) -> Result<Option<Reply>, Fault> {
    let overseer = Did::from_key(&cast.overseer.public());
    if !sid.contains("approved") || !compiled.overseers().contains(&overseer) {
        return Ok(None);
    }
    let approval = Approval { session: conversation.session, call, overseer, granted: true };
    let signature = cast.overseer.sign(domain::APPROVAL, &approval.to_cbor());
    client.ask(&Request::Approve { approval, signature }).map(Some)
}

/// Recorded sessions have no times. For the demo each answer gets a stated, made-up latency.
fn timed(session: &Session) -> Session {
    let events = session
        .events
        .iter()
        .map(|event| {
            let mut event = event.clone();
            if let Body::Result { content, latency_us, .. } = &mut event.body {
                let size = match content {
                    Content::Document(value) => value.to_string().len(),
                    Content::Text(text) => text.len(),
                };
                let size = u64::try_from(size % 1_900).unwrap_or(0);
                *latency_us = Some(size.saturating_add(40).saturating_mul(1_000));
            }
            event
        })
        .collect();
    Session { sid: session.sid.clone(), events }
}

/// Asks for every claim that the consent lists.
fn prove(
    cast: &Cast,
    compiled: &Compiled,
    days: u64,
    audience: Option<&(Did, [u8; 32])>,
    client: &mut Client,
    bundle: &mut Draft,
) -> Result<Vec<table::ClaimRow>, Fault> {
    let root = cast.signed.pact().hash();
    let origin = client.appraised().claims().origin.clone();
    let asking = Asking {
        place: Range {
            origin,
            root,
            party: compiled.initiator().clone(),
            generation: 0,
            first: Epoch(1),
            last: Epoch(days),
        },
        scope: Scope::Epochs(Epoch(1), Epoch(days)),
        // Also where the consent is for anyone: a verifier with a nonce wants it answered.
        audience: audience.map_or(Audience::Public, |(did, nonce)| Audience::Verifier {
            did: did.clone(),
            nonce: *nonce,
        }),
        kind: ProofKind::ZeroKnowledge,
        admitted_gaps: 0,
        key: &cast.auditor,
    };
    let mut rows = Vec::new();
    for consented in compiled.consent() {
        let Some(predicate) = consented.predicates.first() else { continue };
        let id = consented.entry.id.clone();
        let words = verify::words(predicate);
        let statement = vec![(id.clone(), predicate.clone())];
        let refused = asking.prove(statement, false, client, bundle).err().map(|f| f.code);
        rows.push(table::ClaimRow { id, words, refused });
    }
    Ok(rows)
}

const SESSIONS: &str = include_str!("../demo/bank.sessions.ndjson");
const PACT: &str = include_str!("../demo/bank.pact.json");
const CONFIGURATION: &str = include_str!("../demo/monitor.toml");
const DAYS: usize = 3;
const DEALER: &str = "dealer.demo.example";
/// How often the demo asks whether coins are due, and how long it waits in between.
const PATIENCE: usize = 40;
const MOMENT: Duration = Duration::from_millis(25);
/// For somebody to start following.
const ARRIVAL: Duration = Duration::from_secs(15);
/// Between two sessions.
const PACE: Duration = Duration::from_millis(700);
