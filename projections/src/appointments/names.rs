//! The names of encounters, as the database keeps and finds them.

use domain::encounter::{EncounterNames, NamedEncounter};
use domain::kernel::{PatientId, Sources};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use sqlx::types::Json;
use uuid::Uuid;

use crate::table::json;

/// All that names an encounter. Digests are hexadecimal digits, so that an operator of Postgres finds them.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct NamesColumn {
    identifiers: Vec<String>,
    resources: Vec<String>,
    sources: Vec<String>,
}

json! { NamesColumn; }

impl From<&EncounterNames> for NamesColumn {
    fn from(names: &EncounterNames) -> Self {
        let sources = names.sources.list();
        Self {
            identifiers: names.identifiers.iter().map(hex::encode).collect(),
            resources: sources.iter().map(|source| hex::encode(source.resource)).collect(),
            sources: sources.iter().map(ToString::to_string).collect(),
        }
    }
}

impl From<NamesColumn> for EncounterNames {
    /// What is no digest was not written by us, and names nothing.
    fn from(names: NamesColumn) -> Self {
        let digest = |text: &String| {
            let mut digest = [0; 8];
            hex::decode_to_slice(text, &mut digest).ok().map(|()| digest)
        };
        Self {
            identifiers: names.identifiers.iter().filter_map(digest).collect(),
            sources: Sources::new(names.sources.iter().filter_map(|source| source.parse().ok())),
        }
    }
}

/// The encounters of a patient that have one of these names, or perhaps: whether two sources are one, SQL does not know.
pub(crate) async fn find(
    pool: &PgPool,
    patient: PatientId,
    names: &EncounterNames,
) -> Result<Vec<NamedEncounter>, sqlx::Error> {
    let NamesColumn {
        identifiers, resources, ..
    } = NamesColumn::from(names);
    let rows: Vec<(Uuid, Json<NamesColumn>)> = sqlx::query_as(
        "SELECT id, names FROM appointments WHERE patient = $1 \
         AND (names -> 'identifiers' ?| $2 OR names -> 'resources' ?| $3) ORDER BY id",
    )
    .bind(patient.uuid())
    .bind(identifiers)
    .bind(resources)
    .fetch_all(pool)
    .await?;
    let named = |(id, Json(names)): (Uuid, Json<NamesColumn>)| NamedEncounter {
        id,
        names: names.into(),
    };
    Ok(rows.into_iter().map(named).collect())
}
