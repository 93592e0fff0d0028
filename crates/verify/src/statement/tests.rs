use messages::claim::{Relation, Sum};
use messages::counter::{Bucket, Counter, MAX_COUNTERS};

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
        Counter { unit: "bytes".into(), ..counter("other", 9, None) },
    ];
    Schema { counters }
}

fn percentile_of(histogram: &str, percent: u64, edge: u64, min_whole: u64) -> Predicate {
    Predicate::Percentile { histogram: histogram.into(), percent, edge, min_whole }
}

fn ratio(part: &str, whole: &str, numerator: u64, denominator: u64, min_whole: u64) -> Predicate {
    let (part, whole, relation) = (part.into(), whole.into(), Relation::AtLeast);
    Predicate::Ratio { part, whole, relation, numerator, denominator, min_whole }
}

fn equal(left: &[&str], right: &[&str]) -> Predicate {
    let sum = |names: &[&str]| Sum(names.iter().map(|n| (*n).to_owned()).collect());
    Predicate::Equal { left: sum(left), right: sum(right) }
}

fn rate(relation: Relation, count: u64, per: u64) -> Predicate {
    Predicate::Rate { sum: "a".into(), relation, count, per: Millis(per) }
}

/// One range of the schema, between 1,000 and 1,500 milliseconds long.
fn stretch(schema: &Schema) -> Stretch<'_> {
    Stretch { schema, shortest: Millis(1000), longest: Millis(1500) }
}

fn statement(predicate: &Predicate, schema: &Schema) -> Result<Statement, StatementError> {
    Statement::new(predicate, &[stretch(schema)])
}

fn place(counter: u16) -> Place {
    Place { range: 0, counter: CounterIndex(counter) }
}

#[test]
fn every_refusal_of_a_statement_has_a_predicate_that_provokes_it() {
    use StatementError as E;
    let at_least = |c: &str, bound| Predicate::at_least(c, bound);
    let between = |lower, upper| Predicate::between("a", lower, upper);
    let agree = Predicate::Agree { sum: "a".into() };
    let nothing = Predicate::Bounded { sum: "a".into(), lower: None, upper: None };
    let cases = [
        (E::UnknownCounter, at_least("x", 1)),
        (E::UnknownCounter, Predicate::never("l")),
        (E::NeverTrue, at_least("b", 101)),
        (E::EmptyInterval, between(2, 1)),
        (E::RatioWithoutMinimum, ratio("b", "a", 1, 2, 0)),
        (E::RatioNotAFraction, ratio("b", "a", 1, 0, 1)),
        (E::RatioNotAFraction, ratio("b", "a", 0, 2, 1)),
        (E::RatioNotAFraction, ratio("b", "a", 2, 4, 1)),
        (E::TooWide, ratio("b", "a", 1 << 63, 1, 1)),
        (E::NoCounters, ratio("a", "a", 1, 1, 1)),
        (E::StatesNothing, nothing),
        (E::SumOrder, Predicate::never(Sum(vec!["b".into(), "a".into()]))),
        (E::SumOrder, Predicate::never(Sum(vec!["a".into(), "a".into()]))),
        (E::UnitsDiffer, Predicate::never(Sum::of(["a", "other"]))),
        (E::RateOfNoTime, rate(Relation::AtMost, 1, 0)),
        (E::AgreeOfTwo, agree),
        (E::CounterTwice, equal(&["a"], &["a"])),
        (E::SumOrder, equal(&["a", "a"], &["b"])),
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
        assert_eq!(statement(&predicate, &schema()), Err(error), "{predicate:?}");
    }
}

#[test]
fn a_schema_with_a_name_or_an_edge_twice_states_nothing() {
    let mut doubled = schema();
    doubled.counters.push(counter("a", 1, None));
    let none = Predicate::never("b");
    assert_eq!(statement(&none, &doubled), Err(StatementError::CounterNameRepeated));
    let mut edges = schema();
    edges.counters.push(counter("l:again", 1, Some(("l", Some(5)))));
    let p95 = percentile_of("l", 95, 5, 1);
    assert_eq!(statement(&p95, &edges), Err(StatementError::BucketRepeated));
    let long =
        |n: usize| Schema { counters: (0..n).map(|i| counter(&format!("{i}"), 1, None)).collect() };
    let first = Predicate::never("0");
    assert!(statement(&first, &long(MAX_COUNTERS)).is_ok());
    assert_eq!(statement(&first, &long(MAX_COUNTERS + 1)), Err(StatementError::SchemaTooLong));
}

#[test]
fn a_form_over_128_bits_or_with_a_zero_is_refused() {
    let form = |coefficients: &[(u16, i64)], constant| Form {
        sign: Sign::NonNegative,
        coefficients: coefficients.iter().map(|(c, a)| (place(*c), *a)).collect(),
        constant,
    };
    let schema = schema();
    let schema = [stretch(&schema)];
    assert_eq!(form(&[(6, i64::MAX)], i128::MAX).bounds(&schema), Err(StatementError::TooWide));
    assert_eq!(form(&[(6, i64::MIN)], i128::MIN).bounds(&schema), Err(StatementError::TooWide));
    assert_eq!(form(&[(0, 0)], 1).bounds(&schema), Err(StatementError::ZeroCoefficient));
    assert_eq!(form(&[], 1).bounds(&schema), Err(StatementError::NoCounters));
    assert_eq!(form(&[(8, 1)], 1).bounds(&schema), Err(StatementError::UnknownCounter));
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
    let widths = |p: &Predicate| -> Vec<Width> {
        statement(p, &schema()).unwrap().inequalities().map(|(_, width)| width).collect()
    };
    assert_eq!(widths(&Predicate::at_least("b", 1)), [Width::W8]);
    assert_eq!(widths(&Predicate::at_most("b", 1 << 40)), [Width::W64]);
    // Each form has its own: only the wide one is split.
    assert_eq!(widths(&ratio("full", "a", 1, 100, 1)), [Width::W128, Width::W64]);
    assert_eq!(widths(&Predicate::never("a")), []);
}

#[test]
fn a_sum_over_ranges_has_every_counter_once_in_each() {
    let (one, mut other) = (schema(), schema());
    other.counters.swap(0, 1);
    let ranges = [stretch(&one), stretch(&other)];
    let statement = Statement::new(&Predicate::at_most("a", 9), &ranges).unwrap();
    let places: Vec<Place> = statement.places().collect();
    assert_eq!(places, [place(0), Place { range: 1, counter: CounterIndex(1) }]);
    let agree = Statement::new(&Predicate::Agree { sum: "a".into() }, &ranges).unwrap();
    assert!(agree.compares_cuts() && !statement.compares_cuts());
    let form = agree.equalities().next().unwrap();
    assert_eq!(form.coefficients.values().copied().collect::<Vec<_>>(), [1, -1]);
    // A counter of another unit is another counter.
    let foreign = Schema { counters: vec![Counter { unit: "ms".into(), ..counter("a", 9, None) }] };
    let mixed = [stretch(&one), stretch(&foreign)];
    let refused = Statement::new(&Predicate::at_most("a", 9), &mixed);
    assert_eq!(refused, Err(StatementError::UnitsDiffer));
    assert_eq!(Statement::new(&Predicate::never("a"), &[]), Err(StatementError::NoCounters));
}

#[test]
fn a_rate_is_no_weaker_than_it_says() {
    let constant =
        |p: &Predicate| statement(p, &schema()).unwrap().inequalities().next().unwrap().0.constant;
    // At most 3 in 700 ms: of 1,000 to 1,500 ms the shorter counts, rounded down.
    assert_eq!(constant(&rate(Relation::AtMost, 3, 700)), 4);
    // At least 3 in 700 ms: the longer counts, rounded up.
    assert_eq!(constant(&rate(Relation::AtLeast, 3, 700)), -7);
    let both = schema();
    let ranges = [stretch(&both), stretch(&both)];
    let two = Statement::new(&rate(Relation::AtMost, 3, 700), &ranges).unwrap();
    assert_eq!(two.inequalities().next().unwrap().0.constant, 8, "lengths add up");
}

#[test]
fn forms_say_what_the_predicate_says() {
    let holds = |p: &Predicate, values: &[u64]| {
        let statement = statement(p, &schema()).unwrap();
        let at = |p: Place| values.get(usize::from(p.counter.0)).copied();
        statement.inequalities().all(|(f, _)| f.evaluate(at).unwrap() >= 0)
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
    let Predicate::Ratio { part, whole, .. } = ratio("b", "a", 2, 3, 6) else { panic!() };
    let relation = Relation::AtMost;
    let p = Predicate::Ratio { part, whole, relation, numerator: 3, denominator: 2, min_whole: 2 };
    assert!(holds(&p, &[2, 3]) && !holds(&p, &[2, 4]) && !holds(&p, &[1, 1]));
    let p = Predicate::between("a", 2, 4);
    assert!([1, 5].iter().all(|v| !holds(&p, &[*v])) && [2, 3, 4].iter().all(|v| holds(&p, &[*v])));
}
