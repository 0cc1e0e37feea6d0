//! An entry of the registry of consents, as the contract packs it.

use super::packed::Packed;
use crate::consent::{GrantId, GranteeTag, SignerId};

/// An entry of the registry, about one patient of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Entry {
    /// A grant was given, in the epochs that hold.
    Granted {
        /// Which.
        grant: GrantId,
        /// To whom.
        grantee: GranteeTag,
        /// From when on it holds, in seconds since 1970.
        not_before: u64,
        /// When it ends; 0 for never.
        expiry: u64,
        /// Who signed it.
        by: SignerId,
    },
    /// A grant was revoked.
    Revoked {
        /// Which.
        grant: GrantId,
        /// Who signed it.
        by: SignerId,
    },
    /// All grants to somebody were revoked.
    GranteeRevoked {
        /// To whom.
        grantee: GranteeTag,
        /// The epoch that it ended.
        epoch: u64,
        /// Who signed it.
        by: SignerId,
    },
    /// All grants were revoked.
    AllRevoked {
        /// The epoch that it ended.
        epoch: u64,
        /// Who signed it.
        by: SignerId,
    },
    /// Somebody may speak for the patient.
    Delegated {
        /// Who.
        delegate: SignerId,
        /// Until when, in seconds since 1970.
        until: u64,
    },
    /// They may no more.
    DelegationEnded {
        /// Who.
        delegate: SignerId,
    },
    /// The patient has these guardians.
    GuardiansSet {
        /// Their hash; 0 for none.
        guardians: [u8; 32],
    },
    /// Guardians have named another controller.
    RecoveryBegan {
        /// Whom.
        controller: SignerId,
        /// From when on it can be completed.
        ready_at: u64,
    },
    /// The controller has refused that.
    RecoveryRefused,
    /// Somebody else is the controller.
    ControllerChanged {
        /// Who.
        controller: SignerId,
    },
    /// It is a ward.
    WardOpened {
        /// Who controls it.
        controller: SignerId,
        /// When it ends.
        until: u64,
    },
}

impl Entry {
    /// Reads an entry and whom it is about, from the name of its stream (`zeros:8 || patient:20`) and its payload. `None` when it is no such entry, which the
    /// registry never records.
    pub fn read(stream_name: &[u8; 28], payload: &[u8]) -> Option<(SignerId, Self)> {
        let ([0, 0, 0, 0, 0, 0, 0, 0], patient) = stream_name.split_first_chunk::<8>()? else {
            return None;
        };
        let patient = SignerId(patient.try_into().ok()?);
        let mut rest = Packed::new(payload);
        let [what] = rest.bytes()?;
        let entry = match what {
            1 => Self::Granted {
                grant: GrantId(rest.bytes()?),
                grantee: GranteeTag(rest.bytes()?),
                not_before: rest.number()?,
                expiry: rest.number()?,
                by: rest.signer()?,
            },
            2 => Self::Revoked {
                grant: GrantId(rest.bytes()?),
                by: rest.signer()?,
            },
            3 => Self::GranteeRevoked {
                grantee: GranteeTag(rest.bytes()?),
                epoch: rest.number()?,
                by: rest.signer()?,
            },
            4 => Self::AllRevoked {
                epoch: rest.number()?,
                by: rest.signer()?,
            },
            5 => Self::Delegated {
                delegate: rest.signer()?,
                until: rest.number()?,
            },
            6 => Self::DelegationEnded {
                delegate: rest.signer()?,
            },
            7 => Self::GuardiansSet {
                guardians: rest.bytes()?,
            },
            8 => Self::RecoveryBegan {
                controller: rest.signer()?,
                ready_at: rest.number()?,
            },
            9 => Self::RecoveryRefused,
            10 => Self::ControllerChanged {
                controller: rest.signer()?,
            },
            11 => Self::WardOpened {
                controller: rest.signer()?,
                until: rest.number()?,
            },
            _ => return None,
        };
        rest.end((patient, entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENT: SignerId = SignerId([1; 20]);
    const GRANT: GrantId = GrantId([3; 32]);

    #[test]
    fn what_the_contract_never_records_is_no_entry() {
        let mut name = [0; 28];
        name[8..].copy_from_slice(&PATIENT.0);
        let refused = [&[2][..], &GRANT.0, &PATIENT.0].concat();
        let expected = Entry::Revoked {
            grant: GRANT,
            by: PATIENT,
        };
        assert_eq!(Entry::read(&name, &refused), Some((PATIENT, expected)));
        assert_eq!(Entry::read(&name, &[9]), Some((PATIENT, Entry::RecoveryRefused)));
        for payload in [
            &[][..],
            &[0],
            &[12],
            &[9, 0],
            &refused[..52],
            &[&refused[..], &[0]].concat(),
        ] {
            assert_eq!(Entry::read(&name, payload), None, "{payload:?}");
        }
        name[0] = 1;
        assert_eq!(Entry::read(&name, &refused), None);
    }
}
