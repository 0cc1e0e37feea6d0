//! Entity tags: the version of what is shown, for `If-Match` on changes and `If-None-Match` on reads.
//!
//! A record's tag is the version of its stream (`"3"`); an appointment's is its calendar's day and the version at which it
//! last changed there (`"2026-03-01.3"`).

use actix_web::http::header::{self, HeaderMap};
use actix_web::{HttpRequest, HttpResponse};
use application::calendars::AppointmentVersion;
use serde::Serialize;

use super::problem::{Problem, ProblemKind};

/// The tag of a version of a stream.
pub fn of_version(version: u64) -> String {
    format!("\"{version}\"")
}

/// The tag of a version of an appointment.
pub fn of_appointment(version: AppointmentVersion) -> String {
    format!("\"{}.{}\"", version.day, version.version)
}

/// What `If-Match` insists on; `None` when it is missing or `*`.
///
/// # Errors
/// `precondition-failed` when no tag of ours can match it, `malformed-request` when it names several.
fn if_match(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = headers.get(header::IF_MATCH) else {
        return Ok(None);
    };
    let value = value.to_str().map_err(|_| unmatched())?.trim();
    if value == "*" {
        return Ok(None);
    }
    if value.contains(',') {
        return Err(Problem::new(ProblemKind::MalformedRequest).detail("If-Match takes one entity tag here."));
    }
    // A weak tag never matches where a strong comparison is due (RFC 9110, 13.1.1).
    value
        .strip_prefix('"')
        .and_then(|tag| tag.strip_suffix('"'))
        .map(Some)
        .ok_or_else(unmatched)
}

fn unmatched() -> Problem {
    Problem::new(ProblemKind::PreconditionFailed)
}

/// The version that `If-Match` insists on.
///
/// # Errors
/// As documented at [`if_match`].
pub fn expected_version(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    if_match(headers)?
        .map(|tag| tag.parse().map_err(|_| unmatched()))
        .transpose()
}

/// The version of an appointment that `If-Match` insists on.
///
/// # Errors
/// As documented at [`if_match`].
pub fn expected_appointment(headers: &HeaderMap) -> Result<Option<AppointmentVersion>, Problem> {
    let parse = |tag: &str| {
        let (day, version) = tag.split_once('.')?;
        Some(AppointmentVersion {
            day: day.parse().ok()?,
            version: version.parse().ok()?,
        })
    };
    if_match(headers)?
        .map(|tag| parse(tag).ok_or_else(unmatched))
        .transpose()
}

/// Refuses `If-Match` where there is nothing to compare it with: ignoring it would break what it promises.
///
/// # Errors
/// `malformed-request` when the header is there.
pub fn refuse(headers: &HeaderMap) -> Result<(), Problem> {
    if headers.contains_key(header::IF_MATCH) {
        return Err(Problem::new(ProblemKind::MalformedRequest).detail("If-Match is not supported here."));
    }
    Ok(())
}

/// Answers with a body and its tag, or with 304 when the caller has it.
pub fn answer(request: &HttpRequest, tag: String, body: &impl Serialize) -> HttpResponse {
    let known = request
        .headers()
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok());
    let same = |candidate: &str| {
        let candidate = candidate.trim();
        candidate == "*" || candidate.strip_prefix("W/").unwrap_or(candidate) == tag
    };
    if known.is_some_and(|known| known.split(',').any(same)) {
        return HttpResponse::NotModified().insert_header((header::ETAG, tag)).finish();
    }
    HttpResponse::Ok().insert_header((header::ETAG, tag)).json(body)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use chrono::NaiveDate;

    use super::*;

    fn headers(value: &str) -> HeaderMap {
        TestRequest::default()
            .insert_header((header::IF_MATCH, value))
            .to_http_request()
            .headers()
            .clone()
    }

    #[test]
    fn a_tag_reads_back() {
        assert_eq!(expected_version(&headers(&of_version(7))).unwrap(), Some(7));
        let version = AppointmentVersion {
            day: NaiveDate::from_ymd_opt(2026, 3, 1).unwrap(),
            version: 4,
        };
        assert_eq!(
            expected_appointment(&headers(&of_appointment(version))).unwrap(),
            Some(version)
        );
    }

    #[test]
    fn no_header_and_a_star_insist_on_nothing() {
        assert_eq!(expected_version(&HeaderMap::new()).unwrap(), None);
        assert_eq!(expected_version(&headers("*")).unwrap(), None);
    }

    #[test]
    fn a_tag_that_is_not_ours_never_matches() {
        for value in ["W/\"7\"", "7", "\"seven\"", "\"", ""] {
            let refused = expected_version(&headers(value)).unwrap_err();
            assert_eq!(refused.kind(), ProblemKind::PreconditionFailed, "{value}");
        }
    }

    #[test]
    fn who_has_it_is_told_so() {
        for value in ["\"7\"", "W/\"7\"", "\"6\", \"7\"", "*"] {
            let request = TestRequest::default()
                .insert_header((header::IF_NONE_MATCH, value))
                .to_http_request();
            assert_eq!(answer(&request, of_version(7), &()).status(), 304, "{value}");
        }
        let request = TestRequest::default()
            .insert_header((header::IF_NONE_MATCH, "\"6\""))
            .to_http_request();
        assert_eq!(answer(&request, of_version(7), &()).status(), 200);
    }
}
