//! Limits: those that the document tells are those of the types, for a macro takes only numbers.

use std::collections::BTreeMap;

use api_wire::page::MOST;
use domain::account::Scope;
use domain::calendar::Session;
use domain::chart::{AllergyKind, List};
use domain::consent::Details;
use domain::emergency::Opened;
use domain::encounter::EncounterNames;
use domain::engagement::Terms;
use domain::kernel::{Address, Category, HumanName, Slot, Sources, TextRule, typed_data};
use domain::patient::PatientDetails;
use domain::practitioner::PractitionerDetails;
use domain::treatment::Paper;
use serde_json::Value;
use strum::VariantArray as _;

/// The limits below a place of the document: by the member, its schema, or the parameter that has them.
fn limits(value: &Value, name: &str, found: &mut BTreeMap<String, u64>) {
    match value {
        Value::Object(members) => {
            let parameter = members.get("in").and_then(|_| members.get("name")?.as_str());
            let name = parameter.map_or_else(|| name.to_owned(), |parameter| format!("?{parameter}"));
            for key in ["maxItems", "maximum"] {
                if let Some(limit) = members.get(key).and_then(Value::as_u64) {
                    assert_eq!(*found.entry(name.clone()).or_insert(limit), limit, "{name}");
                }
            }
            for (key, member) in members
                .iter()
                .filter(|(key, _)| *key != "example" && *key != "examples")
            {
                match key.as_str() {
                    "schemas" | "properties" => {
                        for (key, schema) in member.as_object().into_iter().flatten() {
                            limits(schema, &format!("{name}.{key}"), found);
                        }
                    }
                    _ => limits(member, &name, found),
                }
            }
        }
        Value::Array(all) => all.iter().for_each(|one| limits(one, name, found)),
        _ => {}
    }
}

#[test]
fn the_document_tells_the_limits_of_the_types() {
    let document = serde_json::to_value(crate::openapi::document()).unwrap();
    let mut found = BTreeMap::new();
    limits(&document, "", &mut found);
    let sources = Sources::MOST;
    let greatest = usize::try_from(typed_data::Value::GREATEST_NUMBER).unwrap();
    let most = [
        (".Address.lines", Address::MOST_LINES),
        (".AttestationMessage.deadline", greatest),
        (".AttestationMessage.number", greatest),
        (".AttestationMessage.reinstatements", greatest),
        (".Chart.noKnownAllergiesTo", AllergyKind::VARIANTS.len()),
        (".ChartReport.negations", List::<()>::MOST),
        (".ChartReport.withdrawn", List::<()>::MOST),
        (".Entry_ChartFinding.sources", sources),
        (".Findings_Entry_Allergy.sources", sources),
        (".Findings_Entry_Condition.sources", sources),
        (".Findings_Entry_Medication.sources", sources),
        (".Findings_Entry_Symptom.sources", sources),
        (".HumanName.given", HumanName::MOST_GIVEN),
        (".HumanName.prefix", HumanName::MOST_PREFIXES),
        (".IssueKey.scopes", Scope::VARIANTS.len()),
        (".LookUpPatients.identifiers", PatientDetails::MOST_IDENTIFIERS),
        (
            ".LookUpPractitioners.identifiers",
            PractitionerDetails::MOST_IDENTIFIERS,
        ),
        // The record, or categories of it.
        (".NewEmergency.categories", Opened::CATEGORIES.len()),
        (".NewEmergency.minutes", usize::from(*Opened::MINUTES.end())),
        (".NewEngagement.days", usize::from(*Terms::DAYS.end())),
        (".NewGrant.categories", Category::ALL.len() + 1),
        (".NewGrant.documents", Details::MOST_DOCUMENTS),
        (".NewPaper.practitioners", Paper::MOST_PRACTITIONERS),
        (".PatientDetails.otherIdentifiers", PatientDetails::MOST_IDENTIFIERS),
        (".PractitionerDetails.credentials", PractitionerDetails::MOST),
        (
            ".PractitionerDetails.otherIdentifiers",
            PractitionerDetails::MOST_IDENTIFIERS,
        ),
        (".PractitionerDetails.specializations", PractitionerDetails::MOST),
        (".PublishAvailability.sessions", Session::MOST),
        (".RecordVisit.otherIdentifiers", EncounterNames::MOST_OTHERS),
        (".RecordVisit.sources", sources),
        (".RevocationMessage.epoch", greatest),
        (".SearchPatients.limit", usize::try_from(MOST).unwrap()),
        (".Session.slotMinutes", usize::try_from(Slot::MOST_MINUTES).unwrap()),
        (".Slot.minutes", usize::try_from(Slot::MOST_MINUTES).unwrap()),
        ("?limit", usize::try_from(MOST).unwrap()),
    ];
    let most = most.map(|(name, limit)| (name.to_owned(), u64::try_from(limit).unwrap()));
    assert_eq!(found, BTreeMap::from(most));
}

#[test]
fn the_document_tells_how_long_a_symptom_may_be() {
    let document = serde_json::to_value(crate::openapi::document()).unwrap();
    let most = document.pointer("/components/schemas/Symptom/properties/text/maxLength");
    assert_eq!(most, Some(&Value::from(TextRule::SYMPTOM.most())));
}
