//! What a command's headers say beside its preconditions.

use std::time::Duration;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use api_wire::problem::ProblemKind;
use domain::access_log::Named;
use domain::kernel::{AccountId, PractitionerId};
use uuid::Uuid;

use super::problem::Problem;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const CORRELATION: HeaderName = HeaderName::from_static("x-correlation-id");

/// For whom a service asks.
pub const ON_BEHALF_OF: HeaderName = HeaderName::from_static("on-behalf-of");

/// The longest idempotency key.
const LONGEST_KEY: usize = 255;

/// What `Prefer` asks for (RFC 7240).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Prefer {
    /// Not to wait for the outcome.
    pub respond_async: bool,
    /// How long to wait for it.
    pub wait: Option<Duration>,
}

impl Prefer {
    /// Reads it. What is not understood is ignored (RFC 7240, 2).
    pub fn read(headers: &HeaderMap) -> Self {
        let values = headers.get_all("prefer").filter_map(|value| value.to_str().ok());
        values
            .flat_map(|value| value.split([',', ';']))
            .fold(Self::default(), |prefer, preference| {
                match preference.trim().split_once('=') {
                    None if preference.trim().eq_ignore_ascii_case("respond-async") => Self {
                        respond_async: true,
                        ..prefer
                    },
                    Some((name, seconds)) if name.trim().eq_ignore_ascii_case("wait") => Self {
                        wait: seconds.trim().parse().ok().map(Duration::from_secs),
                        ..prefer
                    },
                    _ => prefer,
                }
            })
    }
}

/// A header that says one thing. Of two that contradict each other nobody could tell which holds.
///
/// # Errors
/// `malformed-request` when it is given more than once.
pub fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a HeaderValue>, Problem> {
    let mut values = headers.get_all(name);
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(malformed("A header that says one thing is given more than once.")),
        (value, None) => Ok(value),
    }
}

/// A header that is not as documented.
pub fn malformed(detail: &'static str) -> Problem {
    Problem::new(ProblemKind::MalformedRequest).detail(detail)
}

/// `Idempotency-Key`, if it is there.
///
/// # Errors
/// `malformed-request` when it is none.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = single(headers, &IDEMPOTENCY_KEY)? else {
        return Ok(None);
    };
    let printable = |byte: &u8| matches!(byte, b' '..=b'~');
    match value.to_str() {
        Ok(key) if (1..=LONGEST_KEY).contains(&key.len()) && key.as_bytes().iter().all(printable) => {
            Ok(Some(key.to_owned()))
        }
        _ => Err(malformed("Idempotency-Key takes 1 to 255 printable ASCII characters.")),
    }
}

/// `X-Correlation-Id`, if it is there.
///
/// # Errors
/// `malformed-request` when it is none.
pub fn correlation(headers: &HeaderMap) -> Result<Option<Uuid>, Problem> {
    let Some(value) = single(headers, &CORRELATION)? else {
        return Ok(None);
    };
    let id = value.to_str().ok().and_then(|text| Uuid::try_parse(text).ok());
    id.map(Some).ok_or_else(|| malformed("X-Correlation-Id takes a UUID."))
}

/// `On-Behalf-Of`, if it is there: for whom a service asks.
///
/// # Errors
/// `malformed-request` when it names nobody.
pub fn on_behalf_of(headers: &HeaderMap) -> Result<Option<Named>, Problem> {
    let Some(value) = single(headers, &ON_BEHALF_OF)? else {
        return Ok(None);
    };
    // Of the ways to write an id that one which the interface writes.
    let id = |id: &str| {
        Uuid::try_parse(id)
            .ok()
            .filter(|read| read.to_string().eq_ignore_ascii_case(id))
    };
    let named = value.to_str().ok().and_then(|text| match text.split_once('/')? {
        ("staff", account) => Some(Named::Staff(AccountId::new(id(account)?))),
        ("practitioner", practitioner) => Some(Named::Practitioner(PractitionerId::new(id(practitioner)?))),
        _ => None,
    });
    named
        .map(Some)
        .ok_or_else(|| malformed("On-Behalf-Of takes `staff/` and the id of an account, or `practitioner/` and an id."))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn preferences_are_read_and_unknown_ones_ignored() {
        for (value, respond_async, wait) in [
            ("respond-async", true, None),
            ("respond-async, wait=5", true, Some(5)),
            ("wait=100; handling=lenient", false, Some(100)),
            ("return=minimal", false, None),
        ] {
            let request = TestRequest::default()
                .insert_header(("prefer", value))
                .to_http_request();
            let expected = Prefer {
                respond_async,
                wait: wait.map(Duration::from_secs),
            };
            assert_eq!(Prefer::read(request.headers()), expected, "{value}");
        }
    }

    #[test]
    fn an_idempotency_key_is_short_and_printable() {
        let read = |value: &str| {
            idempotency_key(
                TestRequest::default()
                    .insert_header(("idempotency-key", value))
                    .to_http_request()
                    .headers(),
            )
        };
        assert_eq!(read("a-key").unwrap().as_deref(), Some("a-key"));
        assert!(read("").is_err());
        assert!(read("a\tkey").is_err());
        assert!(read("schlüssel").is_err());
        assert!(read(&"x".repeat(255)).is_ok());
        assert!(read(&"x".repeat(256)).is_err());
        assert_eq!(idempotency_key(&HeaderMap::new()).unwrap(), None);
    }

    #[test]
    fn a_header_that_says_one_thing_is_given_once() {
        let request = TestRequest::default()
            .append_header(("idempotency-key", "one"))
            .append_header(("idempotency-key", "other"))
            .append_header(("x-correlation-id", Uuid::nil().to_string()))
            .append_header(("x-correlation-id", Uuid::max().to_string()))
            .to_http_request();
        let refused = idempotency_key(request.headers()).unwrap_err();
        assert_eq!(refused.kind(), ProblemKind::MalformedRequest);
        assert!(correlation(request.headers()).is_err());
    }
}
