//! FHIR bundles through `medconnect import`, into a running system.

mod import_states;
mod imported_doctors;
mod imported_record;
mod imported_visits;
mod imports;
