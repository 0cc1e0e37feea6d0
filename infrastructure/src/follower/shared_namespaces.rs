//! What is amiss with the namespaces that are shared, as the journal has it: practitioners whose calendars stand in one that is not configured, and
//! one in which nothing can be read of what the others have written. Neither stops anything, so somebody has to look.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use application::log::{Author, StreamId};
use domain::kernel::{AggregateRef, SHARED_MARK};
use sqlx::PgPool;

use super::authors::Authors;
use super::numbers::from_sql;
use crate::log::{Namespace, Origin};
use crate::sealing::Opener;

/// What was found.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct SharedFindings {
    /// Namespaces that are not configured, each with the number of our practitioners whose calendars stand there.
    pub unconfigured: BTreeMap<Namespace, u64>,
    /// Namespaces in which others have written and nothing of it has a name under the secret that is configured: it is another one than theirs. Each with the number of their streams.
    pub unreadable: BTreeMap<Namespace, u64>,
    /// Namespaces in which this organisation has written itself what has no name under the secret that is configured: once it was another one. Each with the number of these streams.
    pub forgotten: BTreeMap<Namespace, u64>,
}

impl SharedFindings {
    /// Whether the secrets are the right ones, as far as the log tells.
    pub fn all_is_well(&self) -> bool {
        self.unconfigured.is_empty() && self.unreadable.is_empty()
    }
}

/// Looks.
///
/// # Errors
/// When the database refuses.
pub async fn look(pool: &PgPool, opener: &Opener) -> Result<SharedFindings, sqlx::Error> {
    let mut findings = SharedFindings {
        unconfigured: unconfigured(pool, opener).await?,
        ..SharedFindings::default()
    };
    look_at_names(pool, opener, &mut findings).await?;
    Ok(findings)
}

async fn unconfigured(pool: &PgPool, opener: &Opener) -> Result<BTreeMap<Namespace, u64>, sqlx::Error> {
    let sql = "SELECT DISTINCT aggregate_id FROM journal
               WHERE aggregate_id LIKE 'practitioner/%' AND strpos(aggregate_id, $1) > 0
                 AND NOT EXISTS (SELECT FROM erasures WHERE subject = aggregate_id)";
    let practitioners: Vec<String> = sqlx::query_scalar(sql).bind(SHARED_MARK).fetch_all(pool).await?;
    let configured: BTreeSet<Namespace> = opener.shared().iter().map(|(namespace, _)| *namespace).collect();
    let mut found = BTreeMap::new();
    for practitioner in practitioners {
        let Ok(AggregateRef::Practitioner(practitioner)) = practitioner.parse() else {
            continue;
        };
        let namespace = practitioner.shares_days_in().map(Namespace);
        if let Some(namespace) = namespace.filter(|namespace| !configured.contains(namespace)) {
            *found.entry(namespace).or_default() += 1;
        }
    }
    Ok(found)
}

/// What has a name, by the first entry of each stream.
async fn look_at_names(pool: &PgPool, opener: &Opener, findings: &mut SharedFindings) -> Result<(), sqlx::Error> {
    if opener.shared().is_empty() {
        return Ok(());
    }
    let authors = Authors::load(pool, opener).await?;
    for (namespace, _) in opener.shared() {
        let sql = "SELECT stream, position, origin FROM journal WHERE stream BETWEEN $1 AND $2 AND version = 1";
        let [first, last] = namespace.streams();
        let firsts: Vec<([u8; 32], i64, i64)> = sqlx::query_as(sql)
            .bind(first.0.as_slice())
            .bind(last.0.as_slice())
            .fetch_all(pool)
            .await?;
        let (mut forgotten, mut named, mut unnamed) = (0, 0, 0);
        for (stream, position, origin) in firsts {
            let author = authors.of_writer(*namespace, Origin::from_sql(origin).writer, from_sql(position));
            match (author, opener.name(&StreamId(stream)).is_some()) {
                (Author::Ours, true) => {}
                (Author::Ours, false) => forgotten += 1,
                (Author::Another, true) => named += 1,
                (Author::Another, false) => unnamed += 1,
            }
        }
        // Where nothing of the others has a name either, the secret that is configured is the wrong one.
        if forgotten > 0 && (named > 0 || unnamed == 0) {
            findings.forgotten.insert(*namespace, forgotten);
        }
        if named == 0 && unnamed > 0 {
            findings.unreadable.insert(*namespace, unnamed);
        }
    }
    Ok(())
}

impl SharedFindings {
    /// What `shared-namespace-not-configured` says, if it is so.
    pub(super) fn of_unconfigured(&self) -> Option<String> {
        let each = listed(&self.unconfigured, "practitioners")?;
        Some(format!(
            "calendars stand in shared namespaces that `chain.shared` does not name: {each}"
        ))
    }

    /// What `shared-namespace-unreadable` says, if it is so.
    pub(super) fn of_unreadable(&self) -> Option<String> {
        let each = listed(&self.unreadable, "streams of others")?;
        Some(format!(
            "of shared namespaces nothing has a name under the secret that is configured: {each}"
        ))
    }
}

/// Each namespace with its number of something; `None` of none.
fn listed(counts: &BTreeMap<Namespace, u64>, of: &str) -> Option<String> {
    let each: Vec<_> = counts
        .iter()
        .map(|(namespace, count)| format!("namespace {namespace} ({of}: {count})"))
        .collect();
    (!each.is_empty()).then(|| each.join(", "))
}

impl fmt::Display for SharedFindings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let forgotten = listed(&self.forgotten, "streams");
        let forgotten = forgotten.map(|each| {
            format!("this organisation has written under another secret than the one that is configured; if the others have the configured one, nobody can read that, and it must be offered and booked again: {each}")
        });
        let found = [self.of_unconfigured(), self.of_unreadable(), forgotten];
        let found: Vec<_> = found.into_iter().flatten().collect();
        f.write_str(&found.join("; "))
    }
}
