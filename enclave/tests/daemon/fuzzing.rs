//! A fuzzer that knows only the interface's own document, against the real daemon over TLS.

use crate::schemathesis;
use crate::support::Home;

#[test]
fn nothing_that_the_document_permits_or_forbids_is_a_fault_of_the_daemon() {
    let home = Home::new();
    let daemon = home.start();
    schemathesis::fuzz(&format!("https://{}", daemon.address), 10);
    assert_eq!(daemon.connect().boot(), daemon.connect().boot(), "it goes on");
}
