//! Arbitrary values and events.
use std::collections::BTreeMap;

use messages::event::{Body, Content, Role, Status};
use proptest::prelude::*;
use serde_json::{Value, json};

pub(crate) fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("a@b.com".to_owned()),
        Just("DE89 3704 0044 0532 0130 00".to_owned()),
        Just("https://x.com/a?b".to_owned()),
        Just("http://@".to_owned()),
        Just("99999999999999999999999.99".to_owned()),
        "\\PC{0,24}",
        ".{0,8}",
    ]
}

pub(crate) fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(|f| json!(f)),
        word().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(word(), inner, 0..4)
                .prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

pub(crate) fn role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Initiator), Just(Role::Principal), Just(Role::Provider)]
}

pub(crate) fn body() -> impl Strategy<Value = Body> {
    let call = prop_oneof![Just("a".to_owned()), Just("b".to_owned()), Just("c".to_owned())];
    let name = prop_oneof![Just("send_money".to_owned()), Just("read_note".to_owned()), word()];
    let arg = prop_oneof![Just("recipient".to_owned()), Just("amount".to_owned()), word()];
    let content = prop_oneof![value().prop_map(Content::Document), word().prop_map(Content::Text)];
    let status = prop_oneof![Just(Status::Ok), Just(Status::Error), Just(Status::Cancelled)];
    prop_oneof![
        (call.clone(), name, prop::collection::btree_map(arg, value(), 0..4))
            .prop_map(|(call, name, args): (_, _, BTreeMap<_, _>)| Body::Call { call, name, args }),
        word().prop_map(|text| Body::Message { text }),
        (call, status, content, any::<Option<u64>>()).prop_map(
            |(call, status, content, latency_us)| Body::Result {
                call,
                status,
                content,
                latency_us
            }
        ),
    ]
}
