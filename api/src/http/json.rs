//! Reads JSON bodies, and says precisely what is wrong with them without repeating what they hold.

use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};

use super::by_name::ByName;
use super::problem::{Problem, ProblemKind};

/// The longest key that is taken for the name of a field.
const LONGEST_NAME: usize = 32;

/// Reads a body.
///
/// # Errors
/// `malformed-json` when it is no JSON, `invalid` with a JSON pointer when it does not have the documented shape.
pub fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(ByName(&mut reader)).map_err(|error| {
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

/// Where something is wrong. A key that is no name of a field may be anything, a patient's name for one: the pointer then
/// ends before it.
fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path.iter() {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } if is_name(key) => pointer.push_str(&format!("/{key}")),
            Segment::Map { .. } => break,
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

/// Whether it looks like the name of a field: such a name stands in a JSON pointer as it is.
fn is_name(key: &str) -> bool {
    (1..=LONGEST_NAME).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
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
        #[serde(default)]
        last: Option<Inner>,
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
    fn a_whole_number_is_an_integer_however_it_is_written() {
        for number in ["20", "20.0", "2e1", "200E-1"] {
            let body = format!("{{\"inner\":[{{\"count\":{number},\"kind\":\"plain\"}}]}}");
            assert_eq!(read::<Outer>(body.as_bytes()).unwrap().inner[0].count, 20, "{number}");
        }
        for number in ["20.5", "-1.0", "1e300", "4294967296.0", "\"20\"", "true"] {
            let (status, errors) = findings(&format!("{{\"inner\":[{{\"count\":{number},\"kind\":\"plain\"}}]}}"));
            let expected = [("/inner/0/count".to_owned(), "expected u32".to_owned())];
            assert_eq!((status, errors.as_slice()), (422, &expected[..]), "{number}");
        }
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
    fn a_key_that_is_no_name_of_a_field_is_not_repeated() {
        for key in ["Okafor, Ada", "", "a/b", "~", "ß", "\\u0000", &"x".repeat(33)] {
            let (status, errors) = findings(&format!("{{\"inner\":[],\"{key}\":1}}"));
            assert_eq!((status, errors[0].0.as_str()), (422, ""), "{key}");
        }
        let (_, errors) = findings(r#"{"inner":[{"count":1,"kind":"plain","born in":1}]}"#);
        assert_eq!(errors[0].0, "/inner/0");
    }

    #[test]
    fn a_field_that_is_given_twice_is_refused() {
        let (status, errors) = findings(r#"{"inner":[],"inner":[]}"#);
        assert_eq!(status, 422);
        assert_eq!(errors[0].1, "duplicate field \"inner\"");
    }

    #[test]
    fn nesting_has_an_end() {
        let deep = format!("{{\"inner\":{}", "[".repeat(100_000));
        assert_eq!(findings(&deep).0, 422);
        let deep = format!("{{\"inner\":[{{\"count\":{}", "[".repeat(100_000));
        assert_eq!(findings(&deep).0, 422);
    }

    #[test]
    fn an_array_is_no_object_even_with_everything_in_order() {
        for (body, pointer) in [
            (r#"[[{"count":1,"kind":"plain"}]]"#, ""),
            (r#"{"inner":[{"count":1,"kind":"plain"},[1,"plain"]]}"#, "/inner/1"),
            (r#"{"inner":[],"last":[1,"plain"]}"#, "/last"),
        ] {
            let (status, errors) = findings(body);
            assert_eq!((status, errors[0].0.as_str()), (422, pointer), "{body}");
        }
        let whole = r#"{"inner":[{"count":1,"kind":"plain"}],"last":{"count":2,"kind":"plain"}}"#;
        assert!(read::<Outer>(whole.as_bytes()).is_ok());
        assert!(read::<Outer>(br#"{"inner":[],"last":null}"#).is_ok());
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
