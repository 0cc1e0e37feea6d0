//! What has happened for good of late, and of which people outside were not told yet.

use application::notifications::{Channel, Occasion, Occurrence};
use chrono::{DateTime, Utc};
use domain::kernel::PatientId;
use domain::kernel::time::Millis;
use serde_json::Value;
use sqlx::PgPool;
use uuid::Uuid;

use crate::column;

/// What has happened, as a query of `id`, `patient`, since when it is known (`known`), when it was if a row says that in another form (`said`), and of what one message is enough (`one`).
const fn happened(occasion: Occasion) -> &'static str {
    match occasion {
        // What has a column of its own is the end of what was opened.
        Occasion::EmergencyOpened => {
            "SELECT id, patient, until AS known, opened->'at' AS said, id AS one FROM emergencies, checkpoint WHERE opened_in <= final_position"
        }
        // A flag that cannot be read is as old as it can be.
        Occasion::EmergencyFlagged => {
            "SELECT id, patient, coalesce(flagged_at, justify_by) AS known, NULL::jsonb AS said, id AS one FROM emergencies, checkpoint
             WHERE is_flagged AND emergencies.position <= final_position"
        }
        // Whoever is asked often is told once a day; and whoever was told since they were asked has been told of it.
        Occasion::AccessRequested => {
            "SELECT asked.id, patient, asked_at AS known, NULL::jsonb AS said, patient AS one FROM access_requests AS asked JOIN patients ON patients.id = patient
             WHERE code IS NULL AND NOT declined AND prepared = '{}' AND expires_at > now()
               AND NOT EXISTS (SELECT FROM notifications AS other WHERE other.patient = asked.patient AND other.occasion = $3
                               AND other.about <> asked.id AND (other.due_at > now() - interval '1 day' OR other.due_at >= asked_at))"
        }
    }
}

/// What has happened for good after this instant, of which there is no message by one of these channels; so much at most. Of what was opened, what was open after it.
pub(crate) async fn untold(
    pool: &PgPool,
    occasion: Occasion,
    channels: &[Channel],
    after: DateTime<Utc>,
    most: u32,
) -> Result<Vec<Occurrence>, sqlx::Error> {
    let sql = format!(
        "SELECT id, patient, known, said FROM
           (SELECT DISTINCT ON (one) id, patient, known, said FROM ({}) AS happened
            WHERE known > $1
              AND EXISTS (SELECT FROM UNNEST($2::text[]) AS wanted (channel)
                          WHERE NOT EXISTS (SELECT FROM notifications AS there WHERE there.about = happened.id
                                            AND there.occasion = $3 AND there.channel = wanted.channel))
            ORDER BY one, known, id) AS untold
         ORDER BY known, id LIMIT $4",
        happened(occasion)
    );
    let channels: Vec<&str> = channels.iter().map(|channel| channel.into()).collect();
    let rows: Vec<(Uuid, Uuid, DateTime<Utc>, Option<Value>)> = sqlx::query_as(&sql)
        .bind(column::instant(after))
        .bind(channels)
        .bind(<&str>::from(occasion))
        .bind(i64::from(most))
        .fetch_all(pool)
        .await?;
    let occurrence = |(about, patient, known, said): (Uuid, Uuid, DateTime<Utc>, Option<Value>)| {
        // One that cannot be read stands in nobody's way.
        let said = said.and_then(|at| serde_json::from_value(at).ok());
        Occurrence {
            occasion,
            about,
            patient: PatientId::new(patient),
            at: said.map_or(known, |Millis(at)| at),
        }
    };
    Ok(rows.into_iter().map(occurrence).collect())
}
