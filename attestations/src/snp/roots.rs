//! The roots of trust: AMD's root certificates, one a family, compiled in from `sev`.

use std::sync::LazyLock;

use sev::certs::snp::builtin;
use x509_cert::Certificate;

use super::tcb::Family;

/// One root a family. Outside the tests there are AMD's, and no way to name others.
pub(crate) struct Roots {
    pub(super) genoa: Option<Certificate>,
    pub(super) milan: Option<Certificate>,
    pub(super) turin: Option<Certificate>,
}

impl Roots {
    /// AMD's.
    pub(crate) fn amd() -> &'static Self {
        &AMD
    }

    /// That of a family; a family without one is refused.
    pub(super) const fn of(&self, family: Family) -> Option<&Certificate> {
        match family {
            Family::Genoa => self.genoa.as_ref(),
            Family::Milan => self.milan.as_ref(),
            Family::Turin => self.turin.as_ref(),
        }
    }
}

static AMD: LazyLock<Roots> = LazyLock::new(|| {
    let read = |pem: &[u8]| Certificate::load_pem_chain(pem).ok()?.pop();
    Roots {
        genoa: read(builtin::genoa::ARK),
        milan: read(builtin::milan::ARK),
        turin: read(builtin::turin::ARK),
    }
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snp::chain::{rsa_pss, signed_bytes};

    #[test]
    fn each_family_has_its_own_root_which_signed_itself() {
        use x509_cert::der::Encode;

        for family in Family::ALL {
            let root = Roots::amd().of(family).unwrap();
            let tbs = &root.tbs_certificate;
            assert!(tbs.subject.to_string().contains(&format!("CN=ARK-{}", family.name())));
            let der = root.to_der().unwrap();
            let signed = signed_bytes(&der).unwrap();
            assert_eq!(rsa_pss(root, signed, root.signature.raw_bytes()), Ok(()));
        }
    }
}
