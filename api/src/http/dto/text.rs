//! How texts stand in the OpenAPI document: each by the rule of the domain that checks it, so that the document cannot allow
//! what the server refuses. These types are for `#[schema(inline, value_type = …)]` alone.

use domain::kernel::TextRule;
use utoipa::openapi::schema::{ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

macro_rules! texts {
    ($($(#[doc = $text:literal])+ $name:ident = $rule:expr, from $least:literal;)+) => {
        $(
            $(#[doc = $text])+
            pub(super) struct $name;

            impl PartialSchema for $name {
                fn schema() -> RefOr<Schema> {
                    described($rule, $least)
                }
            }

            impl ToSchema for $name {}
        )+
    };
}

texts! {
    /// A family or given name.
    NameText = TextRule::NAME, from 1;
    /// A title before a name.
    PrefixText = TextRule::PREFIX, from 1;
    /// A line of an address.
    AddressLine = TextRule::ADDRESS, from 1;
    /// A part of an address that may be empty.
    AddressPart = TextRule::ADDRESS, from 0;
    /// A telephone number.
    PhoneText = TextRule::PHONE, from 1;
    /// An e-mail address.
    EmailText = TextRule::EMAIL, from 1;
    /// The system or the value of an identifier.
    IdentifierText = TextRule::IDENTIFIER, from 1;
    /// The URI of a system of codes.
    CodeSystemText = TextRule::CODE_SYSTEM, from 1;
    /// A code.
    CodeText = TextRule::CODE, from 1;
    /// What people read of a concept.
    ConceptText = TextRule::CONCEPT, from 1;
    /// A symptom in the patient's own words.
    SymptomText = TextRule::SYMPTOM, from 1;
    /// A licence or degree.
    CredentialText = TextRule::line(500), from 1;
    /// What something is called, or looked for.
    TitleText = TextRule::line(200), from 1;
    /// Why something was called off.
    ReasonText = TextRule::prose(2000), from 1;
}

fn described(rule: TextRule, least: usize) -> RefOr<Schema> {
    let format = SchemaFormat::Custom(rule.form().to_owned());
    let text = ObjectBuilder::new().schema_type(Type::String).format(Some(format));
    text.min_length(Some(least)).max_length(Some(rule.most())).into()
}
