//! How texts stand in the OpenAPI document: each by the rule of the domain that checks it, so that the document cannot allow
//! what the server refuses. These types are for `#[schema(inline, value_type = …)]` alone, which takes no example beside it:
//! it is here.

use domain::kernel::TextRule;
use utoipa::openapi::schema::{ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

macro_rules! texts {
    ($($(#[doc = $text:literal])+ $name:ident = $rule:expr, from $least:literal $(, such as $example:literal)?;)+) => {
        $(
            $(#[doc = $text])+
            pub(super) struct $name;

            impl PartialSchema for $name {
                fn schema() -> RefOr<Schema> {
                    described($rule, $least)$(.examples([$example]))?.into()
                }
            }

            impl ToSchema for $name {}
        )+
    };
}

texts! {
    /// A family or given name.
    NameText = TextRule::NAME, from 1, such as "Okafor";
    /// A title before a name.
    PrefixText = TextRule::PREFIX, from 1, such as "Dr.";
    /// A line of an address.
    AddressLine = TextRule::ADDRESS, from 1, such as "12 Harbour Street";
    /// A part of an address, which may be empty.
    AddressPart = TextRule::ADDRESS, from 0;
    /// A telephone number.
    PhoneText = TextRule::PHONE, from 1, such as "+44 20 7946 0000";
    /// An e-mail address.
    EmailText = TextRule::EMAIL, from 1, such as "ada@example.org";
    /// The system of an identifier.
    IdentifierSystem = TextRule::IDENTIFIER, from 1, such as "https://hospital.example/mrn";
    /// The value of an identifier.
    IdentifierValue = TextRule::IDENTIFIER, from 1, such as "4711";
    /// The URI of a system of codes.
    CodeSystemText = TextRule::CODE_SYSTEM, from 1, such as "http://snomed.info/sct";
    /// A code.
    CodeText = TextRule::CODE, from 1, such as "394579002";
    /// The text of a concept, for people to read.
    ConceptText = TextRule::CONCEPT, from 1, such as "Cardiology";
    /// A licence or degree.
    CredentialText = TextRule::CREDENTIAL, from 1, such as "MD";
    /// The name of an account.
    AccountName = TextRule::ACCOUNT_NAME, from 1, such as "Ward 3 bedside terminals";
    /// The text to search for.
    SearchText = TextRule::SEARCH, from 1, such as "ada oka";
    /// The reason why an appointment is cancelled.
    ReasonText = TextRule::CANCELLATION, from 1, such as "The patient is abroad.";
    /// The reason why a record is opened in an emergency, or why that was right.
    EmergencyText = TextRule::EMERGENCY, from 1, such as "Unconscious after a fall; nobody is with her.";
    /// What a case is called elsewhere.
    CaseText = TextRule::CASE, from 1, such as "2026-17";
    /// The reason why a wallet is taken away.
    TakingReason = TextRule::DECISION, from 1, such as "The patient reported the phone stolen.";
    /// The reason why a registration request is declined.
    DecliningReason = TextRule::DECISION, from 1, such as "We know you already: ask at the desk for an invitation.";
    /// The reason why somebody asks a patient for access.
    AskingReason = TextRule::DECISION, from 1, such as "You come to us next week, and we would like to know what you take.";
    /// The secret of an invitation.
    InvitationText = TextRule::INVITATION, from 1, such as "mi_9Zt3sQ8xkJ0mB2vT7cYfR1wHnEaLuDpGiXoKeVzNbMw";
}

fn described(rule: TextRule, least: usize) -> ObjectBuilder {
    let format = SchemaFormat::Custom(rule.form().to_owned());
    let text = ObjectBuilder::new().schema_type(Type::String).format(Some(format));
    text.min_length(Some(least)).max_length(Some(rule.most()))
}
