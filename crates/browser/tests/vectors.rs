//! The same entry natively, on the published vectors.
#![expect(clippy::unwrap_used, reason = "a test that fails here says so")]

use std::path::Path;

use cloister_browser::{checked, explain, input, output, verify};
use messages::time::UnixMillis;
use serde_json::Value;

/// Those that hold a bundle.
fn vectors() -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../verify/vectors");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let vectors = files.filter(|path| path.extension().is_some_and(|end| end == "json"));
    let vectors = vectors.map(|path| std::fs::read(path).unwrap());
    let vectors = vectors.map(|bytes| serde_json::from_slice::<Value>(&bytes).unwrap());
    vectors.filter(|vector| vector.get("bundle").is_some()).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let pairs = hex.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

#[test]
fn every_claim_of_the_vectors_lacks_nothing_but_the_appraisal_of_evidence() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 4);
    for vector in vectors {
        let bundle = bytes(vector["bundle"].as_str().unwrap());
        let anchors = vector["anchors_document"].to_string();
        let now = UnixMillis(vector["now_ms"].as_u64().unwrap());
        let document = checked(&bundle, anchors.as_bytes(), now);
        let items = document["items"].as_array().unwrap();
        assert_eq!(items.len(), vector["items"].as_array().unwrap().len());
        assert!(items.iter().all(|item| item["code"] == "evidence"), "{document}");
        assert_eq!(document["exit"], 2);
        let cut = checked(&bundle[1..], anchors.as_bytes(), now);
        assert_eq!((&cut["exit"], &cut["code"]), (&3.into(), &"malformed".into()));
        let none = checked(&bundle, b"{}", now);
        assert_eq!(none["code"], "anchors-malformed");
    }
}

#[test]
fn the_buffers_are_bounded_and_a_wrong_length_is_told() {
    assert!(input(usize::MAX).is_null());
    assert!(!input(4).is_null());
    assert!(verify(5, 0) > 0 && verify(usize::MAX, 0) > 0 && explain(9) > 0);
    assert!(!output().is_null());
}
