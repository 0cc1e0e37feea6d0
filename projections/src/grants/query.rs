//! Reads grants, with what the registry has recorded of each.

use application::ports::queries::{ConsentsView, GrantCursor, GrantView, Page};
use domain::consent::{Grant, GrantId, Grantee, GranteeTag, SignerId};
use domain::kernel::PatientId;
use domain::registries::consents::{Control, Given, GrantState};
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{FromRow, PgPool, Postgres, QueryBuilder, Row as _};
use uuid::Uuid;

use crate::column;
use crate::table::Field;

/// A grant as it was prepared, and as it was recorded; one of the two can be missing. `$1` is the patient.
///
/// Beside each row stand the wallet that signs in as the patient, and the moment of the read models: one statement sees one moment.
const SELECT: &str = "
    SELECT prepared.id, prepared.said, prepared.prepared_at,
           coalesce(prepared.position, given.given_at, given.revoked_at) AS position,
           coalesce(prepared.registered_as, given.patient) AS registered_as,
           coalesce(prepared.grant_id, given.grant_id) AS grant_id,
           given.grantee, given.not_before, given.expiry, given.epoch, given.grantee_epoch, given.given_by, given.given_at, given.revoked_at,
           control.controller, control.until, control.epoch AS current_epoch,
           revoked.epoch AS current_grantee_epoch,
           account.wallet, account.wallet_since,
           (SELECT extract(epoch FROM time)::int8 FROM block_times ORDER BY block DESC LIMIT 1) AS block_time,
           (SELECT final_position FROM checkpoint) AS final_position";

const JOINED: &str = "
    LEFT JOIN consent_controls AS control ON control.patient = coalesce(prepared.registered_as, given.patient)
    LEFT JOIN consent_grantees AS revoked ON revoked.patient = coalesce(prepared.registered_as, given.patient)
                                         AND revoked.grantee = coalesce(given.grantee, prepared.grantee_tag)";

/// Who signs in as the patient.
const ACCOUNT: &str = "
    LEFT JOIN LATERAL (SELECT wallet, wallet_since FROM accounts WHERE patient = $1 AND NOT closed ORDER BY position LIMIT 1)
              AS account ON TRUE";

/// What was prepared by the patient, with what the registry has recorded of it.
const PREPARED: &str = "
    FROM grants AS prepared
    LEFT JOIN consent_grants AS given ON given.patient = prepared.registered_as AND given.grant_id = prepared.grant_id";

/// What the registry has recorded of whoever signs in as the patient, and nobody has prepared here.
const RECORDED_ALONE: &str = "
    FROM consent_grants AS given
    LEFT JOIN grants AS prepared ON prepared.patient = $1 AND prepared.registered_as = given.patient AND prepared.grant_id = given.grant_id";

const OF_THE_WALLET: &str = "
    WHERE prepared.id IS NULL
      AND given.patient = account.wallet";

struct Row {
    view: GrantView,
    wallet: Option<SignerId>,
    wallet_since: u64,
    block_time: u64,
    final_position: u64,
}

impl FromRow<'_, PgRow> for Row {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let number = |name: &str| -> Result<u64, sqlx::Error> {
            let number: Option<i64> = row.try_get(name)?;
            Ok(number.map_or(0, column::counter))
        };
        let told: Option<Json<Grant>> = row.try_get("said")?;
        let prepared_at = row.try_get("prepared_at")?;
        let grantee = Option::<GranteeTag>::read(row, "grantee")?;
        let by = Option::<SignerId>::read(row, "given_by")?;
        let at = Option::<u64>::read(row, "given_at")?;
        let given = grantee.zip(by).zip(at);
        let given = given.map(|((grantee, by), at)| {
            Ok::<_, sqlx::Error>(Given {
                grantee,
                not_before: number("not_before")?,
                expiry: number("expiry")?,
                epoch: number("epoch")?,
                grantee_epoch: number("grantee_epoch")?,
                by,
                at,
            })
        });
        let view = GrantView {
            id: row.try_get("id")?,
            grant_id: GrantId::read(row, "grant_id")?,
            registered_as: SignerId::read(row, "registered_as")?,
            grant: told.map(|Json(grant)| grant),
            prepared_at,
            position: number("position")?,
            state: GrantState {
                given: given.transpose()?,
                revoked_at: Option::<u64>::read(row, "revoked_at")?,
            },
            control: Control {
                controller: Option::<SignerId>::read(row, "controller")?,
                until: number("until")?,
                epoch: number("current_epoch")?,
                ..Control::default()
            },
            grantee_epoch: number("current_grantee_epoch")?,
        };
        Ok(Self {
            view,
            wallet: Option::<SignerId>::read(row, "wallet")?,
            wallet_since: number("wallet_since")?,
            block_time: number("block_time")?,
            final_position: number("final_position")?,
        })
    }
}

fn consents(rows: Vec<Row>) -> ConsentsView {
    let first = rows.first();
    ConsentsView {
        wallet: first.and_then(|row| row.wallet),
        wallet_since: first.map_or(0, |row| row.wallet_since),
        block_time: first.map_or(0, |row| row.block_time),
        final_position: first.map_or(0, |row| row.final_position),
        grants: rows.into_iter().map(|row| row.view).collect(),
    }
}

/// What was prepared by a patient, who is the first parameter.
fn prepared_by(patient: PatientId) -> QueryBuilder<'static, Postgres> {
    let mut query = QueryBuilder::new(SELECT);
    query
        .push(PREPARED)
        .push(JOINED)
        .push(ACCOUNT)
        .push(" WHERE prepared.patient = ")
        .push_bind(patient.uuid());
    query
}

/// What a patient has prepared to grant to any of these, was given, and not revoked by itself.
pub(crate) async fn to(pool: &PgPool, patient: PatientId, grantees: &[Grantee]) -> Result<ConsentsView, sqlx::Error> {
    let grantees: Vec<String> = grantees.iter().map(Grantee::to_string).collect();
    let mut query = prepared_by(patient);
    query.push(" AND prepared.grantee = ANY (").push_bind(grantees);
    query.push(") AND given.given_at IS NOT NULL AND given.revoked_at IS NULL");
    Ok(consents(query.build_query_as().fetch_all(pool).await?))
}

/// A grant of a patient.
pub(crate) async fn one(pool: &PgPool, patient: PatientId, id: Uuid) -> Result<ConsentsView, sqlx::Error> {
    let mut query = prepared_by(patient);
    query.push(" AND prepared.id = ").push_bind(id);
    Ok(consents(query.build_query_as().fetch_all(pool).await?))
}

/// All grants of a patient, the newest first: what was prepared, and what the registry has recorded besides.
pub(crate) async fn of_patient(
    pool: &PgPool,
    patient: PatientId,
    page: Page<GrantCursor>,
) -> Result<ConsentsView, sqlx::Error> {
    // Each part has its own page, so that the first reads no more than that of an index.
    let the_page = |query: &mut QueryBuilder<'static, Postgres>, position: &str, grant_id: &str| {
        if let Some((after, grant)) = page.after {
            query
                .push(format!(" AND ({position}, {grant_id}) < ("))
                .push_bind(column::int8(after));
            query.push(", ").push_bind(grant.0.to_vec()).push(")");
        }
        query.push(format!(" ORDER BY {position} DESC, {grant_id} DESC LIMIT "));
        query.push_bind(i64::from(page.limit));
    };
    let mut query = QueryBuilder::new("(");
    query
        .push(SELECT)
        .push(PREPARED)
        .push(JOINED)
        .push(ACCOUNT)
        .push(" WHERE prepared.patient = ");
    query.push_bind(patient.uuid());
    the_page(&mut query, "prepared.position", "prepared.grant_id");
    query.push(") UNION ALL (");
    query
        .push(SELECT)
        .push(RECORDED_ALONE)
        .push(JOINED)
        .push(ACCOUNT)
        .push(OF_THE_WALLET);
    the_page(
        &mut query,
        "coalesce(given.given_at, given.revoked_at)",
        "given.grant_id",
    );
    query
        .push(") ORDER BY position DESC, grant_id DESC LIMIT ")
        .push_bind(i64::from(page.limit));
    Ok(consents(query.build_query_as().fetch_all(pool).await?))
}
