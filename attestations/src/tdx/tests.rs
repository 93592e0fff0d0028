mod log;
mod recorded;

use super::*;

/// Every refusal of an examination, in its order.
fn refused(rows: Rows) -> Vec<Refusal> {
    rows.into_rows().into_iter().filter_map(|row| row.refused).collect()
}

#[test]
fn what_the_library_says_has_a_code_of_ours() {
    use TdxRefusal as T;

    // Texts of dcap-qvl 0.7.1 and of its webpki; the recordings provoke those that they can.
    for (text, refusal) in [
        ("Failed to verify certificate chain: CertExpired { time: 1 }", T::Expired),
        ("Failed to verify certificate chain: CertNotValidYet { time: 1 }", T::NotYetValid),
        ("Failed to verify certificate chain: CrlExpired { time: 1 }", T::CollateralExpired),
        ("Failed to verify certificate chain: CertRevoked", T::Revoked),
        ("TCB status is invalid: Revoked", T::Revoked),
        ("TDX module identity check: TDX module MRSIGNER mismatch", T::Module),
        ("No matching TCB level found", T::NoLevel),
        ("Fmspc mismatch", T::Fmspc),
        ("Signature is invalid for tcb_info in quote_collateral", T::Signature),
        ("anything else", T::Signature),
    ] {
        assert_eq!(classify(&text), refusal, "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes: Vec<u8>) {
        drop(parse(&bytes));
        let dated = readable(Some(&bytes)).and_then(|collateral| in_time(&collateral, 0));
        proptest::prop_assert!(dated.is_err());
        let quote = [&[4, 0, 2, 0, 0x81, 0, 0, 0][..], &[0; 4], &INTEL, &[0; 20], &[0; 584]];
        drop(parse(&[&quote.concat()[..], &bytes].concat()));
    }
}
