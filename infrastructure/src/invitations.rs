//! Invitations in Postgres.

use application::ports::StoreError;
use application::ports::invitations::Person;
use application::ports::invitations::{Invitation, InvitationHash, Invitations};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::kernel::{AccountId, PatientId, PractitionerId};
use sqlx::PgPool;
use uuid::Uuid;

use crate::postgres::Answering;
use crate::sessions::store;

/// [`Invitations`] in Postgres.
#[derive(Clone, Debug)]
pub struct PostgresInvitations(Answering);

impl PostgresInvitations {
    /// Over a pool whose search path has `core`.
    pub const fn new(pool: PgPool) -> Self {
        Self(Answering::new(pool))
    }
}

/// A row, without its hash.
#[derive(sqlx::FromRow)]
struct Row {
    account: Uuid,
    patient: Option<Uuid>,
    practitioner: Option<Uuid>,
    turn: i64,
    issuer: Uuid,
    issuer_key: Option<Uuid>,
    expires_at: DateTime<Utc>,
}

impl From<Row> for Invitation {
    fn from(row: Row) -> Self {
        let account = AccountId::new(row.account);
        let person = match (row.patient, row.practitioner) {
            (Some(patient), _) => Person::Patient(PatientId::new(patient)),
            (None, Some(practitioner)) => Person::Practitioner(PractitionerId::new(practitioner)),
            (None, None) => Person::Staff(account),
        };
        Self {
            person,
            account,
            turn: row.turn.cast_unsigned(),
            issuer: AccountId::new(row.issuer),
            issuer_key: row.issuer_key,
            expires_at: row.expires_at,
        }
    }
}

#[async_trait]
impl Invitations for PostgresInvitations {
    async fn issue(&self, hash: InvitationHash, invitation: &Invitation) -> Result<(), StoreError> {
        let (patient, practitioner) = match invitation.person {
            Person::Patient(patient) => (Some(patient.uuid()), None),
            Person::Practitioner(practitioner) => (None, Some(practitioner.uuid())),
            Person::Staff(_) => (None, None),
        };
        let sql = "INSERT INTO invitations (account, hash, patient, practitioner, turn, issuer, issuer_key, expires_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
                   ON CONFLICT (account) DO UPDATE SET hash = EXCLUDED.hash, turn = EXCLUDED.turn, \
                   issuer = EXCLUDED.issuer, issuer_key = EXCLUDED.issuer_key, expires_at = EXCLUDED.expires_at";
        sqlx::query(sql)
            .bind(invitation.account.uuid())
            .bind(hash.0.as_slice())
            .bind(patient)
            .bind(practitioner)
            .bind(invitation.turn.cast_signed())
            .bind(invitation.issuer.uuid())
            .bind(invitation.issuer_key)
            .bind(invitation.expires_at)
            .execute(&self.0)
            .await
            .map(drop)
            .map_err(store)
    }

    async fn find(&self, hash: InvitationHash) -> Result<Option<Invitation>, StoreError> {
        let sql = "SELECT account, patient, practitioner, turn, issuer, issuer_key, expires_at FROM invitations \
                   WHERE hash = $1";
        let row: Option<Row> = sqlx::query_as(sql)
            .bind(hash.0.as_slice())
            .fetch_optional(&self.0)
            .await
            .map_err(store)?;
        Ok(row.map(Invitation::from))
    }

    async fn withdraw(&self, account: AccountId) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM invitations WHERE account = $1")
            .bind(account.uuid())
            .execute(&self.0)
            .await
            .map(drop)
            .map_err(store)
    }

    async fn withdraw_of(&self, issuer: AccountId, key: Option<Uuid>) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM invitations WHERE issuer = $1 AND ($2::uuid IS NULL OR issuer_key = $2)")
            .bind(issuer.uuid())
            .bind(key)
            .execute(&self.0)
            .await
            .map(drop)
            .map_err(store)
    }

    async fn sweep(&self, before: DateTime<Utc>) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM invitations WHERE expires_at < $1")
            .bind(before)
            .execute(&self.0)
            .await
            .map(drop)
            .map_err(store)
    }
}
