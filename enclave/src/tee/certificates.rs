//! Certificates and lists that come with evidence: from the host's table, or from files that the
//! operator put beside the state. Nothing is believed of them here: a verifier follows them from
//! its own root.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use messages::evidence::Endorsements;

/// What the host added to a report of SEV-SNP, with what the folder has besides.
pub(crate) fn collect(added: &[u8], folder: &Path) -> Option<Endorsements> {
    let file = |name: &str| {
        // Whatever the length is said to be, no more is read.
        let mut bytes = Vec::new();
        let file = File::open(folder.join(name)).ok()?;
        let file = file.metadata().is_ok_and(|metadata| metadata.is_file()).then_some(file)?;
        let read = file.take(MOST.saturating_add(1)).read_to_end(&mut bytes).ok()?;
        u64::try_from(read).is_ok_and(|read| read <= MOST).then_some(bytes)
    };
    let of_table = |name: [u8; 16]| entry(added, name).map(<[u8]>::to_vec);
    let collected = Endorsements {
        vek: file("vek.der").or_else(|| of_table(VCEK)).or_else(|| of_table(VLEK)),
        intermediate: file("intermediate.der").or_else(|| of_table(ASK)),
        revoked: file("revoked.crl"),
        collateral: file("collateral.json"),
    };
    (collected != Endorsements::default()).then_some(collected)
}

/// The certificate of this name in a table (AMD 56421, section 4.1.8.1): entries of a GUID, an
/// offset and a length, ended by one of zeros.
fn entry(table: &[u8], name: [u8; 16]) -> Option<&[u8]> {
    let entries = table.chunks_exact(24).take_while(|entry| entry.iter().any(|byte| *byte != 0));
    for entry in entries {
        let (named, place) = entry.split_first_chunk::<16>()?;
        let (offset, length) = place.split_first_chunk::<4>()?;
        let offset = usize::try_from(u32::from_le_bytes(*offset)).ok()?;
        let length = usize::try_from(u32::from_le_bytes(*length.first_chunk()?)).ok()?;
        if *named == name {
            return table.get(offset..offset.checked_add(length)?);
        }
    }
    None
}

// GUIDs as they lie in memory, first three parts little-endian.
const VCEK: [u8; 16] = guid(0x63da_758d, 0xe664, 0x4564, 0xadc5_f4b9_3be8_accd);
const VLEK: [u8; 16] = guid(0xa807_4bc2, 0xa25a, 0x483e, 0xaae6_39c0_45a0_b8a1);
const ASK: [u8; 16] = guid(0x4ab7_b379, 0xbbac, 0x4fe4, 0xa02f_05ae_f327_c782);

const fn guid(a: u32, b: u16, c: u16, rest: u64) -> [u8; 16] {
    let [a0, a1, a2, a3] = a.to_le_bytes();
    let [b0, b1] = b.to_le_bytes();
    let [c0, c1] = c.to_le_bytes();
    let [d0, d1, d2, d3, d4, d5, d6, d7] = rest.to_be_bytes();
    [a0, a1, a2, a3, b0, b1, c0, c1, d0, d1, d2, d3, d4, d5, d6, d7]
}

/// Bytes of one file: an evidence has to fit into a leaf.
const MOST: u64 = 32 * 1024;

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "small numbers")]
mod tests {
    use super::*;

    fn table(certificates: &[([u8; 16], &[u8])]) -> Vec<u8> {
        let mut offset = u32::try_from(24 * certificates.len() + 24).unwrap();
        let mut table = Vec::new();
        for (name, certificate) in certificates {
            let length = u32::try_from(certificate.len()).unwrap();
            table.extend(name);
            table.extend(offset.to_le_bytes());
            table.extend(length.to_le_bytes());
            offset += length;
        }
        table.extend([0; 24]);
        certificates.iter().for_each(|(_, certificate)| table.extend(*certificate));
        table
    }

    #[test]
    fn certificates_come_from_the_table_and_files_go_before() {
        let folder = tempfile::tempdir().unwrap();
        let table = table(&[(ASK, b"ask"), (VCEK, b"vcek"), ([9; 16], b"other")]);
        let collected = collect(&table, folder.path()).unwrap();
        assert_eq!(collected.vek.as_deref(), Some(&b"vcek"[..]));
        assert_eq!(collected.intermediate.as_deref(), Some(&b"ask"[..]));
        assert_eq!((collected.revoked, collected.collateral), (None, None));

        for (name, content) in [("vek.der", "file"), ("revoked.crl", "list")] {
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        let collected = collect(&table, folder.path()).unwrap();
        assert_eq!(collected.vek.as_deref(), Some(&b"file"[..]));
        assert_eq!(collected.revoked.as_deref(), Some(&b"list"[..]));
        let long = vec![0; 32 * 1024 + 1];
        std::fs::write(folder.path().join("vek.der"), long).unwrap();
        assert_eq!(collect(&table, folder.path()).unwrap().vek.as_deref(), Some(&b"vcek"[..]));
    }

    #[test]
    fn a_clouds_key_is_taken_too_and_nothing_is_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let collected = collect(&table(&[(VLEK, b"vlek")]), folder.path()).unwrap();
        assert_eq!(collected.vek.as_deref(), Some(&b"vlek"[..]));
        assert_eq!(collect(&[], folder.path()), None);
        assert_eq!(collect(&[1; 23], folder.path()), None);
        // An entry that points outside the table is no certificate.
        let mut outside = table(&[(VCEK, b"vcek")]);
        outside[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(collect(&outside, folder.path()), None);
    }

    proptest::proptest! {
        #[test]
        fn no_table_makes_the_reader_panic(table: Vec<u8>) {
            proptest::prop_assert!(entry(&table, VCEK).is_none_or(|found| found.len() <= table.len()));
        }
    }
}
