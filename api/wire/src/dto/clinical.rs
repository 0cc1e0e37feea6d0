//! Names, addresses, concepts: the clinical vocabulary in JSON, shaped after FHIR R4 data types.

use domain::kernel::{self, TextRule};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::text::{
    AddressLine, AddressPart, CodeSystemText, CodeText, ConceptText, IdentifierSystem, IdentifierValue, NameText,
    PrefixText,
};
use super::wire_enum::wire_enum;
use crate::check::{Checked, Checks};
use crate::wallet_address::{checksummed, parse_wallet};

/// A person's name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HumanName {
    /// The person's family name.
    #[schema(inline, value_type = NameText)]
    pub family: String,
    /// The person's given names, in order.
    #[serde(default)]
    #[schema(inline, value_type = Vec<NameText>, example = json!(["Ada"]), max_items = 20)]
    pub given: Vec<String>,
    /// The titles before the name.
    #[serde(default)]
    #[schema(inline, value_type = Vec<PrefixText>, example = json!(["Dr."]), max_items = 10)]
    pub prefix: Vec<String>,
}

impl Checked for HumanName {
    type Domain = kernel::HumanName;

    fn check(self, checks: &mut Checks) -> kernel::HumanName {
        kernel::HumanName {
            family: checks.fits("family", self.family, TextRule::NAME),
            given: checks.texts("given", self.given, kernel::HumanName::MOST_GIVEN, TextRule::NAME),
            prefix: checks.texts(
                "prefix",
                self.prefix,
                kernel::HumanName::MOST_PREFIXES,
                TextRule::PREFIX,
            ),
        }
    }
}

impl From<kernel::HumanName> for HumanName {
    fn from(name: kernel::HumanName) -> Self {
        let kernel::HumanName { family, given, prefix } = name;
        Self { family, given, prefix }
    }
}

wire_enum!(
    /// Administrative gender (FHIR R4 `administrative-gender`).
    Gender = kernel::Gender
);

/// A postal address. Parts that are not known are left out.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Address {
    /// The lines for street, house number and the like.
    #[schema(inline, value_type = Vec<AddressLine>, example = json!(["12 Harbour Street"]), max_items = 10)]
    pub lines: Vec<String>,
    /// The name of the city.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(inline, value_type = AddressPart)]
    pub city: String,
    /// The name of the state or region.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(inline, value_type = AddressPart)]
    pub state: String,
    /// The postal code.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(inline, value_type = AddressPart)]
    pub postal_code: String,
    /// The country.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(inline, value_type = AddressPart)]
    pub country: String,
}

impl Checked for Address {
    type Domain = kernel::Address;

    fn check(self, checks: &mut Checks) -> kernel::Address {
        let mut part = |step: &str, value: String| {
            if value.is_empty() {
                value
            } else {
                checks.fits(step, value, TextRule::ADDRESS)
            }
        };
        let city = part("city", self.city);
        let state = part("state", self.state);
        let postal_code = part("postalCode", self.postal_code);
        let country = part("country", self.country);
        let lines = checks.texts("lines", self.lines, kernel::Address::MOST_LINES, TextRule::ADDRESS);
        kernel::Address {
            lines,
            city,
            state,
            postal_code,
            country,
        }
    }
}

impl From<kernel::Address> for Address {
    fn from(address: kernel::Address) -> Self {
        let kernel::Address {
            lines,
            city,
            state,
            postal_code,
            country,
        } = address;
        Self {
            lines,
            city,
            state,
            postal_code,
            country,
        }
    }
}

/// An identifier that a system has given to a person or thing (FHIR `Identifier`).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Identifier {
    /// The URI of the system that has issued the identifier.
    #[schema(inline, value_type = IdentifierSystem)]
    pub system: String,
    /// The value of the identifier in that system.
    #[schema(inline, value_type = IdentifierValue)]
    pub value: String,
}

impl Checked for Identifier {
    type Domain = kernel::Identifier;

    fn check(self, checks: &mut Checks) -> kernel::Identifier {
        let system = checks.fits("system", self.system, TextRule::IDENTIFIER);
        kernel::Identifier {
            system,
            value: checks.fits("value", self.value, TextRule::IDENTIFIER),
        }
    }
}

/// Checks the identifiers that somebody is looked for by.
pub(super) fn check_wanted(checks: &mut Checks, identifiers: Vec<Identifier>, most: usize) -> Vec<kernel::Identifier> {
    if identifiers.is_empty() {
        checks.within("identifiers", |checks| checks.wrong("must have at least one item"));
    }
    checks.set("identifiers", identifiers, most)
}

impl From<kernel::Identifier> for Identifier {
    fn from(identifier: kernel::Identifier) -> Self {
        let kernel::Identifier { system, value } = identifier;
        Self { system, value }
    }
}

/// A code of a code system (FHIR `Coding`).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Coding {
    /// The URI of the code system.
    #[schema(inline, value_type = CodeSystemText)]
    pub system: String,
    /// The code in the code system.
    #[schema(inline, value_type = CodeText)]
    pub code: String,
}

/// A concept: a code with its text, or a text alone (FHIR `CodeableConcept`).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Concept {
    /// The code of the concept, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coding: Option<Coding>,
    /// The text of the concept, for people to read.
    #[schema(inline, value_type = ConceptText)]
    pub text: String,
}

impl Checked for Concept {
    type Domain = kernel::Concept;

    fn check(self, checks: &mut Checks) -> kernel::Concept {
        let coding = self.coding.map(|coding| {
            checks.within("coding", |checks| kernel::Coding {
                system: kernel::CodeSystem::from_uri(&checks.fits("system", coding.system, TextRule::CODE_SYSTEM)),
                code: checks.fits("code", coding.code, TextRule::CODE),
            })
        });
        kernel::Concept {
            coding,
            text: checks.fits("text", self.text, TextRule::CONCEPT),
        }
    }
}

impl From<kernel::Concept> for Concept {
    fn from(concept: kernel::Concept) -> Self {
        let coding = concept.coding.map(|coding| Coding {
            system: coding.system.uri().to_owned(),
            code: coding.code,
        });
        Self {
            coding,
            text: concept.text,
        }
    }
}

/// An Ethereum address: `0x` and 40 hexadecimal digits, in one case or with the checksum of EIP-55.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(
    example = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
    format = "ethereum-address",
    pattern = "^0x[0-9a-fA-F]{40}$"
)]
pub struct WalletAddress(pub String);

impl Checked for WalletAddress {
    type Domain = kernel::Wallet;

    fn check(self, checks: &mut Checks) -> kernel::Wallet {
        parse_wallet(&self.0).unwrap_or_else(|| {
            checks.wrong("must be an Ethereum address; if its letters are in both cases, with a right checksum");
            kernel::Wallet([0; 20])
        })
    }
}

impl From<kernel::Wallet> for WalletAddress {
    fn from(wallet: kernel::Wallet) -> Self {
        Self(checksummed(&wallet))
    }
}
