//! The entries of the log. For auditors.

use actix_web::HttpResponse;
use api_wire::dto::{self, Instant, Stream, query_instant};
use api_wire::page::{PageBody, PageQuery};
use api_wire::problem::ProblemKind;
use application::ports::entries::EntryFilter;
use application::use_cases::clinic::Backend;
use serde::{Deserialize, Serialize};

use crate::problem::Problem;
use crate::read::{Parameters, Reading};

/// Which entries of the log. All filters must hold.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct EntryQuery {
    /// The id of a stream: only its entries are listed.
    pub stream: Option<Stream>,
    /// The first position.
    #[param(example = 4000)]
    pub from: Option<u64>,
    /// The last position: not before `from`.
    #[param(example = 5000)]
    pub to: Option<u64>,
    /// Whether entries that are void are listed, and no others; or those that are not void, and no others. Without it, all are.
    pub void: Option<bool>,
    /// The earliest time of a block whose entries are listed.
    #[serde(default, deserialize_with = "query_instant")]
    pub since: Option<Instant>,
    /// The instant before which a block whose entries are listed was made: not before `since`.
    #[serde(default, deserialize_with = "query_instant")]
    pub until: Option<Instant>,
    /// The `nextCursor` of the previous page, which was asked for with the same filters. Without it, the answer is the first page.
    pub cursor: Option<String>,
    /// The largest number of items to return on a page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
}

impl EntryQuery {
    fn page(&self) -> PageQuery {
        PageQuery::new(self.cursor.as_ref(), self.limit)
    }

    /// What tells its list from others.
    const fn filters(&self) -> impl Serialize {
        let Self {
            stream,
            from,
            to,
            void,
            since,
            until,
            cursor: _,
            limit: _,
        } = self;
        (stream, from, to, void, since, until)
    }

    fn filter(&self) -> Result<EntryFilter, Problem> {
        let filter = EntryFilter {
            stream: self.stream.map(|stream| stream.0),
            from: self.from,
            to: self.to,
            void: self.void,
            since: self.since.map(|since| since.0),
            until: self.until.map(|until| until.0),
        };
        let malformed = |detail| Err(Problem::new(ProblemKind::MalformedRequest).detail(detail));
        let is_beyond = |position: u64| position > i64::MAX.unsigned_abs();
        if filter.from.is_some_and(is_beyond) || filter.to.is_some_and(is_beyond) {
            return malformed("`from` and `to` must not be greater than 9223372036854775807.");
        }
        if filter.from.zip(filter.to).is_some_and(|(from, to)| to < from) {
            return malformed("`to` must not be before `from`.");
        }
        if filter
            .since
            .zip(filter.until)
            .is_some_and(|(since, until)| until < since)
        {
            return malformed("`until` must not be before `since`.");
        }
        Ok(filter)
    }
}

/// List the entries of the log, in the order of their positions.
///
/// For auditors and administrators. An entry is listed with its place in the log, on the chain and in its stream, with who wrote it, whether it
/// counts, and its time by the block and by what it says itself. What it says otherwise is not told: neither of which kind an event is, nor
/// whom it concerns; what else is listed with its position, such as an emergency, says more. Entries that are void, foreign or administrative are listed too. To follow the log, ask again with `from` after the
/// last position.
#[utoipa::path(
    get, path = "/v1/events", tag = "events", params(EntryQuery),
    responses((status = 200, description = "A page of entries", body = PageBody<dto::LogEntry>)),
)]
pub async fn list<B: Backend>(
    reading: Reading<B>,
    Parameters(query): Parameters<EntryQuery>,
) -> Result<HttpResponse, Problem> {
    let page = reading.list("events", &query.filters()).page(&query.page())?;
    let (log, filter) = (reading.core.ports.entries.as_ref(), query.filter()?);
    let entries = reading.clinic.log_entries(&reading.caller, log, &filter, page.query());
    Ok(reading.page(page.answer(entries.await?, |entry| entry.position, dto::LogEntry::from)))
}
