//! What the registry of consents has recorded: the copy by which the server decides.

use std::collections::{BTreeMap, BTreeSet};

use application::log::{LogEntry, Registry};
use domain::consent::{GrantId, GranteeTag, SignerId};
use domain::registries::consents::{Consents, Control, Delegation, Entry, Given, GrantState};
use sqlx::{Executor as _, PgConnection, PgPool, QueryBuilder};

use super::{name, recorded_by};
use crate::table::{self, Row, keyed, table};
use crate::writes::Writes;

table! {
    /// Who controls a patient of the registry, and in which epoch they are.
    table ControlRow: "consent_controls" (patient)
    seen {
        patient: SignerId,
        controller: Option<SignerId>,
        until: u64,
        epoch: u64,
        tenure: u64,
        guardians: [u8; 32],
        candidate: Option<SignerId>,
        ready_at: u64,
        number: u64,
    }
    unseen {
        position: u64,
    }
}
keyed!(ControlRow by patient: SignerId);

table! {
    /// A grant that was given, or revoked, or both.
    table GrantRow: "consent_grants" (patient, grant_id)
    seen {
        patient: SignerId,
        grant_id: GrantId,
        grantee: Option<GranteeTag>,
        not_before: u64,
        expiry: u64,
        epoch: u64,
        grantee_epoch: u64,
        given_by: Option<SignerId>,
    }
    unseen {
        given_at: Option<u64>,
        revoked_at: Option<u64>,
    }
}
keyed!(GrantRow by GrantKey { patient, grant_id });

table! {
    /// How often all grants of a patient to somebody were revoked.
    table GranteeRow: "consent_grantees" (patient, grantee)
    seen {
        patient: SignerId,
        grantee: GranteeTag,
        epoch: u64,
    }
    unseen {
        position: u64,
    }
}
keyed!(GranteeRow by GranteeKey { patient, grantee });

table! {
    /// Somebody who speaks for a patient, or did.
    table DelegateRow: "consent_delegates" (patient, delegate)
    seen {
        patient: SignerId,
        delegate: SignerId,
        until: u64,
        ended: u64,
        tenure: u64,
    }
    unseen {
        position: u64,
    }
}
keyed!(DelegateRow by DelegateKey { patient, delegate });

/// What finds a grant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct GrantKey {
    patient: SignerId,
    grant_id: GrantId,
}

/// What finds the epoch of a grantee.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct GranteeKey {
    patient: SignerId,
    grantee: GranteeTag,
}

/// What finds a delegate.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct DelegateKey {
    patient: SignerId,
    delegate: SignerId,
}

/// What entries are about, and the position of the last one about each.
#[derive(Default)]
struct Touched {
    controls: BTreeMap<SignerId, u64>,
    grants: BTreeSet<GrantKey>,
    grantees: BTreeMap<GranteeKey, u64>,
    delegates: BTreeMap<DelegateKey, u64>,
}

impl Touched {
    fn by(recorded: &[(SignerId, Entry, u64)]) -> Self {
        let mut touched = Self::default();
        for (patient, entry, position) in recorded {
            let (patient, position) = (*patient, *position);
            match *entry {
                Entry::Granted { grant, .. } | Entry::Revoked { grant, .. } => {
                    touched.grants.insert(GrantKey {
                        patient,
                        grant_id: grant,
                    });
                }
                Entry::GranteeRevoked { grantee, .. } => {
                    touched.grantees.insert(GranteeKey { patient, grantee }, position);
                }
                Entry::Delegated { delegate, .. } | Entry::DelegationEnded { delegate } => {
                    touched.delegates.insert(DelegateKey { patient, delegate }, position);
                }
                Entry::AllRevoked { .. }
                | Entry::GuardiansSet { .. }
                | Entry::RecoveryBegan { .. }
                | Entry::RecoveryRefused
                | Entry::ControllerChanged { .. }
                | Entry::WardOpened { .. } => {
                    touched.controls.insert(patient, position);
                }
            }
        }
        touched
    }
}

pub(super) async fn fold(
    connection: &mut PgConnection,
    entries: &[LogEntry],
    writes: &mut Writes,
) -> Result<(), sqlx::Error> {
    let recorded: Vec<(SignerId, Entry, u64)> = recorded_by(entries, Registry::Consents)
        .filter_map(|recorded| {
            let (patient, entry) = Entry::read(name(recorded), &recorded.payload)?;
            Some((patient, entry, recorded.position))
        })
        .collect();
    if recorded.is_empty() {
        return Ok(());
    }
    let touched = Touched::by(&recorded);
    let mut consents = load(connection, &recorded, &touched).await?;
    for (patient, entry, position) in &recorded {
        consents.entry(*patient).or_default().take_in(entry, *position);
    }
    write(writes, &consents, &touched);
    Ok(())
}

/// What is known of the patients, as far as the entries depend on it.
async fn load(
    connection: &mut PgConnection,
    recorded: &[(SignerId, Entry, u64)],
    touched: &Touched,
) -> Result<BTreeMap<SignerId, Consents>, sqlx::Error> {
    let mut consents: BTreeMap<SignerId, Consents> = BTreeMap::new();
    let patients: BTreeSet<_> = recorded.iter().map(|(patient, ..)| *patient).collect();
    let patients: Vec<_> = patients.into_iter().collect();
    for row in table::load::<ControlRow>(connection, &patients).await?.values() {
        consents.entry(row.patient).or_default().control = row.control();
    }
    let granted = recorded.iter().filter_map(|(patient, entry, _)| match *entry {
        Entry::Granted { grantee, .. } => Some(GranteeKey {
            patient: *patient,
            grantee,
        }),
        _ => None,
    });
    let grantees: BTreeSet<_> = touched.grantees.keys().copied().chain(granted).collect();
    let grantees: Vec<_> = grantees.into_iter().collect();
    for row in table::load::<GranteeRow>(connection, &grantees).await?.values() {
        consents
            .entry(row.patient)
            .or_default()
            .grantees
            .insert(row.grantee, row.epoch);
    }
    let grants: Vec<_> = touched.grants.iter().copied().collect();
    for row in table::load::<GrantRow>(connection, &grants).await?.values() {
        consents
            .entry(row.patient)
            .or_default()
            .grants
            .insert(row.grant_id, row.state());
    }
    let delegates: Vec<_> = touched.delegates.keys().copied().collect();
    for row in table::load::<DelegateRow>(connection, &delegates).await?.values() {
        let delegations = &mut consents.entry(row.patient).or_default().delegations;
        delegations.insert(row.delegate, row.delegation());
    }
    Ok(consents)
}

fn write(writes: &mut Writes, consents: &BTreeMap<SignerId, Consents>, touched: &Touched) {
    let of = |patient: &SignerId| consents.get(patient);
    let controls = touched.controls.iter().filter_map(|(patient, position)| {
        let control = of(patient)?.control;
        Some(ControlRow::of(*patient, &control, *position))
    });
    table::write(writes, &controls.collect::<Vec<_>>());
    let grants = touched.grants.iter().filter_map(|key| {
        let state = of(&key.patient)?.grants.get(&key.grant_id)?;
        Some(GrantRow::of(*key, state))
    });
    table::write(writes, &grants.collect::<Vec<_>>());
    let grantees = touched.grantees.iter().filter_map(|(key, position)| {
        let GranteeKey { patient, grantee } = *key;
        Some(GranteeRow {
            patient,
            grantee,
            epoch: of(&patient)?.grantee_epoch(grantee),
            position: *position,
        })
    });
    table::write(writes, &grantees.collect::<Vec<_>>());
    let delegates = touched.delegates.iter().filter_map(|(key, position)| {
        let delegation = of(&key.patient)?.delegations.get(&key.delegate)?;
        Some(DelegateRow::of(*key, delegation, *position))
    });
    table::write(writes, &delegates.collect::<Vec<_>>());
}

/// All that is known of a patient of the registry, at one moment.
pub(crate) async fn consents(pool: &PgPool, patient: SignerId) -> Result<Consents, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    let isolation = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY";
    transaction.execute(isolation).await?;
    let controls: Vec<ControlRow> = of_patient(&mut transaction, patient).await?;
    let grants: Vec<GrantRow> = of_patient(&mut transaction, patient).await?;
    let grantees: Vec<GranteeRow> = of_patient(&mut transaction, patient).await?;
    let delegates: Vec<DelegateRow> = of_patient(&mut transaction, patient).await?;
    transaction.commit().await?;
    Ok(Consents {
        control: controls.first().map(ControlRow::control).unwrap_or_default(),
        grants: grants.iter().map(|row| (row.grant_id, row.state())).collect(),
        grantees: grantees.iter().map(|row| (row.grantee, row.epoch)).collect(),
        delegations: delegates.iter().map(|row| (row.delegate, row.delegation())).collect(),
    })
}

async fn of_patient<R: Row>(connection: &mut PgConnection, patient: SignerId) -> Result<Vec<R>, sqlx::Error> {
    let mut query = QueryBuilder::new(R::TABLE.select());
    query.push("WHERE patient = ").push_bind(patient.0.to_vec());
    query.build_query_as().fetch_all(connection).await
}

impl ControlRow {
    fn of(patient: SignerId, control: &Control, position: u64) -> Self {
        let Control {
            controller,
            until,
            epoch,
            tenure,
            guardians,
            candidate,
            number,
        } = *control;
        Self {
            patient,
            controller,
            until,
            epoch,
            tenure,
            guardians,
            candidate: candidate.map(|(candidate, _)| candidate),
            ready_at: candidate.map_or(0, |(_, ready_at)| ready_at),
            number,
            position,
        }
    }

    fn control(&self) -> Control {
        Control {
            controller: self.controller,
            until: self.until,
            epoch: self.epoch,
            tenure: self.tenure,
            guardians: self.guardians,
            candidate: self.candidate.map(|candidate| (candidate, self.ready_at)),
            number: self.number,
        }
    }
}

impl GrantRow {
    fn of(key: GrantKey, state: &GrantState) -> Self {
        let GrantKey { patient, grant_id } = key;
        let given = state.given;
        let number = |number: fn(&Given) -> u64| given.as_ref().map_or(0, number);
        Self {
            patient,
            grant_id,
            grantee: given.map(|given| given.grantee),
            not_before: number(|given| given.not_before),
            expiry: number(|given| given.expiry),
            epoch: number(|given| given.epoch),
            grantee_epoch: number(|given| given.grantee_epoch),
            given_by: given.map(|given| given.by),
            given_at: given.map(|given| given.at),
            revoked_at: state.revoked_at,
        }
    }

    fn state(&self) -> GrantState {
        let told = self.grantee.zip(self.given_by).zip(self.given_at);
        GrantState {
            given: told.map(|((grantee, by), at)| Given {
                grantee,
                not_before: self.not_before,
                expiry: self.expiry,
                epoch: self.epoch,
                grantee_epoch: self.grantee_epoch,
                by,
                at,
            }),
            revoked_at: self.revoked_at,
        }
    }
}

impl DelegateRow {
    const fn of(key: DelegateKey, delegation: &Delegation, position: u64) -> Self {
        let Delegation { until, ended, tenure } = *delegation;
        Self {
            patient: key.patient,
            delegate: key.delegate,
            until,
            ended,
            tenure,
            position,
        }
    }

    const fn delegation(&self) -> Delegation {
        Delegation {
            until: self.until,
            ended: self.ended,
            tenure: self.tenure,
        }
    }
}
