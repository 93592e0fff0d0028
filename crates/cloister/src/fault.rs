//! What went wrong, in a form that helps at 3 a.m.: a code, a reason, a remedy.

use std::path::Path;

use channel::refusals;

/// An error for a person.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) code: String,
    pub(crate) reason: String,
    pub(crate) remedy: String,
}

impl Fault {
    pub(crate) fn new(code: &str, reason: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { code: code.into(), reason: reason.into(), remedy: remedy.into() }
    }

    /// A file that cannot be read.
    pub(crate) fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        Self::new(
            "file-unreadable",
            format!("{} cannot be read: {error}", path.display()),
            "check the path and its permissions",
        )
    }

    /// A file that cannot be written.
    pub(crate) fn unwritable(path: &Path, error: &std::io::Error) -> Self {
        Self::new(
            "file-unwritable",
            format!("{} cannot be written: {error}", path.display()),
            "check the folder, its permissions and the free space",
        )
    }

    /// The monitor refused. Its codes are stable and their words are known here; what to do is
    /// said for this command, where that differs from what a client of the interface would do.
    pub(crate) fn refused(code: &str) -> Self {
        let unknown = ("it gives no reason", "use a cloister and a cloisterd of the same version");
        let (reason, of_code) = words(code).unwrap_or(unknown);
        let ours = REMEDIES.iter().find(|(prefix, _)| code.starts_with(prefix));
        let remedy = ours.map_or(of_code, |(_, remedy)| remedy);
        Self::new(code, format!("the monitor refused the request: {reason}"), remedy)
    }
}

/// Reason and remedy of a monitor's code.
fn words(code: &str) -> Option<(&'static str, &'static str)> {
    let of_pact = || {
        let fault = pact::Fault::ALL.iter().find(|fault| fault.code() == code)?;
        Some((fault.text(), fault.remedy()))
    };
    let of_claim = || {
        let statements = verify::StatementError::ALL.iter().map(|e| (e.code(), e.meaning()));
        let faults = verify::Fault::ALL.iter().map(|e| (e.code(), e.meaning()));
        let (_, meaning) = statements.chain(faults).find(|(known, _)| *known == code)?;
        Some((meaning, "ask for a claim that can be proven"))
    };
    let of_monitor = refusals::words(code).map(|(_, reason, remedy)| (reason, remedy));
    of_monitor.or_else(of_pact).or_else(of_claim)
}

/// Reads a file of at most `limit` bytes.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Fault> {
    let metadata = std::fs::metadata(path).map_err(|e| Fault::unreadable(path, &e))?;
    if metadata.is_dir() {
        let said = format!("{} is a folder, not a file", path.display());
        return Err(Fault::new("file-unreadable", said, "name a file in it"));
    }
    let size = metadata.len();
    if size > limit {
        return Err(Fault::new(
            "file-too-large",
            format!("{} has {size} bytes; at most {limit} are read", path.display()),
            "check that this is the file you meant",
        ));
    }
    std::fs::read(path).map_err(|e| Fault::unreadable(path, &e))
}

/// Writes a whole file.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    std::fs::write(path, bytes).map_err(|e| Fault::unwritable(path, &e))
}

/// Writes a whole file so that after a crash there is either the old one or the new one.
pub(crate) fn durable(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let unfinished = path.with_extension("new");
    std::fs::write(&unfinished, bytes)?;
    std::fs::File::open(&unfinished)?.sync_data()?;
    std::fs::rename(&unfinished, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    std::fs::File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()
}

const REMEDIES: &[(&str, &str)] = &[
    ("advance-", "ask for at most 10000 epochs at once"),
    ("approval-", "sign with the key of an overseer that the pact names, before the time-out"),
    ("claim-audience", "sign with the key of a DID that the consent entry lists"),
    ("claim-epoch", "ask for epochs that are closed: 1 up to the last published one"),
    ("claim-range-not-closed", "name whole days that are over, or epochs by their numbers"),
    ("claim-other-log", "pin the monitor that the claim is about"),
    ("claim-other-tally", "name the pact, the party and the root that the monitor counts for"),
    ("claim-", "ask for a claim that the pact's consent lists, as one of its audience"),
    ("counter-full", "agree a new pact: a counter never wraps, so this tally has ended"),
    ("counts-", "send running counts in order, signed by the party that they name"),
    ("event-", "send events in order, chained and signed by the party that reports them"),
    ("clock-", "wait until the monitor's time is bracketed again"),
    ("follow-", "log in with the key of a party or an overseer of a pact under monitoring"),
    ("journal-", "tell the monitor's operator; what was acknowledged is kept"),
    ("openings-", "ask with the key of the party that the tally is about, for closed epochs"),
    ("opening-not-held", "ask over a range at whose ends no session is open"),
    ("log-", "ask for leaves below the checkpoint's size"),
    ("login-", "log in with a key that a registered pact or the monitor's configuration names"),
    ("monitor-busy", "ask again in a moment"),
    ("monitor-rollback", "an overseer of the pact decides, with `cloister reinstate`"),
    ("not-consented-audience", "pass --anchors with an audience that the consent entry lists"),
    ("not-consented", "ask for exactly what the consent entry says, over the range that it names"),
    ("open-", "have the pact's initiator sign the opening"),
    ("pact-replaced", "open the session under the revision that took the pact's place"),
    (
        "pact-prior-not-in-force",
        "revise the pact in force: `prior` is what `cloister pact hash` prints for it",
    ),
    ("pact-term-ahead", "register the revision when its term has begun"),
    ("pact-known", "nothing to do: the pact is already under monitoring"),
    ("pacts-full", "configure the monitor for more pacts"),
    ("pact-", "run `cloister pact lint` on the pact"),
    (
        "budget-",
        "agree on lower prices or fewer statistics: those that the pact lists before this one take \
         each day's share",
    ),
    ("read-", "sign with the key of a DID to which the pact's consent gives the record"),
    ("reinstate-", "sign with an overseer's key, for a pact that a rollback stopped"),
    ("release-not-affordable", "agree on what `cloister pact lint` says of the aggregate"),
    ("release-not-yet", "ask again once the witnesses have cosigned the log"),
    ("release-", "ask for a statistic that the pact's consent lists, for a day that has ended"),
    ("requester-", "sign with the key of the DID that asks"),
    ("request-", "update the client: it does not speak this monitor's protocol"),
    ("sessions-of-pact-full", "close sessions of this pact first; the operator sets its share"),
    ("resume-forgotten", "open another session: the record of that one is past its retention"),
    ("sessions-full", "close sessions, or configure the monitor for more"),
    ("session", "open a new session under the pact"),
    ("unknown-statistic", "ask for a statistic that this monitor computes"),
    ("statement-", "the claim does not hold for this range, so there is no proof of it"),
    ("share-used-up", "ask more slowly"),
    ("tally-", "agree a new pact: this tally has ended"),
    ("trials-", "register a pact with both signatures: release images take no drafts"),
];
