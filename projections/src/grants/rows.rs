//! The row of a grant that was prepared.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::consent::{Grant, GrantId, GranteeTag, SignerId};
use domain::grants::GrantsEvent;
use domain::kernel::{GrantsId, PatientId};
use uuid::Uuid;

use crate::batch::Entry;
use crate::table::{json, table};

json! { Grant; }

table! {
    /// A grant that a patient can sign, or has signed.
    table PreparedRow: "grants" (patient, id)
    seen {
        patient: PatientId,
        id: Uuid,
        /// As whom the registry knows the patient.
        registered_as: SignerId,
        /// As which the registry knows the grant.
        grant_id: GrantId,
        /// To whom, as it is signed.
        grantee: String,
        /// To whom, as the registry knows them.
        grantee_tag: GranteeTag,
        said: Grant,
    }
    unseen {
        version: u64,
        position: u64,
        prepared_at: DateTime<Utc>,
    }
}

/// The rows that events make, by whose they are and their ids. What is sealed makes none; of several with one id, which nobody prepares, the last one counts.
pub(crate) fn fold(entries: &[Entry<'_, GrantsId, GrantsEvent>]) -> BTreeMap<(PatientId, Uuid), PreparedRow> {
    let row = |(GrantsId(patient), stamp, event): &Entry<'_, GrantsId, GrantsEvent>| {
        let GrantsEvent::Prepared { id, grant } = event;
        let grant = grant.known()?;
        let row = PreparedRow {
            patient: *patient,
            id: *id,
            registered_as: grant.patient,
            grant_id: grant.id(),
            grantee: grant.details.grantee.to_string(),
            grantee_tag: grant.details.grantee_tag(),
            said: grant.clone(),
            version: stamp.version,
            position: stamp.position,
            prepared_at: stamp.at,
        };
        Some(((*patient, *id), row))
    };
    entries.iter().filter_map(row).collect()
}
