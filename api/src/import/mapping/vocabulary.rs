//! Names, addresses and concepts, brought into the lengths and forms that the server takes.

use domain::kernel::{Address, CodeSystem, Coding, Concept, Gender, HumanName};

use super::Remarks;
use crate::import::fhir;

/// Who has no name at all: the server wants one, and FHIR does not.
const NAMELESS: &str = "Unknown";

/// A text of one line, at most so long. `None` when there is nothing in it. Tells when it had to be changed.
fn fitted(text: &str, most: usize) -> (Option<String>, bool) {
    if text.trim().is_empty() {
        return (None, false);
    }
    let plain = !text.contains(char::is_control) && text.chars().count() <= most;
    if plain {
        return (Some(text.to_owned()), false);
    }
    let words = text.split(|c: char| c.is_control() || c.is_whitespace());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let cut: String = words.join(" ").chars().take(most).collect();
    ((!cut.is_empty()).then_some(cut), true)
}

/// Fits a text, and remarks on it when it is not as it was.
pub(super) fn line(remarks: &mut Remarks<'_>, field: &str, text: Option<&str>, most: usize) -> Option<String> {
    let (fitted, changed) = fitted(text?, most);
    if changed {
        remarks.changed(format!(
            "{field} is longer than {most} characters or has several lines, and is cut"
        ));
    }
    fitted
}

/// Fits a list of texts.
fn lines(remarks: &mut Remarks<'_>, field: &str, texts: &[String], longest: usize, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = texts
        .iter()
        .filter_map(|text| line(remarks, field, Some(text), longest))
        .collect();
    if lines.len() > most {
        remarks.changed(format!("{field} has more than {most} parts, and the rest is left out"));
        lines.truncate(most);
    }
    lines
}

/// The official name, the usual one, the first that is in use, or the first.
pub(super) fn name(remarks: &mut Remarks<'_>, names: &[fhir::HumanName]) -> HumanName {
    let used = |wanted: &str| names.iter().find(|name| name.used.as_deref() == Some(wanted));
    let former = |name: &&fhir::HumanName| !matches!(name.used.as_deref(), Some("old" | "maiden"));
    let name = used("official")
        .or_else(|| used("usual"))
        .or_else(|| names.iter().find(former))
        .or_else(|| names.first());
    let Some(name) = name else {
        remarks.changed(format!("has no name, and is registered as {NAMELESS}"));
        return HumanName {
            family: NAMELESS.to_owned(),
            ..HumanName::default()
        };
    };
    let given = lines(remarks, "name.given", &name.given, 200, 20);
    let prefix = lines(remarks, "name.prefix", &name.prefix, 50, 10);
    if let Some(family) = line(remarks, "name.family", name.family.as_deref(), 200) {
        return HumanName { family, given, prefix };
    }
    let (family, given) = match line(remarks, "name.text", name.text.as_deref(), 200) {
        Some(whole) => {
            remarks.changed("has no family name; name.text is taken for it");
            (whole, Vec::new())
        }
        None if !given.is_empty() => {
            remarks.changed("has no family name; the given names are taken for it");
            (given.join(" ").chars().take(200).collect(), Vec::new())
        }
        None => {
            remarks.changed(format!("has no name, and is registered as {NAMELESS}"));
            (NAMELESS.to_owned(), given)
        }
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

pub(super) fn address(remarks: &mut Remarks<'_>, address: &fhir::Address) -> Option<Address> {
    let mut part = |field, text: &Option<String>| line(remarks, field, text.as_deref(), 200).unwrap_or_default();
    let city = part("address.city", &address.city);
    let state = part("address.state", &address.state);
    let postal_code = part("address.postalCode", &address.postal_code);
    let country = part("address.country", &address.country);
    let mut lines = lines(remarks, "address.line", &address.line, 200, 10);
    if lines.is_empty() && city.is_empty() {
        lines.extend(line(remarks, "address.text", address.text.as_deref(), 200));
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

/// The first code with a system, and the text that people read: the concept's own, a display, or the code itself. `None` when
/// there is neither code nor text.
pub(super) fn concept(remarks: &mut Remarks<'_>, concept: &fhir::CodeableConcept) -> Option<Concept> {
    let with_system = concept
        .coding
        .iter()
        .find(|coding| coding.system.is_some() && coding.code.is_some());
    let shown = with_system.and_then(|coding| coding.display.as_deref());
    let display = || concept.coding.iter().find_map(|coding| coding.display.as_deref());
    let code = || concept.coding.iter().find_map(|coding| coding.code.as_deref());
    let text = concept.text.as_deref().filter(|text| !text.trim().is_empty());
    let text = text.or(shown).or_else(display).or_else(code);
    let text = line(remarks, "the text of a code", text, 1000)?;
    let coding = with_system.and_then(|coding| {
        let (system, code) = (coding.system.as_deref()?, coding.code.as_deref()?);
        let fits = |text: &str, most| fitted(text, most) == (Some(text.to_owned()), false);
        if fits(system, 500) && fits(code, 100) {
            return Some(Coding {
                system: CodeSystem::from_uri(system),
                code: code.to_owned(),
            });
        }
        remarks.changed("a code is longer than is taken, and its text alone is kept");
        None
    });
    Some(Concept { coding, text })
}
