//! What has happened for good of late, and of which people outside were not told yet.

use application::notifications::{Channel, Occasion, Occurrence};
use chrono::{DateTime, Utc};
use domain::kernel::PatientId;
use domain::kernel::time::Millis;
use serde_json::Value;
use sqlx::{FromRow, PgPool};
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
        Occasion::AccessRequested => {
            "SELECT asked.id, patient, asked_at AS known, NULL::jsonb AS said, patient AS one FROM access_requests AS asked JOIN patients ON patients.id = patient
             WHERE code IS NULL AND NOT declined AND prepared = '{}' AND expires_at > now()"
        }
    }
}

/// When a channel is not to tell of it though it has not yet, as a condition.
const fn told_otherwise(occasion: Occasion) -> &'static str {
    match occasion {
        Occasion::EmergencyOpened | Occasion::EmergencyFlagged => "FALSE",
        // Whoever is asked often is told once a day; and whoever was told since they were asked, or is about to be, has been told of it.
        Occasion::AccessRequested => {
            "EXISTS (SELECT FROM notifications AS other
                     WHERE other.patient = happened.patient AND other.occasion = $3 AND other.channel = wanted.channel AND other.about <> happened.id
                       AND (other.outcome IS NULL OR other.due_at > now() - interval '1 day' OR other.outcome = 'delivered' AND other.due_at >= known))"
        }
    }
}

/// What has happened, and by which channel it is to be told.
#[derive(FromRow)]
struct Row {
    id: Uuid,
    patient: Uuid,
    known: DateTime<Utc>,
    said: Option<Value>,
    channel: String,
}

/// What has happened for good after this instant, each with a channel by which there is no message of it and one is due; so much at most. Of what was opened, what was open after it.
pub(crate) async fn untold(
    pool: &PgPool,
    occasion: Occasion,
    channels: &[Channel],
    after: DateTime<Utc>,
    most: u32,
) -> Result<Vec<(Occurrence, Channel)>, sqlx::Error> {
    let sql = format!(
        "SELECT id, patient, known, said, channel FROM
           (SELECT DISTINCT ON (one, channel) id, patient, known, said, channel
            FROM ({}) AS happened, UNNEST($2::text[]) AS wanted (channel)
            WHERE known > $1
              AND NOT EXISTS (SELECT FROM notifications AS there
                              WHERE there.about = happened.id AND there.occasion = $3 AND there.channel = wanted.channel)
              AND NOT {}
            ORDER BY one, channel, known, id) AS untold
         ORDER BY known, id, channel LIMIT $4",
        happened(occasion),
        told_otherwise(occasion)
    );
    let names: Vec<&str> = channels.iter().map(|channel| channel.into()).collect();
    let rows: Vec<Row> = sqlx::query_as(&sql)
        .bind(column::instant(after))
        .bind(names)
        .bind(<&str>::from(occasion))
        .bind(i64::from(most))
        .fetch_all(pool)
        .await?;
    let untold = |row: Row| {
        // One that cannot be read stands in nobody's way.
        let said = row.said.and_then(|at| serde_json::from_value(at).ok());
        let occurrence = Occurrence {
            occasion,
            about: row.id,
            patient: PatientId::new(row.patient),
            at: said.map_or(row.known, |Millis(at)| at),
        };
        // It is one of those that were asked for.
        Some((occurrence, row.channel.parse().ok()?))
    };
    Ok(rows.into_iter().filter_map(untold).collect())
}
