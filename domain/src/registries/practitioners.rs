//! What `PractitionerRegistry.sol` records.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantNames};
use uuid::Uuid;

use super::packed::Packed;
use crate::consent::SignerId;
use crate::kernel::PractitionerId;
use crate::kernel::typed_data::{Struct, Value};

/// What wallets call the registry.
pub const DOMAIN_NAME: &str = "Medconnect Practitioners";

/// How a practitioner stands with the registrars.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    Default,
    Serialize,
    Deserialize,
    EnumString,
    IntoStaticStr,
    VariantNames,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Standing {
    /// Nobody has attested them.
    #[default]
    Unknown,
    /// They are attested.
    Attested,
    /// They are suspended.
    Suspended,
}

/// An entry of the registry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Entry {
    /// Of a practitioner.
    Practitioner(PractitionerId, Act),
    /// Somebody became a registrar.
    Appointed(SignerId),
    /// Somebody is a registrar no more.
    Dismissed(SignerId),
    /// The registry is somebody's, who says who the registrars are.
    Owned(SignerId),
}

/// What a registrar did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    /// They attested the practitioner.
    Attested {
        /// A salted hash of what it rests on.
        details: [u8; 32],
        /// The registrar.
        by: SignerId,
    },
    /// They suspended the practitioner.
    Suspended {
        /// The registrar.
        by: SignerId,
    },
    /// They ended the suspension.
    Reinstated {
        /// The registrar.
        by: SignerId,
    },
}

impl Act {
    /// The registrar.
    pub const fn by(&self) -> SignerId {
        match self {
            Self::Attested { by, .. } | Self::Suspended { by } | Self::Reinstated { by } => *by,
        }
    }
}

impl Entry {
    /// Reads an entry, from the name of its stream (`zeros:12 || practitioner:16`) and its payload. `None` when it is no such entry, which the registry
    /// never records.
    pub fn read(stream_name: &[u8; 28], payload: &[u8]) -> Option<Self> {
        let ([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], practitioner) = stream_name.split_first_chunk::<12>()? else {
            return None;
        };
        let practitioner = Uuid::from_slice(practitioner).ok()?;
        let names_nobody = practitioner.is_nil();
        let mut rest = Packed::new(payload);
        let of_practitioner = |act| Self::Practitioner(PractitionerId::new(practitioner), act);
        let [what] = rest.bytes()?;
        let entry = match what {
            1..=3 if names_nobody => return None,
            1 => {
                let (details, by) = (rest.bytes()?, rest.signer()?);
                of_practitioner(Act::Attested { details, by })
            }
            2 => of_practitioner(Act::Suspended { by: rest.signer()? }),
            3 => of_practitioner(Act::Reinstated { by: rest.signer()? }),
            4 if names_nobody => Self::Appointed(rest.signer()?),
            5 if names_nobody => Self::Dismissed(rest.signer()?),
            6 if names_nobody => Self::Owned(rest.signer()?),
            _ => return None,
        };
        rest.end(entry)
    }
}

/// What the registry knows of a practitioner.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Attestation {
    /// How they stand.
    pub standing: Standing,
    /// How many acts there were. The next attestation or reinstatement names it.
    pub number: u64,
    /// How often they were reinstated. The next suspension names it.
    pub reinstatements: u64,
    /// What the last attestation names; `None` before the first.
    pub details: Option<[u8; 32]>,
    /// Since which position of the log they are attested; `None` while they are not.
    pub attested_since: Option<u64>,
}

impl Attestation {
    /// How they stand where the log is final up to a position. An attestation counts once it is final, and a suspension at once.
    pub fn standing_at(&self, final_position: u64) -> Standing {
        match self.standing {
            Standing::Attested if self.attested_since.is_none_or(|since| since > final_position) => Standing::Unknown,
            standing => standing,
        }
    }

    /// What it is after another act, at a position of the log.
    #[must_use]
    pub fn after(self, act: &Act, position: u64) -> Self {
        let number = self.number.saturating_add(1);
        let (standing, details) = match act {
            Act::Attested { details, .. } => (Standing::Attested, Some(*details)),
            Act::Suspended { .. } => (Standing::Suspended, self.details),
            // Who was suspended before anything was attested is nobody yet.
            Act::Reinstated { .. } if self.details.is_none() => (Standing::Unknown, None),
            Act::Reinstated { .. } => (Standing::Attested, self.details),
        };
        let since = self.attested_since.or(Some(position));
        let is_reinstated = matches!(act, Act::Reinstated { .. });
        Self {
            standing,
            number,
            reinstatements: self.reinstatements.saturating_add(is_reinstated.into()),
            details,
            attested_since: since.filter(|_| standing == Standing::Attested),
        }
    }
}

/// What a registrar can sign: the type of the struct.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, EnumString, IntoStaticStr, VariantNames)]
pub enum MessageType {
    /// [`Message::Attestation`].
    Attestation,
    /// [`Message::Suspension`].
    Suspension,
    /// [`Message::Reinstatement`].
    Reinstatement,
}

/// What a registrar signs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Message {
    /// Attest somebody.
    Attestation {
        /// Whom.
        practitioner: PractitionerId,
        /// A salted hash of what it rests on.
        details: [u8; 32],
        /// The practitioner's number.
        number: u64,
        /// Until when it may be handed in, in seconds since 1970.
        deadline: u64,
    },
    /// Suspend somebody.
    Suspension {
        /// Whom.
        practitioner: PractitionerId,
        /// How often they were reinstated.
        reinstatements: u64,
    },
    /// End a suspension.
    Reinstatement {
        /// Whose.
        practitioner: PractitionerId,
        /// The practitioner's number.
        number: u64,
        /// Until when it may be handed in, in seconds since 1970.
        deadline: u64,
    },
}

impl Message {
    /// Whom it is about.
    pub const fn practitioner(&self) -> PractitionerId {
        match self {
            Self::Attestation { practitioner, .. }
            | Self::Suspension { practitioner, .. }
            | Self::Reinstatement { practitioner, .. } => *practitioner,
        }
    }

    /// As it is signed.
    pub fn typed(&self) -> Struct {
        let whom = |practitioner: PractitionerId| ("practitioner", Value::Bytes16(practitioner.uuid().into_bytes()));
        let (name, members) = match *self {
            Self::Attestation {
                practitioner,
                details,
                number,
                deadline,
            } => (
                "Attestation",
                vec![
                    whom(practitioner),
                    ("details", Value::Bytes32(details)),
                    ("number", Value::Number(number)),
                    ("deadline", Value::Number(deadline)),
                ],
            ),
            Self::Suspension {
                practitioner,
                reinstatements,
            } => (
                "Suspension",
                vec![whom(practitioner), ("reinstatements", Value::Number(reinstatements))],
            ),
            Self::Reinstatement {
                practitioner,
                number,
                deadline,
            } => (
                "Reinstatement",
                vec![
                    whom(practitioner),
                    ("number", Value::Number(number)),
                    ("deadline", Value::Number(deadline)),
                ],
            ),
        };
        Struct { name, members }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGISTRAR: SignerId = SignerId([7; 20]);
    const DETAILS: [u8; 32] = [3; 32];

    fn name(practitioner: u128) -> [u8; 28] {
        let mut name = [0; 28];
        name[12..].copy_from_slice(&practitioner.to_be_bytes());
        name
    }

    fn standing_after(acts: &[Act]) -> Standing {
        let after = after(acts);
        assert_eq!(after.number, acts.len() as u64);
        after.standing
    }

    fn after(acts: &[Act]) -> Attestation {
        let acts = acts.iter().zip(1..);
        acts.fold(Attestation::default(), |before, (act, position)| {
            before.after(act, position)
        })
    }

    #[test]
    fn an_entry_reads_as_the_contract_packs_it() {
        let practitioner = PractitionerId::new(Uuid::from_u128(5));
        let read = |what: u8, rest: &[&[u8]]| Entry::read(&name(5), &[&[what], rest.concat().as_slice()].concat());
        let expected = Act::Attested {
            details: DETAILS,
            by: REGISTRAR,
        };
        let attested = read(1, &[&DETAILS, &REGISTRAR.0]);
        assert_eq!(attested, Some(Entry::Practitioner(practitioner, expected)));
        let suspended = read(2, &[&REGISTRAR.0]);
        assert_eq!(
            suspended,
            Some(Entry::Practitioner(practitioner, Act::Suspended { by: REGISTRAR }))
        );
        let read = |what: u8| Entry::read(&name(0), &[&[what], REGISTRAR.0.as_slice()].concat());
        assert_eq!(read(4), Some(Entry::Appointed(REGISTRAR)));
        assert_eq!(read(5), Some(Entry::Dismissed(REGISTRAR)));
        assert_eq!(read(6), Some(Entry::Owned(REGISTRAR)));
        assert_eq!(read(2), None, "nobody is the practitioner 0");
    }

    #[test]
    fn what_the_contract_never_records_is_no_entry() {
        let mut elsewhere = name(5);
        elsewhere[0] = 1;
        let suspended = [&[2], REGISTRAR.0.as_slice()].concat();
        let longer = [suspended.as_slice(), &[0]].concat();
        for (name, payload) in [
            (name(5), &[][..]),
            (name(5), &suspended[..20]),
            (name(5), &longer),
            (name(5), &[0]),
            (elsewhere, &suspended),
            (name(5), &[&[4], REGISTRAR.0.as_slice()].concat()),
        ] {
            assert_eq!(Entry::read(&name, payload), None, "{payload:?}");
        }
    }

    #[test]
    fn who_is_reinstated_stands_as_they_were_attested() {
        let attested = Act::Attested {
            details: DETAILS,
            by: REGISTRAR,
        };
        let (suspended, reinstated) = (Act::Suspended { by: REGISTRAR }, Act::Reinstated { by: REGISTRAR });
        assert_eq!(standing_after(&[]), Standing::Unknown);
        assert_eq!(standing_after(&[attested]), Standing::Attested);
        assert_eq!(standing_after(&[attested, suspended]), Standing::Suspended);
        assert_eq!(standing_after(&[attested, suspended, reinstated]), Standing::Attested);
        assert_eq!(standing_after(&[suspended, reinstated]), Standing::Unknown);
    }

    #[test]
    fn an_attestation_counts_once_it_is_final_and_a_suspension_at_once() {
        let attested = Act::Attested {
            details: DETAILS,
            by: REGISTRAR,
        };
        let (suspended, reinstated) = (Act::Suspended { by: REGISTRAR }, Act::Reinstated { by: REGISTRAR });
        for (acts, final_position, expected) in [
            (&[attested][..], 0, Standing::Unknown),
            (&[attested], 1, Standing::Attested),
            // Attested again they stay so.
            (&[attested, attested], 1, Standing::Attested),
            (&[attested, suspended], 1, Standing::Suspended),
            (&[attested, suspended, reinstated], 2, Standing::Unknown),
            (&[attested, suspended, reinstated], 3, Standing::Attested),
        ] {
            assert_eq!(after(acts).standing_at(final_position), expected, "{acts:?}");
        }
    }
}
