//! What is amiss with the namespaces that are shared, as the journal has it: practitioners whose calendars stand in one that is not configured, and
//! one in which nothing can be read of what the others have written. Neither stops anything, so somebody has to look.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use application::log::StreamId;
use domain::kernel::{AggregateRef, SHARED_MARK};
use sqlx::PgPool;

use super::authors::Authors;
use super::numbers::from_sql;
use crate::log::{Namespace, Origin};
use crate::sealing::{Author, Opener};

/// What was found.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct SharedFindings {
    /// Namespaces that are not configured, each with the number of our practitioners whose calendars stand there.
    pub unconfigured: BTreeMap<Namespace, u64>,
    /// Namespaces in which others have written and nothing of it has a name under the secret that is configured: it is another one than theirs. Each with the number of their streams.
    pub unreadable: BTreeMap<Namespace, u64>,
}

/// Looks.
///
/// # Errors
/// When the database refuses.
pub async fn look(pool: &PgPool, opener: &Opener) -> Result<SharedFindings, sqlx::Error> {
    Ok(SharedFindings {
        unconfigured: unconfigured(pool, opener).await?,
        unreadable: unreadable(pool, opener).await?,
    })
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

/// By the first entry of each stream.
async fn unreadable(pool: &PgPool, opener: &Opener) -> Result<BTreeMap<Namespace, u64>, sqlx::Error> {
    let mut found = BTreeMap::new();
    if opener.shared().is_empty() {
        return Ok(found);
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
        let of_others = firsts.into_iter().filter(|(_, position, origin)| {
            let writer = Origin::from_sql(*origin).writer;
            authors.of_writer(*namespace, writer, from_sql(*position)) == Author::Another
        });
        let (named, unnamed): (Vec<_>, Vec<_>) =
            of_others.partition(|(stream, ..)| opener.name(&StreamId(*stream)).is_some());
        if named.is_empty() && !unnamed.is_empty() {
            found.insert(*namespace, unnamed.len() as u64);
        }
    }
    Ok(found)
}

impl SharedFindings {
    /// What the first trouble says, if there is any.
    pub(super) fn of_unconfigured(&self) -> Option<String> {
        let each = listed(&self.unconfigured, "practitioners")?;
        Some(format!(
            "calendars stand in shared namespaces that `chain.shared` does not name: {each}"
        ))
    }

    /// What the second trouble says, if there is any.
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
        let found: Vec<_> = self.of_unconfigured().into_iter().chain(self.of_unreadable()).collect();
        f.write_str(&found.join("; "))
    }
}
