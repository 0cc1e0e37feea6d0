//! Entity tags: the version of what is shown, for `If-Match` on changes and `If-None-Match` on reads.
//!
//! A record's tag is the version of its stream at which it last changed (`"3"`); an appointment's is its calendar's day and the version at which it
//! last changed there (`"2026-03-01.3"`).

use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use api_wire::problem::ProblemKind;
use application::use_cases::calendars::AppointmentVersion;
use serde::Serialize;

use super::headers::{malformed, single};
use super::problem::Problem;

/// Whether it is an entity tag, ours or not, or stands for any.
fn is_tag(value: &HeaderValue) -> bool {
    let text = value.as_bytes().trim_ascii();
    let opaque = text.strip_prefix(b"W/").unwrap_or(text);
    let quoted = opaque.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\""));
    text == b"*" || quoted.is_some_and(|tag| !tag.contains(&b'"'))
}

/// The tag of a version of a stream.
pub fn of_version(version: u64) -> String {
    format!("\"{version}\"")
}

/// The tag of a version of an appointment.
pub fn of_appointment(version: AppointmentVersion) -> String {
    format!("\"{}.{}\"", version.day, version.version)
}

/// What the caller insists on, until somebody has looked at it.
#[derive(Debug, Default)]
pub struct Precondition(Option<HeaderValue>);

impl Precondition {
    /// Reads `If-Match`.
    ///
    /// # Errors
    /// `malformed-request` when it is no tag or names several, or when there is an `If-None-Match`, which only reads take: ignoring
    /// it would break what it promises.
    pub fn read(headers: &HeaderMap) -> Result<Self, Problem> {
        if headers.contains_key(header::IF_NONE_MATCH) {
            return Err(malformed("If-None-Match is not supported here."));
        }
        let given = single(headers, &header::IF_MATCH)?;
        if given.is_some_and(|value| value.as_bytes().contains(&b',')) {
            return Err(malformed("If-Match takes one entity tag here."));
        }
        if given.is_some_and(|value| !is_tag(value)) {
            return Err(malformed(
                "If-Match takes an entity tag, in quotes as it was given, or *.",
            ));
        }
        Ok(Self(given.cloned()))
    }

    /// The version that it insists on; `None` when it is missing or `*`.
    ///
    /// # Errors
    /// `precondition-failed` when no version has this tag.
    pub fn version(&mut self) -> Result<Option<u64>, Problem> {
        self.take(|tag| tag.parse().ok(), |version| of_version(*version))
    }

    /// The version of an appointment that it insists on; `None` when it is missing or `*`.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub fn appointment(&mut self) -> Result<Option<AppointmentVersion>, Problem> {
        let parse = |tag: &str| {
            let (day, version) = tag.split_once('.')?;
            Some(AppointmentVersion {
                day: day.parse().ok()?,
                version: version.parse().ok()?,
            })
        };
        self.take(parse, |version| of_appointment(*version))
    }

    /// A tag matches only as we write it: the comparison is of characters (RFC 9110, 8.8.3.2), and a weak tag never
    /// matches where a strong comparison is due (13.1.1).
    fn take<V>(
        &mut self,
        parse: impl Fn(&str) -> Option<V>,
        write: impl Fn(&V) -> String,
    ) -> Result<Option<V>, Problem> {
        let Some(value) = self.0.take() else { return Ok(None) };
        let text = value.to_str().unwrap_or_default().trim();
        if text == "*" {
            return Ok(None);
        }
        let tag = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        let version = tag.and_then(parse).filter(|version| write(version) == text);
        version
            .map(Some)
            .ok_or_else(|| Problem::new(ProblemKind::PreconditionFailed))
    }

    /// Refuses a precondition that nobody has looked at, for there is nothing to compare it with: ignoring it would break
    /// what it promises.
    ///
    /// # Errors
    /// `malformed-request` when there is one.
    pub fn refuse_unread(&self) -> Result<(), Problem> {
        match self.0 {
            None => Ok(()),
            Some(_) => Err(malformed("If-Match is not supported here.")),
        }
    }
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

    fn precondition(values: &[&str]) -> Result<Precondition, Problem> {
        let request = values.iter().fold(TestRequest::default(), |request, value| {
            request.append_header((header::IF_MATCH, *value))
        });
        Precondition::read(request.to_http_request().headers())
    }

    fn version(value: &str) -> Result<Option<u64>, Problem> {
        precondition(&[value])?.version()
    }

    #[test]
    fn a_tag_reads_back() {
        assert_eq!(version(&of_version(7)).unwrap(), Some(7));
        let appointment = AppointmentVersion {
            day: NaiveDate::from_ymd_opt(2026, 3, 1).unwrap(),
            version: 4,
        };
        let mut given = precondition(&[&of_appointment(appointment)]).unwrap();
        assert_eq!(given.appointment().unwrap(), Some(appointment));
    }

    #[test]
    fn no_header_and_a_star_insist_on_nothing() {
        assert_eq!(precondition(&[]).unwrap().version().unwrap(), None);
        assert_eq!(version("*").unwrap(), None);
    }

    #[test]
    fn a_tag_that_is_not_ours_never_matches() {
        for value in [
            "W/\"7\"",
            "\"seven\"",
            "\"\"",
            "\"+7\"",
            "\"07\"",
            "\"2026-03-01.4\"",
            "\"ü\"",
        ] {
            let refused = version(value).unwrap_err();
            assert_eq!(refused.kind(), ProblemKind::PreconditionFailed, "{value}");
        }
        for value in ["\"7\"", "\"2026-3-1.4\"", "\"2026-03-01.+4\"", "\"2026-03-01.\""] {
            let refused = precondition(&[value]).unwrap().appointment().unwrap_err();
            assert_eq!(refused.kind(), ProblemKind::PreconditionFailed, "{value}");
        }
    }

    #[test]
    fn what_is_no_tag_is_refused() {
        for value in ["7", "", "\"", "\"7", "W/7", "\"7\"8\""] {
            let refused = precondition(&[value]).unwrap_err();
            assert_eq!(refused.kind(), ProblemKind::MalformedRequest, "{value}");
        }
    }

    #[test]
    fn several_tags_are_refused_whether_in_one_line_or_in_two() {
        for values in [&["\"6\", \"7\""][..], &["\"6\"", "\"7\""]] {
            let refused = precondition(values).unwrap_err();
            assert_eq!(refused.kind(), ProblemKind::MalformedRequest, "{values:?}");
        }
    }

    #[test]
    fn a_precondition_that_nobody_looks_at_is_refused() {
        let mut given = precondition(&["*"]).unwrap();
        assert!(given.refuse_unread().is_err());
        given.version().unwrap();
        assert!(given.refuse_unread().is_ok());
        assert!(precondition(&[]).unwrap().refuse_unread().is_ok());
        let request = TestRequest::default()
            .insert_header((header::IF_NONE_MATCH, "*"))
            .to_http_request();
        assert!(Precondition::read(request.headers()).is_err());
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
