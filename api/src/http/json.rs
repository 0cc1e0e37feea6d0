//! Reads JSON bodies, and says precisely what is wrong with them without repeating what they hold.

use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};

use super::problem::{Problem, ProblemKind};

/// Reads a body.
///
/// # Errors
/// `malformed-json` when it is no JSON, `invalid` with a JSON pointer when it does not have the documented shape.
pub fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let pointer = pointer(error.path());
        wrong(&pointer, error.inner())
    })?;
    reader.end().map_err(|error| wrong("", &error))?;
    Ok(value)
}

fn wrong(pointer: &str, error: &serde_json::Error) -> Problem {
    if error.is_data() {
        Problem::invalid(pointer, expectation(&error.to_string()))
    } else {
        let place = format!("Reading stopped at line {}, column {}.", error.line(), error.column());
        Problem::new(ProblemKind::MalformedJson).detail(place)
    }
}

fn pointer(path: &Path) -> String {
    path.iter().fold(String::new(), |mut pointer, segment| {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => pointer.push_str(&format!("/{}", escaped(key))),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
        pointer
    })
}

/// A key as a step of a JSON pointer (RFC 6901).
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Keeps of serde's message what was expected, which are our words, and drops what was found, which are the caller's.
pub(super) fn expectation(message: &str) -> String {
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    if let Some((_, expected)) = message.rsplit_once(", expected ") {
        return format!("expected {expected}");
    }
    if message.starts_with("unknown field") || message.starts_with("unknown variant") {
        return "is not known here".to_owned();
    }
    let ours = ["expected ", "missing field ", "duplicate field "];
    if ours.iter().any(|prefix| message.starts_with(prefix)) {
        return message.replace('`', "\"");
    }
    "is not as documented".to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape is used")]
    struct Outer {
        inner: Vec<Inner>,
    }

    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape is used")]
    struct Inner {
        count: u32,
        kind: Kind,
    }

    #[derive(Deserialize, Debug)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Plain,
    }

    fn findings(body: &str) -> (u16, Vec<(String, String)>) {
        let body = read::<Outer>(body.as_bytes()).unwrap_err().body();
        (
            body.status,
            body.errors
                .into_iter()
                .map(|error| (error.pointer, error.detail))
                .collect(),
        )
    }

    #[test]
    fn a_mistake_is_pointed_at() {
        let (status, errors) = findings(r#"{"inner":[{"count":1,"kind":"plain"},{"count":"cancer","kind":"plain"}]}"#);
        assert_eq!(status, 422);
        assert_eq!(errors, [("/inner/1/count".to_owned(), "expected u32".to_owned())]);
    }

    #[test]
    fn what_was_sent_is_not_repeated() {
        for body in [
            r#"{"inner":[{"count":"cancer","kind":"plain"}]}"#,
            r#"{"inner":[{"count":1,"kind":"cancer"}]}"#,
            r#"{"inner":"cancer"}"#,
            r#""cancer""#,
            r#"{"inner":[{"count":"x, expected cancer","kind":"plain"}]}"#,
            r#"{"inner":[{"count":1,"kind":"x`, expected cancer at line 1"}]}"#,
        ] {
            let (_, errors) = findings(body);
            assert!(!format!("{errors:?}").contains("cancer"), "{errors:?}");
        }
    }

    #[test]
    fn an_unknown_field_is_refused() {
        let (status, errors) = findings(r#"{"inner":[],"extra":1}"#);
        assert_eq!(status, 422);
        assert_eq!(errors[0].0, "/extra");
    }

    #[test]
    fn a_missing_field_is_named() {
        let (_, errors) = findings(r#"{"inner":[{"kind":"plain"}]}"#);
        assert_eq!(errors, [("/inner/0".to_owned(), "missing field \"count\"".to_owned())]);
    }

    #[test]
    fn broken_json_says_where_it_breaks() {
        for body in ["", "{", r#"{"inner":[}"#, r#"{"inner":[]} x"#] {
            assert_eq!(findings(body).0, 400, "{body}");
        }
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read::<Outer>(&body);
        }
    }
}
