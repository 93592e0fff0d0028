//! The steps that forge a bundle over revisions of a pact, by name.
#![expect(clippy::indexing_slicing, reason = "a test that fails here says so")]

use messages::ids::{PactHash, SchemaHash};

use crate::forge::{REVISED_AFTER, REVISED_BEFORE, SECOND, Step, THIRD};

pub(crate) const REVISIONS: &[(&str, Step)] = &[
    ("revision-withheld", |c| {
        c.revised();
        c.bundle.logs[0].leaves.remove(SECOND);
    }),
    ("revision-of-another-chain", |c| {
        c.revised();
        c.pact(SECOND, |b| b.root = PactHash([8; 32]));
    }),
    ("revision-follows-nothing", |c| {
        c.revised();
        c.pact(THIRD, |b| b.prior = None);
    }),
    ("revision-follows-itself", |c| {
        c.revised();
        c.pact(THIRD, |b| b.prior = Some(b.pact));
    }),
    ("revision-registered-before-its-prior", |c| {
        c.revised();
        c.drafts.swap(SECOND, THIRD);
        c.republish();
        c.bundle.claims.iter_mut().for_each(|claim| claim.stands[0].pact = 6);
    }),
    ("revision-reorders-counters", |c| {
        c.revised();
        c.bundle.schemas[0].counters.swap(0, 1);
        let schema = c.bundle.schemas[0].hash();
        c.pact(THIRD, |b| b.schema = schema);
        c.tally(REVISED_AFTER, |b| b.schema = schema);
    }),
    ("revision-begins-with-other-counters", |c| {
        c.revised();
        c.tally(REVISED_BEFORE, |b| b.schema = SchemaHash([8; 32]));
    }),
    ("revision-schema-withheld", |c| {
        c.revised();
        c.bundle.schemas.pop();
    }),
    ("revision-forgets-a-total", |c| {
        c.revised();
        let opened = &mut c.bundle.claims[1].stands[0].commitments[0];
        (opened.before, opened.before_path) = (None, Vec::new());
    }),
    ("revision-invents-a-total", |c| {
        c.revised();
        let (other, later) = (c.bundle.claims[1].stands[0].commitments[0].clone(), 0);
        let opened = &mut c.bundle.claims[later].stands[0].commitments[0];
        (opened.before, opened.before_path) = (other.before, other.before_path);
    }),
    ("revision-adds-a-path", |c| {
        c.revised();
        let path = c.bundle.claims[1].stands[0].commitments[0].before_path.clone();
        c.bundle.claims[0].stands[0].commitments[0].before_path = path;
    }),
];
