//! What a source calls one of its resources, as a record keeps it.

use domain::kernel::SourceId;

use super::Kind;
use super::key::Key;
use super::scan::is_on_a_server;

/// What a source calls a resource of a patient: by its id, or by its address on a server. Where no server is told, an id is one resource's
/// among those of a patient whom the source calls so: two servers may know one person, and call them otherwise. A `fullUrl` that is a URN is made anew for every
/// bundle and names nothing beyond it (FHIR R4, `Bundle.entry.fullUrl`).
pub(crate) fn source_id(kind: Kind, id: Option<&str>, address: Option<&str>, patient: Option<Key>) -> Option<SourceId> {
    let address = address.filter(|address| is_on_a_server(address));
    let address = address.map(|address| address.split_once("/_history/").map_or(address, |(address, _)| address));
    let parts = address.and_then(|address| {
        let (before, id) = address.trim_end_matches('/').rsplit_once('/')?;
        let base = before.strip_suffix(kind.name())?.trim_end_matches('/');
        Some((base, id))
    });
    let id = id.or(parts.map(|(_, id)| id)).filter(|id| !id.is_empty())?;
    // No other server has a resource of such an id. Of visits it counts that two ids of one server are two visits.
    let is_unique = kind != Kind::Encounter && id.len() == 36 && uuid::Uuid::try_parse(id).is_ok();
    let server = parts.map(|(base, _)| SourceId::of_server(Key::of(&[base]).digest()));
    let patient = patient.map(|patient| SourceId::of_patient(patient.digest()));
    Some(SourceId {
        server: server.filter(|_| !is_unique),
        patient: patient.filter(|_| !is_unique),
        resource: Key::of(&[kind.name(), id]).digest(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_known_by_its_id_and_its_server() {
        let of = |id, address| source_id(Kind::Condition, id, address, None);
        let there = of(Some("7"), Some("https://a.test/fhir/Condition/7")).unwrap();
        assert_eq!(
            of(None, Some("https://a.test/fhir/Condition/7/_history/2")),
            Some(there)
        );
        assert_ne!(of(Some("7"), Some("https://b.test/fhir/Condition/7")), Some(there));
        let bare = of(Some("7"), None).unwrap();
        assert!(bare.may_be(there) && (bare.server, bare.patient) == (None, None));
        assert_eq!(
            of(Some("7"), Some("urn:uuid:0b1e3a52-0c32-4b0e-9a53-6a4d52ad7a11")),
            Some(bare)
        );
        assert_eq!(of(None, Some("urn:uuid:0b1e3a52-0c32-4b0e-9a53-6a4d52ad7a11")), None);
        assert_ne!(source_id(Kind::Allergy, Some("7"), None, None), Some(bare));
        let [one, two] =
            ["h1", "h2"].map(|id| source_id(Kind::Condition, Some("7"), None, Some(Key::of(&[id]))).unwrap());
        assert!(bare.may_be(one) && bare.may_be(two) && !one.may_be(two) && one.may_be(there));
        let unique = "0b1e3a52-0c32-4b0e-9a53-6a4d52ad7a11";
        let address = format!("https://a.test/fhir/Condition/{unique}");
        assert_eq!(of(None, Some(&address)), of(Some(unique), None));
        let of_somebody = source_id(Kind::Condition, Some(unique), None, Some(Key::of(&["h1"])));
        assert_eq!(of_somebody, of(Some(unique), None), "nobody else has such an id");
    }
}
