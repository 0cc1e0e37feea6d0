//! A FHIR reference, whatever its form, as what an index can be asked for.

use domain::kernel::Identifier;

use super::Kind;
use super::key::Key;
use super::likeness;
use crate::fhir;

/// What a reference names.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Pointer {
    /// A resource that the referring one contains (`#id`).
    pub(crate) contained: Option<Key>,
    /// The whole address: a `fullUrl` to be found.
    pub(crate) url: Option<Key>,
    /// The server in an address: one of another server is not meant.
    pub(crate) base: Option<Key>,
    /// The kind of resource, if it is told; `Some(None)` for one that is not imported.
    pub(crate) kind: Option<Option<Kind>>,
    /// The resource's id.
    pub(crate) id: Option<Key>,
    /// A business identifier.
    pub(crate) identifier: Option<Key>,
    /// The system of an identifier that stands beside an address.
    pub(crate) system: Option<Key>,
}

impl Pointer {
    /// Reads a reference. `None` when it names nothing: it is a text for people, or a search that is more than one for an
    /// identifier.
    pub(crate) fn read(reference: &fhir::Reference) -> Option<Self> {
        let told = reference.kind.as_deref().map(Kind::read);
        let mut pointer = reference.reference.as_deref().map_or_else(Self::default, Self::address);
        pointer.kind = pointer.kind.or(told);
        let logical = reference
            .identifier
            .as_ref()
            .and_then(|one| of_parts(one.system.as_deref(), one.value.as_deref()?));
        if let Some((system, identifier)) = logical.filter(|_| pointer.identifier.is_none()) {
            (pointer.system, pointer.identifier) = (Some(system), Some(identifier));
        }
        let names = pointer.contained.or(pointer.url).or(pointer.id).or(pointer.identifier);
        names.map(|_| pointer)
    }

    /// The identifier that an address searches for, if it is such a search.
    pub(crate) fn searched_identifier(text: &str) -> Option<Identifier> {
        searched(text.trim().split_once('?')?.1)
    }

    /// Reads `Reference.reference`: relative, absolute, `urn:`, `#contained` or a search by identifier; a version is passed over.
    pub(crate) fn address(text: &str) -> Self {
        let text = text.trim();
        if let Some(id) = text.strip_prefix('#') {
            return Self {
                contained: Some(Key::of(&[id])),
                ..Self::default()
            };
        }
        if let Some((kind, query)) = text.split_once('?') {
            return Self {
                kind: Some(Kind::read(kind.rsplit('/').next().unwrap_or(kind))),
                identifier: searched(query).map(|identifier| likeness::keys(&identifier).1),
                ..Self::default()
            };
        }
        let text = text.split_once("/_history/").map_or(text, |(text, _)| text);
        if text.starts_with("urn:") {
            return Self {
                url: Some(Key::of(&[text])),
                id: text.strip_prefix("urn:uuid:").map(|id| Key::of(&[id])),
                ..Self::default()
            };
        }
        let Some((before, id)) = text.rsplit_once('/') else {
            return Self::default();
        };
        let (base, kind) = before
            .rsplit_once('/')
            .map_or((None, before), |(base, kind)| (Some(base), kind));
        let base = base.filter(|base| base.contains("://"));
        Self {
            url: base.map(|_| Key::of(&[text])),
            base: base.map(|base| Key::of(&[base])),
            kind: Some(Kind::read(kind)),
            id: (!id.is_empty()).then(|| Key::of(&[id])),
            ..Self::default()
        }
    }
}

/// The identifier of a search that asks for one and for nothing else.
fn searched(query: &str) -> Option<Identifier> {
    let (name, value) = query.split_once('=')?;
    let value = percent_decoded(value)?;
    let (system, value) = value.split_once('|')?;
    if name != "identifier" || system.is_empty() || value.is_empty() || query.contains('&') {
        return None;
    }
    Some(Identifier {
        system: system.to_owned(),
        value: value.to_owned(),
    })
}

/// The keys of an identifier, if it has both parts.
fn of_parts(system: Option<&str>, value: &str) -> Option<(Key, Key)> {
    let system = system.filter(|system| !system.is_empty())?.to_owned();
    let value = value.to_owned();
    Some(likeness::keys(&Identifier { system, value }))
}

/// Undoes percent-encoding (RFC 3986, section 2.1). `None` when it does not give a text.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            let digits = std::str::from_utf8(&digits).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Option<Key> {
        Some(Key::of(&[text]))
    }

    #[test]
    fn every_form_of_an_address_is_read() {
        let relative = Pointer::address("Patient/7");
        assert_eq!(
            (relative.kind, relative.id, relative.url),
            (Some(Some(Kind::Patient)), key("7"), None)
        );
        assert_eq!(Pointer::address("Patient/7/_history/2"), relative);
        let absolute = Pointer::address("https://a.test/fhir/Patient/7/_history/2");
        assert_eq!(absolute.url, key("https://a.test/fhir/Patient/7"));
        assert_eq!((absolute.base, absolute.id), (key("https://a.test/fhir"), key("7")));
        let urn = Pointer::address("urn:uuid:7");
        assert_eq!((urn.url, urn.id, urn.kind), (key("urn:uuid:7"), key("7"), None));
        assert_eq!(Pointer::address("#doc").contained, key("doc"));
        assert_eq!(Pointer::address("Group/7").kind, Some(None));
    }

    #[test]
    fn a_search_by_identifier_is_read_and_no_other() {
        let wanted = Some(Key::of(&["urn:x", "a b"]));
        for text in [
            "Patient?identifier=urn:x|a b",
            "Patient?identifier=urn:x%7Ca%20b",
            "Patient?identifier=urn%3Ax|a%20b",
            "https://a.test/fhir/Patient?identifier=urn:x|a%20b",
        ] {
            let pointer = Pointer::address(text);
            assert_eq!(
                (pointer.identifier, pointer.kind),
                (wanted, Some(Some(Kind::Patient))),
                "{text}"
            );
        }
        for text in [
            "Patient?name=x",
            "Patient?identifier=7",
            "Patient?identifier=urn:x|7&active=true",
            "Patient?identifier=%zz|7",
        ] {
            assert_eq!(Pointer::address(text).identifier, None, "{text}");
        }
    }

    #[test]
    fn a_reference_may_have_an_identifier_alone_or_beside_its_address() {
        let read = |json| Pointer::read(&serde_json::from_value(json).unwrap());
        let identifier = serde_json::json!({ "system": "urn:x", "value": "7" });
        let logical = read(serde_json::json!({ "type": "Patient", "identifier": identifier })).unwrap();
        assert_eq!(
            (logical.identifier, logical.kind),
            (Some(Key::of(&["urn:x", "7"])), Some(Some(Kind::Patient)))
        );
        let both = read(serde_json::json!({ "reference": "Patient/1", "identifier": identifier })).unwrap();
        assert_eq!((both.id, both.identifier), (key("1"), logical.identifier));
        assert_eq!(read(serde_json::json!({ "display": "Somebody" })), None);
        assert_eq!(read(serde_json::json!({ "reference": "nowhere" })), None);
    }
}
