//! Names, addresses and concepts, brought into the lengths and forms that the server takes.

use std::borrow::Cow;

use domain::kernel::{Address, CodeSystem, Coding, Concept, Flaw, Gender, HumanName, TextRule};

use super::current::{best_first, remark_on_others};
use super::{Context, Remarks};
use crate::fhir;
use crate::merge::nameless;

/// Which use of a name counts more. A nickname or a pseudonym is better than no name.
const NAMES: [&str; 5] = ["official", "usual", "", "nickname", "anonymous"];

/// Which use of an address counts more, for the one at which the patient lives.
const ADDRESSES: [&str; 4] = ["home", "", "work", "billing"];

/// Fits a text, and remarks on it when it is not as it was.
pub(super) fn fitted(remarks: &mut Remarks<'_>, field: &str, text: Option<&str>, rule: TextRule) -> Option<String> {
    let text = text?;
    match rule.fit(text) {
        Some(Cow::Borrowed(text)) => Some(text.to_owned()),
        Some(Cow::Owned(fitted)) => {
            remarks.changed(match rule.flaw(text) {
                Some(Flaw::TooLong { most }) => format!("{field} is longer than {most} characters, and is cut"),
                _ => format!("{field} has several lines or characters that are not shown, and is taken without them"),
            });
            Some(fitted)
        }
        None if text.trim().is_empty() => None,
        None => {
            remarks.left_out(match rule.flaw(text) {
                Some(Flaw::TooLong { most }) => format!("{field} is longer than {most} characters"),
                Some(Flaw::NotAnAddress) => format!("{field} is no e-mail address"),
                _ => format!("{field} has nothing in it that can be shown"),
            });
            None
        }
    }
}

/// Fits a list of texts.
fn all_fitted(remarks: &mut Remarks<'_>, field: &str, texts: &[String], rule: TextRule, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = texts
        .iter()
        .filter_map(|text| fitted(remarks, field, Some(text), rule))
        .collect();
    for _ in most..lines.len() {
        remarks.left_out(format!("{field} is one of more than {most}"));
    }
    lines.truncate(most);
    lines
}

/// The best of the current names, or of the others when there is none: somebody has to be called something.
pub(super) fn name(remarks: &mut Remarks<'_>, names: &[fhir::HumanName], context: &Context) -> HumanName {
    let current = best_first(names, &NAMES, context);
    let name = match current.first() {
        Some(name) => {
            remark_on_others(
                remarks,
                "a name",
                names.len().saturating_sub(current.len()),
                current.len(),
            );
            Some(*name)
        }
        None => former_name(remarks, names),
    };
    let Some(name) = name else {
        let nameless = nameless();
        remarks.changed(format!(
            "has no name: {} stands for it where none is recorded",
            nameless.family
        ));
        return nameless;
    };
    parts(remarks, name)
}

/// Whether any of the names is in use, and tells something.
pub(crate) fn has_name(names: &[fhir::HumanName], context: &Context) -> bool {
    let is_another = |name: &fhir::HumanName| matches!(name.used.as_deref(), Some("anonymous" | "nickname"));
    let tells = |name: &&fhir::HumanName| {
        !is_another(name) && (name.family.is_some() || name.text.is_some() || !name.given.is_empty())
    };
    best_first(names, &NAMES, context).iter().any(tells)
}

/// Of names that are all over, the last that is not temporary.
fn former_name<'a>(remarks: &mut Remarks<'_>, names: &'a [fhir::HumanName]) -> Option<&'a fhir::HumanName> {
    let lasting = names.iter().rfind(|name| name.used.as_deref() != Some("temp"));
    let name = lasting.or(names.last())?;
    remarks.changed("has no name that is in use, and a former or temporary one is taken");
    remark_on_others(remarks, "a name", names.len().saturating_sub(1), 0);
    Some(name)
}

fn parts(remarks: &mut Remarks<'_>, name: &fhir::HumanName) -> HumanName {
    let given = all_fitted(
        remarks,
        "name.given",
        &name.given,
        TextRule::NAME,
        HumanName::MOST_GIVEN,
    );
    let prefix = all_fitted(
        remarks,
        "name.prefix",
        &name.prefix,
        TextRule::PREFIX,
        HumanName::MOST_PREFIXES,
    );
    if let Some(family) = fitted(remarks, "name.family", name.family.as_deref(), TextRule::NAME) {
        return HumanName { family, given, prefix };
    }
    let whole = fitted(remarks, "name.text", name.text.as_deref(), TextRule::NAME);
    let (family, given) = if let Some(whole) = whole {
        remarks.changed("has no family name; name.text is taken for it");
        (whole, Vec::new())
    } else if let Some(family) = TextRule::NAME.fit(&given.join(" ")) {
        remarks.changed("has no family name; the given names are taken for it");
        (family.into_owned(), Vec::new())
    } else {
        let family = nameless().family;
        remarks.changed(format!("has no name: {family} stands for it where none is recorded"));
        (family, given)
    };
    HumanName { family, given, prefix }
}

/// FHIR's codes are those of the domain; what is missing is not known.
pub(super) fn gender(remarks: &mut Remarks<'_>, code: Option<&str>) -> Gender {
    match code {
        Some("male") => Gender::Male,
        Some("female") => Gender::Female,
        Some("other") => Gender::Other,
        Some("unknown") | None => Gender::Unknown,
        Some(_) => {
            remarks.changed("gender is no code of FHIR R4, and is taken as unknown");
            Gender::Unknown
        }
    }
}

/// The best of the current addresses. A former one is none.
pub(super) fn address(remarks: &mut Remarks<'_>, addresses: &[fhir::Address], context: &Context) -> Option<Address> {
    let current = best_first(addresses, &ADDRESSES, context);
    remark_on_others(
        remarks,
        "an address",
        addresses.len().saturating_sub(current.len()),
        current.len(),
    );
    current.first().and_then(|address| one_address(remarks, address))
}

/// One address, as far as the server takes it.
pub(super) fn one_address(remarks: &mut Remarks<'_>, address: &fhir::Address) -> Option<Address> {
    let mut part =
        |field, text: &Option<String>| fitted(remarks, field, text.as_deref(), TextRule::ADDRESS).unwrap_or_default();
    let city = part("address.city", &address.city);
    let state = part("address.state", &address.state);
    let postal_code = part("address.postalCode", &address.postal_code);
    let country = part("address.country", &address.country);
    let mut lines = all_fitted(
        remarks,
        "address.line",
        &address.line,
        TextRule::ADDRESS,
        Address::MOST_LINES,
    );
    if lines.is_empty() && city.is_empty() {
        lines.extend(fitted(
            remarks,
            "address.text",
            address.text.as_deref(),
            TextRule::ADDRESS,
        ));
    }
    let address = Address {
        lines,
        city,
        state,
        postal_code,
        country,
    };
    (address != Address::default()).then_some(address)
}

/// One code with its system, and the text that people read: the concept's own, a display, or the code itself. Of several codes
/// the one counts that a person chose, then one of a system that the record knows by name. `None` when there is neither code
/// nor text.
pub(super) fn concept(remarks: &mut Remarks<'_>, concept: &fhir::CodeableConcept) -> Option<Concept> {
    let mut codings: Vec<&fhir::Coding> = concept
        .coding
        .iter()
        .filter(|coding| coding.system.is_some() && coding.code.is_some())
        .collect();
    codings.sort_by_key(|coding| {
        let system = CodeSystem::from_uri(coding.system.as_deref().unwrap_or_default());
        (!coding.user_selected, matches!(system, CodeSystem::Other(_)))
    });
    let shown = codings.first().and_then(|coding| coding.display.as_deref());
    let displays = concept.coding.iter().map(|coding| coding.display.as_deref());
    let codes = concept.coding.iter().map(|coding| coding.code.as_deref());
    let texts = [concept.text.as_deref(), shown]
        .into_iter()
        .chain(displays)
        .chain(codes);
    let text = texts
        .filter_map(|text| fitted(remarks, "the text of a code", text, TextRule::CONCEPT))
        .next()?;
    for _ in 1..codings.len() {
        remarks.no_place("a code is one of several of the same concept, and only one has a place");
    }
    let coding = codings.first().and_then(|coding| {
        let system = fitted(
            remarks,
            "the system of a code",
            coding.system.as_deref(),
            TextRule::CODE_SYSTEM,
        )?;
        let code = fitted(remarks, "a code", coding.code.as_deref(), TextRule::CODE)?;
        Some(Coding {
            system: CodeSystem::from_uri(&system),
            code,
        })
    });
    Some(Concept { coding, text })
}
