use super::*;

const SAMPLE: &str = include_str!("../../ops/monitor.toml");

/// The sample with these lines in the place of its limits.
fn with_limits(limits: &str) -> Result<Limits, String> {
    let (before, rest) = SAMPLE.split_once("\n[limits]\n").unwrap();
    let (_, after) = rest.split_once("\n[").unwrap();
    let text = format!("{before}\n{limits}\n[{after}");
    let parsed = Config::parse(text.as_bytes());
    parsed.map(|config| config.values.limits()).map_err(|error| error.to_string())
}

fn same(one: Limits, other: Limits) -> bool {
    format!("{one:?}") == format!("{other:?}")
}

#[test]
fn limits_that_are_not_configured_are_the_usual_ones() {
    let usual = Limits::default();
    for limits in ["", "[limits]"] {
        assert!(same(with_limits(limits).unwrap(), usual), "{limits}");
    }
    // The sample says what they are.
    let sample = Config::parse(SAMPLE.as_bytes()).unwrap();
    assert!(same(sample.values.limits(), usual));
    let fewer = with_limits("[limits]\nburst = 7\nbody_ms = 1500").unwrap();
    let body = Duration::from_millis(1_500);
    assert!(same(fewer, Limits { burst: 7, body, ..usual }));
}

#[test]
fn limits_out_of_range_are_refused_by_name() {
    for (limit, values) in [
        ("per_second", &["0", "1000001"][..]),
        ("burst", &["0", "1000001"]),
        ("in_flight", &["0", "100001"]),
        ("callers", &["0", "1000001"]),
        ("body_ms", &["99", "600001"]),
        ("patience_ms", &["60001"]),
    ] {
        for value in values {
            let told = with_limits(&format!("[limits]\n{limit} = {value}")).unwrap_err();
            assert!(told.starts_with(&format!("config-range: limits.{limit} ")), "{told}");
        }
        for value in ["-1", "1.5", "\"1\""] {
            let told = with_limits(&format!("[limits]\n{limit} = {value}")).unwrap_err();
            assert!(told.starts_with("config-malformed: "), "{told}");
        }
    }
    let told = with_limits("[limits]\nper_minute = 1").unwrap_err();
    assert!(told.starts_with("config-malformed: "), "{told}");
}

#[test]
fn a_tee_seals_with_its_own_key_under_a_name_that_says_what_it_is() {
    let with = |tee: &str, sealing: &str, origin: &str| {
        let text = SAMPLE
            .replace("\ntee = \"insecure-software\"", &format!("\ntee = \"{tee}\""))
            .replace("\nsealing = \"insecure-file\"", &format!("\nsealing = \"{sealing}\""))
            .replace("\norigin = \"insecure-dev/", &format!("\norigin = \"{origin}"));
        let parsed = Config::parse(text.as_bytes()).map(|config| config.values.terms());
        parsed
            .map(|terms| terms.development)
            .map_err(|error| error.to_string().split(':').next().unwrap_or_default().to_owned())
    };
    let refused = |code: &str| Err(code.to_owned());
    assert_eq!(with("insecure-software", "insecure-file", "insecure-dev/"), Ok(true));
    assert_eq!(with("sev-snp", "derived-key", ""), Ok(false));
    assert_eq!(with("sev-snp", "derived-key", "insecure-dev/"), refused("config-origin"));
    assert_eq!(with("insecure-software", "insecure-file", ""), refused("config-origin"));
    for (tee, sealing) in [
        ("sev-snp", "insecure-file"),
        ("tdx", "insecure-file"),
        ("tdx", "derived-key"),
        ("insecure-software", "derived-key"),
    ] {
        assert_eq!(with(tee, sealing, ""), refused("config-sealing"), "{tee} {sealing}");
    }
}

#[test]
fn a_machine_has_an_address_in_a_network() {
    let with = |prefix: &str| {
        let text = format!("{SAMPLE}\n[guest]\naddress = \"10.0.2.15\"\nprefix = {prefix}\n");
        Config::parse(text.as_bytes()).map(drop).map_err(|error| error.to_string())
    };
    assert_eq!(with("24"), Ok(()));
    assert!(with("33").unwrap_err().starts_with("config-range: guest.prefix "));
    assert!(with("24\ngateway = \"x\"").unwrap_err().starts_with("config-malformed: "));
}

#[test]
fn a_session_that_is_a_unit_of_its_own_is_one() {
    let with = |unit: &str, sessions: u32| {
        let text = SAMPLE.replace("unit = \"principal-day\"", &format!("unit = \"{unit}\""));
        let text = text.replace("sessions = 1\n", &format!("sessions = {sessions}\n"));
        let parsed = Config::parse(text.as_bytes());
        parsed.map(|config| config.values.ledger().1.unit).map_err(|error| error.to_string())
    };
    assert_eq!(with("principal-day", 8), Ok(None));
    assert_eq!(with("session", 1), Ok(Some(Unit::Session)));
    assert!(with("session", 2).unwrap_err().starts_with("config-range: privacy.sessions "));
    assert!(with("principal-day", 0).unwrap_err().starts_with("config-range: privacy.sessions "));
    assert!(with("agent", 1).unwrap_err().starts_with("config-malformed: "));
}

#[test]
fn dealers_are_read_or_refused() {
    let with = |lines: &str| {
        let parsed = Config::parse(format!("{SAMPLE}\n{lines}").as_bytes());
        parsed.map(|config| config.values.dealers().len()).map_err(|error| error.to_string())
    };
    let dealer = |seed: u8, since: u64| {
        let key = messages::signature::SigningKey::from_seed(&[seed; 32]);
        let dealer = Dealer::new(&key, "a.example", 20_788).unwrap();
        let key = Did::from_key(&dealer.key);
        format!("[[dealers]]\nkey = \"{key}\"\nlink = \"{}\"\nsince = {since}\n", dealer.link)
    };
    assert_eq!(with(""), Ok(0));
    assert_eq!(with(&(dealer(1, 20_788) + &dealer(2, 1))), Ok(2));
    let nine: String = (1..10).map(|seed| dealer(seed, 20_788)).collect();
    for refused in [
        dealer(1, 20_788) + &dealer(1, 20_789),
        dealer(1, 0),
        dealer(1, LAST_DAY + 1),
        dealer(1, 20_788).replace("sha256:", "sha512:"),
        dealer(1, 20_788).replace("did:key:", "did:web:"),
        nine,
    ] {
        let told = with(&refused).unwrap_err();
        assert!(told.starts_with("config-range: dealers "), "{told}");
    }
}
