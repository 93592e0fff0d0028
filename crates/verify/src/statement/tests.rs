use messages::counter::{Bucket, Counter};

use super::*;

fn counter(name: &str, max: u64, bucket: Option<(&str, Option<u64>)>) -> Counter {
    let bucket = bucket.map(|(h, edge)| Bucket { histogram: h.into(), edge });
    Counter { name: name.into(), unit: "calls".into(), max, bucket }
}

fn schema() -> Schema {
    let counters = vec![
        counter("a", (1 << 48) - 1, None),
        counter("b", 100, None),
        counter("l:1", 1000, Some(("l", Some(1)))),
        counter("l:5", 1000, Some(("l", Some(5)))),
        counter("l:inf", 1000, Some(("l", None))),
        counter("open:1", 1000, Some(("open", Some(1)))),
        counter("full", u64::MAX, None),
    ];
    Schema { counters }
}

fn percentile_of(histogram: &str, percent: u32, edge: u64, min_whole: u64) -> Predicate {
    Predicate::PercentileAtMost { histogram: histogram.into(), percent, edge, min_whole }
}

fn ratio(part: &str, whole: &str, numerator: u32, denominator: u32, min_whole: u64) -> Predicate {
    let (part, whole) = (part.into(), whole.into());
    Predicate::RatioAtLeast { part, whole, numerator, denominator, min_whole }
}

fn equal(left: &[&str], right: &[&str]) -> Predicate {
    let names = |n: &[&str]| n.iter().map(|n| (*n).to_owned()).collect();
    Predicate::Equal { left: names(left), right: names(right) }
}

#[test]
fn every_refusal_of_a_statement_has_a_predicate_that_provokes_it() {
    use StatementError as E;
    let at_least = |c: &str, bound| Predicate::AtLeast { counter: c.into(), bound };
    let between = |lower, upper| Predicate::Between { counter: "a".into(), lower, upper };
    let cases = [
        (E::UnknownCounter, at_least("x", 1)),
        (E::UnknownCounter, Predicate::None { counter: "l".into() }),
        (E::NeverTrue, at_least("b", 101)),
        (E::EmptyInterval, between(2, 1)),
        (E::RatioWithoutMinimum, ratio("b", "a", 1, 2, 0)),
        (E::RatioNotAFraction, ratio("b", "a", 1, 0, 1)),
        (E::RatioNotAFraction, ratio("b", "a", 0, 2, 1)),
        (E::RatioNotAFraction, ratio("b", "a", 3, 2, 1)),
        (E::CounterTwice, ratio("a", "a", 1, 2, 1)),
        (E::CounterTwice, equal(&["a"], &["a"])),
        (E::CounterTwice, equal(&["a", "a"], &["b"])),
        (E::NoCounters, equal(&[], &["b"])),
        (E::NoCounters, equal(&[], &[])),
        (E::PercentOutOfRange, percentile_of("l", 0, 5, 1)),
        (E::PercentOutOfRange, percentile_of("l", 100, 5, 1)),
        (E::RatioWithoutMinimum, percentile_of("l", 95, 5, 0)),
        (E::NotABucketEdge, percentile_of("l", 95, 4, 1)),
        (E::UnknownHistogram, percentile_of("m", 95, 5, 1)),
        (E::NoOverflowBucket, percentile_of("open", 95, 1, 1)),
    ];
    for (error, predicate) in cases {
        assert_eq!(Statement::new(&predicate, &schema()), Err(error), "{predicate:?}");
    }
}

#[test]
fn a_schema_with_a_name_or_an_edge_twice_states_nothing() {
    let mut doubled = schema();
    doubled.counters.push(counter("a", 1, None));
    let none = Predicate::None { counter: "b".into() };
    assert_eq!(Statement::new(&none, &doubled), Err(StatementError::CounterNameRepeated));
    let mut edges = schema();
    edges.counters.push(counter("l:again", 1, Some(("l", Some(5)))));
    let p95 = percentile_of("l", 95, 5, 1);
    assert_eq!(Statement::new(&p95, &edges), Err(StatementError::BucketRepeated));
    let long =
        |n: usize| Schema { counters: (0..n).map(|i| counter(&format!("{i}"), 1, None)).collect() };
    let first = Predicate::None { counter: "0".into() };
    assert!(Statement::new(&first, &long(MAX_COUNTERS)).is_ok());
    assert_eq!(Statement::new(&first, &long(MAX_COUNTERS + 1)), Err(StatementError::SchemaTooLong));
}

#[test]
fn a_form_over_128_bits_or_with_a_zero_is_refused() {
    let form = |coefficients: &[(u16, i64)], constant| Form {
        relation: Relation::NonNegative,
        coefficients: coefficients.iter().map(|(c, a)| (CounterIndex(*c), *a)).collect(),
        constant,
    };
    let schema = schema();
    assert_eq!(form(&[(6, i64::MAX)], i128::MAX).bounds(&schema), Err(StatementError::TooWide));
    assert_eq!(form(&[(6, i64::MIN)], i128::MIN).bounds(&schema), Err(StatementError::TooWide));
    assert_eq!(form(&[(0, 0)], 1).bounds(&schema), Err(StatementError::ZeroCoefficient));
    assert_eq!(form(&[], 1).bounds(&schema), Err(StatementError::NoCounters));
    assert_eq!(form(&[(7, 1)], 1).bounds(&schema), Err(StatementError::UnknownCounter));
    assert_eq!(form(&[(1, -3), (0, 1)], 7).bounds(&schema), Ok((-293, (1 << 48) + 6)));
}

#[test]
fn the_width_comes_from_public_bounds_and_is_the_smallest_that_holds_them() {
    for (value, width) in [
        (0, Width::W8),
        (255, Width::W8),
        (256, Width::W16),
        (65_535, Width::W16),
        (65_536, Width::W32),
        ((1 << 32) - 1, Width::W32),
        (1 << 32, Width::W64),
        ((1 << 64) - 1, Width::W64),
        (1 << 64, Width::W128),
        (i128::MAX, Width::W128),
    ] {
        assert_eq!(Width::holding(value), width, "{value}");
    }
    let width = |p: &Predicate| Statement::new(p, &schema()).unwrap().width();
    assert_eq!(width(&Predicate::AtLeast { counter: "b".into(), bound: 1 }), Some(Width::W8));
    assert_eq!(width(&Predicate::AtMost { counter: "b".into(), bound: 1 << 40 }), Some(Width::W64));
    assert_eq!(width(&ratio("full", "a", 1, 100, 1)), Some(Width::W128));
    assert_eq!(width(&Predicate::None { counter: "a".into() }), None);
}

#[test]
fn forms_say_what_the_predicate_says() {
    let holds = |p: &Predicate, values: &[u64]| {
        let statement = Statement::new(p, &schema()).unwrap();
        let at = |c: CounterIndex| values.get(usize::from(c.0)).copied();
        statement.inequalities().all(|f| f.evaluate(at).unwrap() >= 0)
            && statement.equalities().all(|f| f.evaluate(at).unwrap() == 0)
    };
    let p = percentile_of("l", 95, 1, 20);
    assert!(holds(&p, &[0, 0, 95, 5, 0]) && !holds(&p, &[0, 0, 94, 5, 1]));
    assert!(holds(&p, &[0, 0, 19, 1, 0]) && !holds(&p, &[0, 0, 19, 0, 0]), "at least 20 values");
    let p = ratio("b", "a", 2, 3, 6);
    assert!(holds(&p, &[6, 4]) && !holds(&p, &[6, 3]) && !holds(&p, &[3, 2]));
    assert!(!holds(&p, &[0, 0]), "nothing out of nothing");
    let p = equal(&["a", "b"], &["full"]);
    assert!(holds(&p, &[1, 2, 0, 0, 0, 0, 3]) && !holds(&p, &[1, 2, 0, 0, 0, 0, 2]));
    let p = Predicate::Between { counter: "a".into(), lower: 2, upper: 4 };
    assert!([1, 5].iter().all(|v| !holds(&p, &[*v])) && [2, 3, 4].iter().all(|v| holds(&p, &[*v])));
}
