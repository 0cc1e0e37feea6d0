//! Cursors and pages.
//!
//! A cursor is opaque to callers: the mark of a list and the key of the last item of a page of it, in base64url. It holds a place, not a
//! permission. In another list, or in the same one by other filters, that place would be another one, so it is refused there.

use actix_web::{HttpRequest, HttpResponse};
use api_wire::page::{PageBody, PageQuery, checked_limit};
use api_wire::problem::ProblemKind;
use application::ports::queries::Page;
use application::ports::secrets::Secrets;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// What is wrong with a cursor that does not belong to a list.
const STRANGE: &str = "is not one of this server's for this list and these filters";

/// A list, by certain filters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct List {
    /// Tells lists apart: a part of a keyed hash, for filters may be names.
    mark: u64,
}

impl List {
    /// The list of an endpoint, by the filters that were given.
    pub fn of(secrets: &dyn Secrets, endpoint: &str, filters: &impl Serialize) -> Self {
        // What cannot be written tells nothing apart, and nothing here is such.
        let filters = serde_json::to_vec(filters).unwrap_or_default();
        let [a, b, c, d, e, f, g, h, ..] = secrets.fingerprint(&[b"list", endpoint.as_bytes(), &filters]);
        Self {
            mark: u64::from_be_bytes([a, b, c, d, e, f, g, h]),
        }
    }

    /// Writes a cursor. `None` when the key cannot be written, which is a mistake in its type.
    fn encode(self, key: &impl Serialize) -> Option<String> {
        let bytes = serde_json::to_vec(&(self.mark, key)).ok()?;
        Some(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Reads a cursor. `None` when it is of another list, or of this one by other filters. The key in it is the caller's to choose: it is
    /// a place, and gives nobody a right.
    fn decode<K: DeserializeOwned>(self, cursor: &str) -> Option<K> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (mark, key) = serde_json::from_slice::<(u64, K)>(&bytes).ok()?;
        (mark == self.mark).then_some(key)
    }

    /// The page that a query asks for.
    ///
    /// # Errors
    /// `malformed-request` when the cursor or the limit is wrong.
    pub fn page<K: DeserializeOwned>(self, query: &PageQuery) -> Result<Wanted<K>, Problem> {
        self.wanted(query).map_err(|(name, detail)| {
            Problem::new(ProblemKind::MalformedRequest).detail(format!("The {name} {detail}."))
        })
    }

    /// The page that a body asks for.
    ///
    /// # Errors
    /// `invalid` when the cursor or the limit is wrong.
    pub fn page_by_body<K: DeserializeOwned>(self, asked: &PageQuery) -> Result<Wanted<K>, Problem> {
        self.wanted(asked)
            .map_err(|(name, detail)| Problem::invalid(format!("/{name}"), detail))
    }

    /// The page, or which member is wrong, and what with it.
    fn wanted<K: DeserializeOwned>(self, asked: &PageQuery) -> Result<Wanted<K>, (&'static str, &'static str)> {
        let limit = checked_limit(asked.limit).map_err(|detail| ("limit", detail))?;
        let read = |cursor| self.decode(cursor).ok_or(("cursor", STRANGE));
        let after = asked.cursor.as_deref().map(read).transpose()?;
        Ok(Wanted {
            list: self,
            after,
            limit,
        })
    }
}

/// A page that is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wanted<K> {
    list: List,
    after: Option<K>,
    limit: u32,
}

impl<K: Copy> Wanted<K> {
    /// What to ask the read models for: one item more than is shown, to see whether there is another page.
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
            found.last().and_then(|last| self.list.encode(&key(last)))
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

/// The answer to a GET, with the next page's address.
pub fn linked<T: Serialize>(mut page: PageBody<T>, request: &HttpRequest) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    if let Some(cursor) = &page.next_cursor {
        let kept = request
            .query_string()
            .split('&')
            .filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="));
        let query: Vec<_> = kept.map(str::to_owned).chain([format!("cursor={cursor}")]).collect();
        let next = format!("{}?{}", request.path(), query.join("&"));
        response.insert_header((actix_web::http::header::LINK, format!("<{next}>; rel=\"next\"")));
        page.next = Some(next);
    }
    response.json(page)
}

#[cfg(test)]
mod tests {
    use application::ports::queries::AppointmentCursor;
    use chrono::DateTime;
    use domain::kernel::{AppointmentId, PatientId};
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    const LIST: List = List { mark: u64::MAX };

    fn query(limit: u32) -> PageQuery {
        PageQuery {
            cursor: None,
            limit: Some(limit),
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_a_cursor_panic(text in ".*", bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = LIST.decode::<AppointmentCursor>(&text);
            let _ = LIST.decode::<PatientId>(&URL_SAFE_NO_PAD.encode(bytes));
        }

        #[test]
        fn a_cursor_reads_back(seconds in 0_i64..4_000_000_000, millis in 0_u32..1000, id in any::<u128>(), mark in any::<u64>()) {
            let at = DateTime::from_timestamp(seconds, millis * 1_000_000).unwrap();
            let key: AppointmentCursor = (at, AppointmentId::new(Uuid::from_u128(id)));
            let (list, other) = (List { mark }, List { mark: mark ^ 1 });
            let cursor = list.encode(&key).unwrap();
            prop_assert_eq!(list.decode::<AppointmentCursor>(&cursor), Some(key));
            prop_assert_eq!(other.decode::<AppointmentCursor>(&cursor), None);
        }
    }

    #[test]
    fn the_last_page_has_no_next() {
        let wanted = LIST.page::<u32>(&query(2)).unwrap();
        assert_eq!(wanted.query().limit, 3);
        let page = wanted.answer(vec![1_u32, 2], |key| *key, |item| item);
        assert_eq!((page.items, page.next_cursor), (vec![1, 2], None));
        let page = wanted.answer(vec![1_u32, 2, 3], |key| *key, |item| item);
        assert_eq!(page.items, [1, 2]);
        assert_eq!(LIST.decode::<u32>(&page.next_cursor.unwrap()), Some(2));
    }

    #[test]
    fn a_limit_out_of_range_is_refused() {
        for limit in [0, 201] {
            assert!(LIST.page::<u32>(&query(limit)).is_err());
            assert!(LIST.page_by_body::<u32>(&query(limit)).is_err());
        }
    }
}
