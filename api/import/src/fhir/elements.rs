//! Which elements of a resource nobody reads. They are named and counted, and never quoted.

use std::collections::BTreeMap;

use serde_ignored::Path;

/// How often there was each element that has no place in the record, by its name, as in `Patient.photo`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Elements(BTreeMap<String, u64>);

/// How many names are told apart. FHIR R4 has fewer for all that is read here; an invention has no end.
const MOST: usize = 1000;

/// What stands for the names that are not told apart, or are none of FHIR's.
const OTHERS: &str = "other elements";

/// What says nothing of what the resource is about.
const ABOUT_THE_RESOURCE: [&str; 4] = ["resourceType", "id", "meta", "language"];

/// What may change what the rest of a resource says (FHIR R4, `extensibility.html#modifierExtension`).
const MODIFIERS: [&str; 2] = ["modifierExtension", "implicitRules"];

/// Which elements of one resource nobody reads.
#[derive(Debug, Default)]
pub(crate) struct Unread {
    names: Vec<String>,
    /// Whether one of them may change what the others say.
    pub(crate) modifies: bool,
}

impl Unread {
    /// Sees an element of a resource that is not read.
    pub(super) fn see(&mut self, kind: &str, path: &Path<'_>) {
        let mut steps = Vec::new();
        walk(path, &mut steps);
        self.modifies |= steps.last().is_some_and(|last| MODIFIERS.contains(last));
        let is_read_before = match steps.as_slice() {
            // Practitioners and organisations that stand inside are read with the index.
            ["contained"] => matches!(kind, "Encounter" | "PractitionerRole"),
            [name] => ABOUT_THE_RESOURCE.contains(name),
            _ => false,
        };
        if !is_read_before {
            self.names.push(format!("{kind}.{}", steps.join(".")));
        }
    }
}

impl Elements {
    /// Counts the elements of a resource.
    pub(crate) fn extend(&mut self, unread: Unread) {
        for name in unread.names {
            let is_name = name
                .chars()
                .all(|one| one.is_ascii_alphanumeric() || matches!(one, '.' | '_'));
            let is_told = is_name && name.len() <= 120;
            self.add(if is_told { name } else { OTHERS.to_owned() }, 1);
        }
    }

    /// Takes over what another has.
    pub(crate) fn append(&mut self, other: Self) {
        for (name, count) in other.0 {
            self.add(name, count);
        }
    }

    /// By name.
    pub(crate) fn into_map(self) -> BTreeMap<String, u64> {
        self.0
    }

    fn add(&mut self, name: String, more: u64) {
        let is_told = self.0.len() < MOST || self.0.contains_key(&name);
        let name = if is_told { name } else { OTHERS.to_owned() };
        let count = self.0.entry(name).or_default();
        *count = count.saturating_add(more);
    }
}

/// The names on the way to an element; which one of a list it is in does not matter.
fn walk<'a>(path: &'a Path<'_>, steps: &mut Vec<&'a str>) {
    match path {
        Path::Root => {}
        Path::Map { parent, key } => {
            walk(parent, steps);
            steps.push(key);
        }
        Path::Seq { parent, .. }
        | Path::Some { parent }
        | Path::NewtypeStruct { parent }
        | Path::NewtypeVariant { parent } => walk(parent, steps),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Encounter, Patient, read_of};
    use super::*;

    fn unread<T: serde::de::DeserializeOwned>(kind: &'static str, resource: &serde_json::Value) -> (Elements, bool) {
        let (mut elements, json) = (Elements::default(), resource.to_string());
        let (_, unread) = read_of::<T>(json.as_bytes(), "$", kind).ok().unwrap();
        let modifies = unread.modifies;
        elements.extend(unread);
        (elements, modifies)
    }

    #[test]
    fn what_is_not_read_is_named_wherever_it_stands_and_what_is_read_is_not() {
        let patient = json!({
            "resourceType": "Patient", "id": "p1", "meta": {}, "birthDate": "1970-01-01", "_birthDate": {},
            "photo": [{ "data": "SECRET" }], "name": [{ "family": "A", "suffix": ["MD"] }, { "suffix": ["MA"] }],
        });
        let (elements, modifies) = unread::<Patient>("Patient", &patient);
        let expected = [
            ("Patient._birthDate", 1),
            ("Patient.name.suffix", 2),
            ("Patient.photo", 1),
        ];
        let expected = expected.map(|(name, count)| (name.to_owned(), count));
        assert_eq!(elements.into_map(), BTreeMap::from(expected));
        assert!(!modifies);
    }

    #[test]
    fn what_may_change_the_meaning_is_seen() {
        let inside = json!({ "participant": [{ "modifierExtension": [] }], "contained": [] });
        let (elements, modifies) = unread::<Encounter>("Encounter", &inside);
        assert!(modifies, "{elements:?}");
    }

    #[test]
    fn inventions_have_an_end_and_are_not_quoted() {
        let many = (0..2 * MOST).map(|n| (format!("element{n}"), json!(1)));
        let odd = [("a SECRET, perhaps".to_owned(), json!(1))];
        let (elements, _) = unread::<Patient>("Patient", &serde_json::Value::Object(many.chain(odd).collect()));
        let elements = elements.into_map();
        assert!(elements.len() <= MOST.saturating_add(1));
        assert_eq!(elements.values().sum::<u64>(), 2 * MOST as u64 + 1);
        assert!(!elements.keys().any(|name| name.contains("SECRET")));
    }
}
