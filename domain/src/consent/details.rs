//! To whom what is granted.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, VariantNames};
use uuid::Uuid;

use super::ids::GranteeTag;
use crate::kernel::typed_data::{Struct, Value, keccak256};
use crate::kernel::{Category, PractitionerId, compact_bytes};

/// What somebody of a hospital's staff works as. The order is its encoding: add only at the end.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Display, EnumString, EnumIter, Serialize, Deserialize,
)]
#[strum(serialize_all = "lowercase")]
pub enum StaffRole {
    /// Treats patients.
    Doctor,
    /// Cares for them.
    Nurse,
    /// Books, and sees nothing clinical.
    Reception,
    /// Files results.
    Laboratory,
}

/// To whom something is granted. In what patients sign it is a text: `practitioner/ID`, `organisation/NUMBER` or `organisation/NUMBER/ROLE`.
/// The variants' order is their encoding: add only at the end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Grantee {
    /// A practitioner, wherever they work.
    Practitioner(PractitionerId),
    /// An organisation, by the number of its namespace: all who work there, as far as their work needs.
    Organisation(u32),
    /// Those of an organisation who work there as this.
    Role(u32, StaffRole),
}

/// This text names no grantee.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a grantee is `practitioner/ID`, `organisation/NUMBER` or `organisation/NUMBER/ROLE`")]
pub struct NoGrantee;

impl fmt::Display for Grantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Practitioner(id) => write!(f, "practitioner/{id}"),
            Self::Organisation(number) => write!(f, "organisation/{number}"),
            Self::Role(number, role) => write!(f, "organisation/{number}/{role}"),
        }
    }
}

impl FromStr for Grantee {
    type Err = NoGrantee;

    /// Of the ways to write an id or a number only that one is read in which it is signed.
    fn from_str(text: &str) -> Result<Self, NoGrantee> {
        let parsed = match *text.split('/').collect::<Vec<_>>() {
            ["practitioner", id] => id.parse().ok().map(Self::Practitioner),
            ["organisation", number] => number.parse().ok().map(Self::Organisation),
            ["organisation", number, role] => number
                .parse()
                .ok()
                .zip(role.parse().ok())
                .map(|(number, role)| Self::Role(number, role)),
            _ => None,
        };
        parsed.filter(|grantee| grantee.to_string() == text).ok_or(NoGrantee)
    }
}

/// What is granted of a record. In what patients sign it is a category's name, or `record`. The variants' order is their encoding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Granted {
    /// All but what is sensitive.
    Record,
    /// A category.
    Category(Category),
}

impl Granted {
    /// Whether it covers a category. What is sensitive is always granted by name.
    pub fn covers(self, category: Category) -> bool {
        match self {
            Self::Record => category != Category::Sensitive,
            Self::Category(granted) => granted == category,
        }
    }
}

impl fmt::Display for Granted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record => f.write_str("record"),
            Self::Category(category) => category.fmt(f),
        }
    }
}

impl FromStr for Granted {
    type Err = strum::ParseError;

    fn from_str(text: &str) -> Result<Self, strum::ParseError> {
        if text == "record" {
            Ok(Self::Record)
        } else {
            text.parse().map(Self::Category)
        }
    }
}

/// Why a record is read. Its name stands in what patients sign, and never changes. The order is its encoding: add only at the end.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Display, EnumString, VariantNames, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Purpose {
    /// To treat the patient.
    Treatment,
    /// To pay for what was done.
    Payment,
    /// For research.
    Research,
}

/// What a patient reads before they sign. The chain sees only its hash.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Details {
    /// What the grantee is called, for the reader alone.
    pub name: String,
    /// To whom it is granted.
    pub grantee: Grantee,
    /// Of the record.
    pub categories: Vec<Granted>,
    /// If there are any, these alone.
    pub documents: Vec<Uuid>,
    /// Only what is of this second since 1970 or later; 0 for no limit.
    pub from: u64,
    /// Only what is of before this second; 0 for no limit.
    pub until: u64,
    /// The only purpose for which it may be read.
    pub purpose: Purpose,
    /// Whether the grantee may add to the record, too.
    pub may_write: bool,
    /// The same for all grants of a patient to one grantee, and otherwise random.
    #[serde(with = "compact_bytes")]
    pub grantee_salt: [u8; 32],
    /// Random, so that nobody finds out the rest by trying.
    #[serde(with = "compact_bytes")]
    pub salt: [u8; 32],
}

impl Details {
    /// How many documents a grant names at most.
    pub const MOST_DOCUMENTS: usize = 100;

    /// As it is signed.
    pub fn typed(&self) -> Struct {
        Struct {
            name: "Details",
            members: vec![
                ("name", Value::Text(self.name.clone())),
                ("grantee", Value::Text(self.grantee.to_string())),
                (
                    "categories",
                    Value::Texts(self.categories.iter().map(Granted::to_string).collect()),
                ),
                (
                    "documents",
                    Value::Texts(self.documents.iter().map(Uuid::to_string).collect()),
                ),
                ("from", Value::Number(self.from)),
                ("until", Value::Number(self.until)),
                ("purpose", Value::Text(self.purpose.to_string())),
                ("mayWrite", Value::Flag(self.may_write)),
                ("granteeSalt", Value::Bytes32(self.grantee_salt)),
                ("salt", Value::Bytes32(self.salt)),
            ],
        }
    }

    /// What stands for the grantee in the patient's grants.
    pub fn grantee_tag(&self) -> GranteeTag {
        let grantee = keccak256(self.grantee.to_string().as_bytes());
        GranteeTag(keccak256(&[self.grantee_salt, grantee].concat()))
    }
}
