//! The same question to Cloister's check and to Cedar: may tool 25 be called with this amount,
//! under fifty rules, one a tool?

use std::hint::black_box;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityUid, PolicySet, Request, RestrictedExpression,
};
use cloister_benches::{NOW, RULES, event, pact, sourced_event, sourced_pact, tool, well_read};
use cloister_pact::{Approval, Decision as Ours, SessionState, StandingState, check};
use criterion::{Criterion, criterion_group, criterion_main};

fn cloister(criterion: &mut Criterion) {
    let (pact, event) = (pact(), event());
    let (session, standing) = (SessionState::new([0; 16]), StandingState::default());
    let decide = |event: &_| check(&pact, &session, &standing, event, Approval::Absent, NOW);
    assert_eq!(decide(&event).verdict.decision, Ours::Allow);
    criterion.bench_function("decide/cloister", |b| b.iter(|| decide(black_box(&event))));
}

fn cedar(criterion: &mut Criterion) {
    let rule = |n: usize| {
        format!(
            "permit(principal, action == Action::\"{}\", resource) \
             when {{ context.amount.lessThanOrEqual(decimal(\"{}.00\")) }};\n",
            tool(n),
            1000 + n
        )
    };
    let policies: PolicySet = (0..RULES).map(rule).collect::<String>().parse().unwrap();
    assert_eq!(policies.num_of_policies(), RULES);
    let (authorizer, entities) = (Authorizer::new(), Entities::empty());
    let uid = |text: &str| -> EntityUid { text.parse().unwrap() };
    let principal = uid("Agent::\"initiator\"");
    let action = uid(&format!("Action::\"{}\"", tool(25)));
    let resource = uid("Service::\"provider\"");
    let request = || {
        let amount = RestrictedExpression::new_decimal("500.00");
        let context = Context::from_pairs([("amount".to_owned(), amount)]).unwrap();
        Request::new(principal.clone(), action.clone(), resource.clone(), context, None).unwrap()
    };
    let ready = request();
    let answer = authorizer.is_authorized(&ready, &policies, &entities);
    assert_eq!(answer.decision(), Decision::Allow);
    criterion.bench_function("decide/cedar, request ready", |b| {
        b.iter(|| authorizer.is_authorized(black_box(&ready), &policies, &entities));
    });
    criterion.bench_function("decide/cedar, request built", |b| {
        b.iter(|| authorizer.is_authorized(&black_box(request()), &policies, &entities));
    });
}

/// The same with where the recipient came from. Cedar is told the class, since it remembers
/// nothing of a session; Cloister finds it among what it read.
fn origins(criterion: &mut Criterion) {
    let (pact, event, session) = (sourced_pact(), sourced_event(), well_read(&sourced_pact()));
    let standing = StandingState::default();
    let decide = |event: &_| check(&pact, &session, &standing, event, Approval::Absent, NOW);
    assert_eq!(decide(&event).verdict.decision, Ours::Allow);
    criterion.bench_function("origins/cloister, class found", |b| {
        b.iter(|| decide(black_box(&event)));
    });
    let rule = |n: usize| {
        format!(
            "permit(principal, action == Action::\"{}\", resource) \
             when {{ context.amount.lessThanOrEqual(decimal(\"{}.00\")) && \
             [\"principal\", \"record\"].contains(context.recipient_from) }};\n",
            tool(n),
            1000 + n
        )
    };
    let policies: PolicySet = (0..RULES).map(rule).collect::<String>().parse().unwrap();
    let (authorizer, entities) = (Authorizer::new(), Entities::empty());
    let uid = |text: &str| -> EntityUid { text.parse().unwrap() };
    let action = uid(&format!("Action::\"{}\"", tool(25)));
    let request = || {
        let amount = RestrictedExpression::new_decimal("500.00");
        let class = RestrictedExpression::new_string("principal".to_owned());
        let pairs = [("amount".to_owned(), amount), ("recipient_from".to_owned(), class)];
        let context = Context::from_pairs(pairs).unwrap();
        let (who, what) = (uid("Agent::\"initiator\""), uid("Service::\"provider\""));
        Request::new(who, action.clone(), what, context, None).unwrap()
    };
    let answer = authorizer.is_authorized(&request(), &policies, &entities);
    assert_eq!(answer.decision(), Decision::Allow);
    criterion.bench_function("origins/cedar, class told", |b| {
        b.iter(|| authorizer.is_authorized(&black_box(request()), &policies, &entities));
    });
}

criterion_group!(benches, cloister, cedar, origins);
criterion_main!(benches);
