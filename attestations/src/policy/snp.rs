//! What is accepted of SEV-SNP.

use core::fmt;
use std::collections::BTreeMap;

use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::hex::Hex;
use crate::snp::{Family, Tcb};

/// What is accepted of SEV-SNP. A list that is empty refuses everything; a demand that is left out
/// is not made. What is never accepted (debugging, migration, memory that was not checked for
/// aliases) has no field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnpPolicy {
    /// Accepted families of processors. To name `milan` is to accept that its root secrets may be
    /// known outside (arXiv 2605.12990): list its chips.
    #[serde(deserialize_with = "each_once")]
    pub families: BTreeMap<Family, FamilyPolicy>,
    /// Accepted launch measurements: images, each with its count and type of processors.
    pub measurements: Vec<Hex<48>>,
    /// Accepted versions of reports: 2, 3, 5. Version 2 does not name its processor.
    #[serde(default = "versions")]
    pub report_versions: Vec<u32>,
    /// Accepted clouds, by the CSP id in the certificates of their VLEKs; with none, only the
    /// chips' own keys are accepted. Of a VLEK nothing says which chip it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clouds: Vec<String>,
    /// The privilege level of the monitor: 0 unless a paravisor below it is part of the measured
    /// image.
    #[serde(default)]
    pub vmpl: u32,
    /// Least version of the guest, which its identity block says: needs `id_keys`.
    #[serde(default)]
    pub guest_svn: u32,
    /// Digests of keys that sign identity blocks; left out, identity blocks say nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_keys: Option<Vec<Hex<48>>>,
    /// Digests of keys that vouch for those.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author_keys: Option<Vec<Hex<48>>>,
    /// Whether another guest may share a core.
    pub smt: bool,
    /// Demand that memory is of one socket.
    #[serde(default)]
    pub single_socket: bool,
    /// Demand that the guest's power readings are off.
    #[serde(default)]
    pub rapl_off: bool,
    /// Demand that the host cannot read ciphertexts (Turin).
    #[serde(default)]
    pub ciphertext_hiding: bool,
    /// Demand that pages cannot be moved or swapped.
    #[serde(default)]
    pub page_swap_off: bool,
    /// Demanded bits of the mitigation vectors of version 5, at launch and now.
    #[serde(default)]
    pub mitigations: u64,
    /// Revocation lists.
    #[serde(default)]
    pub revocation: Revocation,
}

/// What is accepted of one family.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FamilyPolicy {
    /// What reported, committed, running and launch firmware must all reach.
    pub floor: Tcb,
    /// Accepted chips, by CHIP_ID; left out, any chip that AMD made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chips: Option<Vec<Hex<64>>>,
}

/// What is demanded of revocation lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// Must there be one?
    pub required: bool,
    /// How old one may be, in seconds.
    pub max_age_s: u64,
}

impl Default for Revocation {
    /// A list that is shown is looked at, and may be a year old.
    fn default() -> Self {
        Self { required: false, max_age_s: 366 * 86_400 }
    }
}

/// A family that stands there twice would be what a reader does not see.
fn each_once<'de, D>(deserializer: D) -> Result<BTreeMap<Family, FamilyPolicy>, D::Error>
where
    D: Deserializer<'de>,
{
    struct Families;

    impl<'de> Visitor<'de> for Families {
        type Value = BTreeMap<Family, FamilyPolicy>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("families, each once")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut families = BTreeMap::new();
            while let Some((family, policy)) = map.next_entry()? {
                if families.insert(family, policy).is_some() {
                    return Err(A::Error::custom("a family stands there twice"));
                }
            }
            Ok(families)
        }
    }

    deserializer.deserialize_map(Families)
}

fn versions() -> Vec<u32> {
    vec![3, 5]
}
