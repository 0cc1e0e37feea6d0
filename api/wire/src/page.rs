//! Pages of lists: which is asked for, and what is answered.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::check::Checks;

const DEFAULT_LIMIT: u32 = 50;
/// How many items a page has at most.
pub const MOST: u32 = 200;

/// The page of a list that is asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// The `nextCursor` of the previous page, which was asked for with the same filters. Without it, the answer is the first page.
    pub cursor: Option<String>,
    /// The largest number of items to return on a page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
}

/// Whether so many items can be asked for. What is wrong goes to `checks`.
pub fn check_limit(checks: &mut Checks, limit: Option<u32>) {
    if let Err(detail) = checked_limit(limit) {
        checks.wrong(detail);
    }
}

/// The limit, or what is wrong with it.
///
/// # Errors
/// When so many items cannot be asked for.
pub fn checked_limit(limit: Option<u32>) -> Result<u32, &'static str> {
    match limit.unwrap_or(DEFAULT_LIMIT) {
        limit @ 1..=MOST => Ok(limit),
        _ => Err("must be from 1 to 200"),
    }
}

impl PageQuery {
    /// What a query says of the page, beside its filters.
    pub fn new(cursor: Option<&String>, limit: Option<u32>) -> Self {
        Self {
            cursor: cursor.cloned(),
            limit,
        }
    }
}

/// One page of a list.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Page)]
pub struct PageBody<T> {
    /// The items of the page.
    pub items: Vec<T>,
    /// The cursor of the next page; missing on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// The address of the next page, which is also given as a `Link` header; missing on the last page, and for searches by POST.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl<T> PageBody<T> {
    /// A list that is never long enough to be cut.
    pub const fn whole(items: Vec<T>) -> Self {
        Self {
            items,
            next_cursor: None,
            next: None,
        }
    }
}
