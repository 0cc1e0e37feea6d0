//! Cursors and pages.
//!
//! A cursor is opaque to callers: the name of a list and the key of the last item of a page of it, in base64url. It holds a place, not a
//! permission. In another list that place would be another one, so it is refused there.

use actix_web::{HttpRequest, HttpResponse};
use application::queries::Page;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::dto::Checks;
use super::problem::{Problem, ProblemKind};

const DEFAULT_LIMIT: u32 = 50;
const MOST: u32 = 200;

/// Writes a cursor of a list. `None` when the key cannot be written, which is a mistake in its type.
pub fn encode(list: &str, key: &impl Serialize) -> Option<String> {
    serde_json::to_vec(&(list, key))
        .ok()
        .map(|bytes| URL_SAFE_NO_PAD.encode(bytes))
}

/// Reads a cursor of a list.
///
/// # Errors
/// What is wrong, when this server did not make it for this list.
pub fn decode<K: DeserializeOwned>(list: &str, cursor: &str) -> Result<K, &'static str> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    let said = bytes.and_then(|bytes| serde_json::from_slice::<(String, K)>(&bytes).ok());
    let key = said.and_then(|(of, key)| (of == list).then_some(key));
    key.ok_or("is not one of this server's for this list")
}

/// Which page.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// Where the page before ended (`nextCursor`).
    pub cursor: Option<String>,
    /// How many items at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
}

/// The page for a query, which gets one item more than asked for, to see whether there is another page.
///
/// # Errors
/// `malformed-request` when the cursor or the limit is wrong.
pub fn page<K: DeserializeOwned>(
    list: &'static str,
    cursor: Option<&str>,
    limit: Option<u32>,
) -> Result<Wanted<K>, Problem> {
    let refused = |detail: &str| Problem::new(ProblemKind::MalformedRequest).detail(format!("The {detail}."));
    let limit = check_limit(limit).map_err(|detail| refused(&format!("limit {detail}")))?;
    let after = cursor.map(|cursor| decode(list, cursor)).transpose();
    let after = after.map_err(|detail| refused(&format!("cursor {detail}")))?;
    Ok(Wanted { list, after, limit })
}

/// The limit, or what is wrong with it.
fn check_limit(limit: Option<u32>) -> Result<u32, &'static str> {
    match limit.unwrap_or(DEFAULT_LIMIT) {
        limit @ 1..=MOST => Ok(limit),
        _ => Err("must be from 1 to 200"),
    }
}

/// The page that a body asks for. What is wrong with it goes to `checks`.
pub fn check_page<K: DeserializeOwned>(
    list: &'static str,
    checks: &mut Checks,
    cursor: Option<&str>,
    limit: Option<u32>,
) -> Wanted<K> {
    let mut noted = |step: &str, detail: &str| checks.within(step, |checks| checks.wrong(detail));
    let limit = check_limit(limit).unwrap_or_else(|detail| {
        noted("limit", detail);
        DEFAULT_LIMIT
    });
    let after = cursor.map(|cursor| decode(list, cursor)).transpose();
    let after = after.unwrap_or_else(|detail| {
        noted("cursor", detail);
        None
    });
    Wanted { list, after, limit }
}

impl PageQuery {
    /// The page for a query that says nothing else.
    ///
    /// # Errors
    /// As [`page`].
    pub fn page<K: DeserializeOwned>(&self, list: &'static str) -> Result<Wanted<K>, Problem> {
        page(list, self.cursor.as_deref(), self.limit)
    }
}

/// A page that is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wanted<K> {
    list: &'static str,
    after: Option<K>,
    limit: u32,
}

impl<K: Copy> Wanted<K> {
    /// What to ask the read models for.
    pub const fn query(&self) -> Page<K> {
        Page {
            after: self.after,
            limit: self.limit + 1,
        }
    }

    /// What to answer.
    pub fn answer<T, U>(&self, mut found: Vec<T>, key: impl Fn(&T) -> K, show: impl Fn(T) -> U) -> PageBody<U>
    where
        K: Serialize,
    {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = found.len() > limit;
        found.truncate(limit);
        let next_cursor = if more {
            found.last().and_then(|last| encode(self.list, &key(last)))
        } else {
            None
        };
        PageBody {
            items: found.into_iter().map(show).collect(),
            next_cursor,
            next: None,
        }
    }
}

/// One page of a list.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Page)]
pub struct PageBody<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where this page ends, if there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// The address of the next page, if there is one (also as a `Link` header). Not given for searches by POST.
    #[serde(skip_serializing_if = "Option::is_none")]
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

impl<T: Serialize> PageBody<T> {
    /// The answer to a GET, with the next page's address.
    pub fn linked(mut self, request: &HttpRequest) -> HttpResponse {
        let mut response = HttpResponse::Ok();
        if let Some(cursor) = &self.next_cursor {
            let kept = request
                .query_string()
                .split('&')
                .filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="));
            let query: Vec<_> = kept.map(str::to_owned).chain([format!("cursor={cursor}")]).collect();
            let next = format!("{}?{}", request.path(), query.join("&"));
            response.insert_header((actix_web::http::header::LINK, format!("<{next}>; rel=\"next\"")));
            self.next = Some(next);
        }
        response.json(self)
    }
}

#[cfg(test)]
mod tests {
    use application::queries::AppointmentCursor;
    use chrono::DateTime;
    use domain::kernel::{AppointmentId, PatientId};
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    proptest! {
        #[test]
        fn no_text_makes_a_cursor_panic(text in ".*", bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = decode::<AppointmentCursor>("list", &text);
            let _ = decode::<PatientId>("list", &URL_SAFE_NO_PAD.encode(bytes));
        }

        #[test]
        fn a_cursor_reads_back(seconds in 0_i64..4_000_000_000, millis in 0_u32..1000, id in any::<u128>()) {
            let at = DateTime::from_timestamp(seconds, millis * 1_000_000).unwrap();
            let key: AppointmentCursor = (at, AppointmentId::new(Uuid::from_u128(id)));
            prop_assert_eq!(decode::<AppointmentCursor>("list", &encode("list", &key).unwrap()).unwrap(), key);
            prop_assert!(decode::<AppointmentCursor>("other", &encode("list", &key).unwrap()).is_err());
        }
    }

    #[test]
    fn the_last_page_has_no_next() {
        let wanted = page::<u32>("list", None, Some(2)).unwrap();
        assert_eq!(wanted.query().limit, 3);
        let page = wanted.answer(vec![1_u32, 2], |key| *key, |item| item);
        assert_eq!((page.items, page.next_cursor), (vec![1, 2], None));
        let page = wanted.answer(vec![1_u32, 2, 3], |key| *key, |item| item);
        assert_eq!(page.items, [1, 2]);
        assert_eq!(decode::<u32>("list", &page.next_cursor.unwrap()).unwrap(), 2);
    }

    #[test]
    fn a_limit_out_of_range_is_refused() {
        for limit in [0, 201] {
            assert!(page::<u32>("list", None, Some(limit)).is_err());
        }
    }
}
