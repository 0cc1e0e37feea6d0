//! Numbers as Postgres holds them.

/// A number that Postgres holds as `bigint`. Ours never reach its end.
pub(super) fn to_sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The reverse of [`to_sql`]; what is negative cannot have come from it.
pub(super) fn from_sql(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}
