//! Reads JSON bodies, and says precisely what is wrong with them without repeating what they hold.

use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use super::problem::{BadBody, FieldError};
use super::strict_serde::ByName;

/// The longest key that is taken for the name of a field.
const LONGEST_NAME: usize = 32;

/// Reads a body.
///
/// # Errors
/// [`BadBody::Malformed`] when it is no JSON, [`BadBody::Invalid`] with a JSON pointer when it does not have the documented shape.
pub fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, BadBody> {
    // Looked at first: what reads the shape calls some wrong types a mistake of syntax.
    check_syntax(body)?;
    let mut reader = serde_json::Deserializer::from_slice(body);
    serde_path_to_error::deserialize(ByName(&mut reader)).map_err(|error| {
        let found = error.inner();
        if is_no_text(found) {
            stopped(found)
        } else {
            BadBody::Invalid(vec![FieldError {
                pointer: pointer(error.path(), body),
                detail: expectation(&found.to_string()),
            }])
        }
    })
}

/// Whether a string stands for no text, such as half a surrogate pair, which only shows when it is read.
fn is_no_text(error: &serde_json::Error) -> bool {
    let said = error.to_string();
    ["hex escape", "unicode code point"]
        .iter()
        .any(|flaw| said.contains(flaw))
}

fn stopped(error: &serde_json::Error) -> BadBody {
    let (line, column) = (error.line(), error.column());
    BadBody::Malformed(format!("Reading stopped at line {line}, column {column}."))
}

fn check_syntax(body: &[u8]) -> Result<(), BadBody> {
    let text = std::str::from_utf8(body).map_err(|error| {
        let at = error.valid_up_to();
        BadBody::Malformed(format!("It is not UTF-8 from byte {at} on."))
    })?;
    let read: Result<IgnoredAny, _> = serde_json::from_str(text);
    read.map(drop).map_err(|error| stopped(&error))
}

/// Where something is wrong: it ends at what the body has. A key that is no name of a field may be anything, a patient's name for one:
/// the pointer then ends before it.
fn pointer(path: &Path, body: &[u8]) -> String {
    // Without it, for it is nested too deeply, the path is believed.
    let body: Option<Value> = serde_json::from_slice(body).ok();
    let (mut pointer, mut here) = (String::new(), body.as_ref());
    for segment in path.iter() {
        let (step, next) = match segment {
            Segment::Seq { index } => (index.to_string(), here.and_then(|here| here.get(index))),
            Segment::Map { key: name } if is_name(name) => (name.clone(), here.and_then(|here| here.get(name))),
            Segment::Map { .. } => break,
            // No enum has anything in it.
            Segment::Enum { .. } | Segment::Unknown => continue,
        };
        if here.is_some() && next.is_none() {
            break;
        }
        here = next;
        pointer.push('/');
        pointer.push_str(&step);
    }
    pointer
}

/// Whether it looks like the name of a field: such a name stands in a JSON pointer as it is.
pub fn is_name(key: &str) -> bool {
    (1..=LONGEST_NAME).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Keeps of serde's message what it must be, in words of this interface, and drops what was found, which are the caller's.
pub fn expectation(message: &str) -> String {
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    let expected = message
        .rsplit_once(", expected ")
        .map(|(_, expected)| expected)
        .or_else(|| message.strip_prefix("expected "));
    if message.starts_with("unknown field ") {
        return match expected {
            Some(known) => format!("is not known here; it must be {}", in_words(known)),
            None => "is not known here".to_owned(),
        };
    }
    if message.starts_with("missing field ") || message.starts_with("duplicate field ") {
        return message.replace('`', "\"");
    }
    // What our own types say. They do not quote what they read.
    if message.starts_with("must ") {
        return message.to_owned();
    }
    if message.starts_with("UUID parsing failed") {
        return format!("must be {UUID}");
    }
    if let Some(expected) = expected {
        return format!("must be {}", in_words(expected));
    }
    // What Rust says of a text that should be a number.
    if message.contains("digit") || message.contains("integer") || message.starts_with("number too ") {
        return format!("must be {WHOLE_NUMBER}");
    }
    "is not as documented".to_owned()
}

const WHOLE_NUMBER: &str = "a whole number, neither negative nor too large";
const UUID: &str = "a UUID, such as 3fa85f64-5717-4562-b3fc-2c963f66afa6";

/// What serde calls by the words of Rust.
fn in_words(expected: &str) -> String {
    let words = match expected {
        "u8" | "u16" | "u32" | "u64" => WHOLE_NUMBER,
        "i8" | "i16" | "i32" | "i64" => "a whole number",
        "f32" | "f64" => "a number",
        "a string" | "string" | "str" | "a borrowed string" | "a character" => "a text",
        "a boolean" => "true or false",
        "a sequence" | "an array" => "a list",
        "a map" => "an object",
        "a formatted UUID string" => UUID,
        _ if expected.starts_with("struct ") => "an object",
        ours => return ours.replace('`', "\""),
    };
    words.to_owned()
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
        #[serde(default)]
        id: Option<uuid::Uuid>,
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
        Rare,
    }

    fn errors(body: &str) -> (u16, Vec<(String, String)>) {
        let found = |error: FieldError| (error.pointer, error.detail);
        match read::<Outer>(body.as_bytes()).unwrap_err() {
            BadBody::Malformed(_) => (400, Vec::new()),
            BadBody::Invalid(errors) => (422, errors.into_iter().map(found).collect()),
        }
    }

    #[test]
    fn a_mistake_is_pointed_at() {
        let (status, errors) = errors(r#"{"inner":[{"count":1,"kind":"plain"},{"count":"cancer","kind":"plain"}]}"#);
        assert_eq!(status, 422);
        assert_eq!(
            errors,
            [("/inner/1/count".to_owned(), format!("must be {WHOLE_NUMBER}"))]
        );
    }

    #[test]
    fn a_whole_number_is_an_integer_however_it_is_written() {
        for number in ["20", "20.0", "2e1", "200E-1"] {
            let body = format!("{{\"inner\":[{{\"count\":{number},\"kind\":\"plain\"}}]}}");
            assert_eq!(read::<Outer>(body.as_bytes()).unwrap().inner[0].count, 20, "{number}");
        }
        for number in ["20.5", "-1.0", "1e300", "4294967296.0", "\"20\"", "true"] {
            let (status, errors) = errors(&format!("{{\"inner\":[{{\"count\":{number},\"kind\":\"plain\"}}]}}"));
            let expected = [("/inner/0/count".to_owned(), format!("must be {WHOLE_NUMBER}"))];
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
            let (_, errors) = errors(body);
            assert!(!format!("{errors:?}").contains("cancer"), "{errors:?}");
        }
    }

    #[test]
    fn an_unknown_field_is_refused() {
        let (status, errors) = errors(r#"{"inner":[],"extra":1}"#);
        assert_eq!(status, 422);
        assert_eq!(errors[0].0, "/extra");
    }

    #[test]
    fn a_key_that_is_no_name_of_a_field_is_not_repeated() {
        for key in ["Okafor, Ada", "", "a/b", "~", "ß", "\\u0000", &"x".repeat(33)] {
            let (status, errors) = errors(&format!("{{\"inner\":[],\"{key}\":1}}"));
            assert_eq!((status, errors[0].0.as_str()), (422, ""), "{key}");
        }
        let (_, errors) = errors(r#"{"inner":[{"count":1,"kind":"plain","born in":1}]}"#);
        assert_eq!(errors[0].0, "/inner/0");
    }

    #[test]
    fn a_field_that_is_given_twice_is_refused() {
        let (status, errors) = errors(r#"{"inner":[],"inner":[]}"#);
        assert_eq!(status, 422);
        assert_eq!(errors[0].1, "duplicate field \"inner\"");
    }

    #[test]
    fn nesting_has_an_end() {
        let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
        for (begin, end) in [("{\"inner\":", "}"), ("{\"inner\":[{\"count\":", "}]}")] {
            assert_eq!(errors(&format!("{begin}{open}")).0, 400);
            assert_eq!(errors(&format!("{begin}{open}{close}{end}")).0, 422);
        }
    }

    #[test]
    fn an_array_is_no_object_even_with_everything_in_order() {
        for (body, pointer) in [
            (r#"[[{"count":1,"kind":"plain"}]]"#, ""),
            (r#"{"inner":[{"count":1,"kind":"plain"},[1,"plain"]]}"#, "/inner/1"),
            (r#"{"inner":[],"last":[1,"plain"]}"#, "/last"),
        ] {
            let (status, errors) = errors(body);
            assert_eq!((status, errors[0].0.as_str()), (422, pointer), "{body}");
        }
        let whole = r#"{"inner":[{"count":1,"kind":"plain"}],"last":{"count":2,"kind":"plain"}}"#;
        assert!(read::<Outer>(whole.as_bytes()).is_ok());
        assert!(read::<Outer>(br#"{"inner":[],"last":null}"#).is_ok());
    }

    #[test]
    fn a_missing_field_is_named() {
        let (_, errors) = errors(r#"{"inner":[{"kind":"plain"}]}"#);
        assert_eq!(errors, [("/inner/0".to_owned(), "missing field \"count\"".to_owned())]);
    }

    #[test]
    fn broken_json_says_where_it_breaks() {
        for body in [
            "",
            "{",
            r#"{"inner":[}"#,
            r#"{"inner":[]} x"#,
            r#"{"inner":5,"#,
            r#"{"inner":nul}"#,
        ] {
            assert_eq!(errors(body).0, 400, "{body}");
        }
        let no_utf8 = read::<Outer>(b"\"\xff\"");
        assert!(matches!(no_utf8, Err(BadBody::Malformed(_))));
    }

    #[test]
    fn an_enum_is_one_of_its_texts_and_nothing_else() {
        assert!(read::<Outer>(br#"{"inner":[{"count":1,"kind":"rare"}]}"#).is_ok());
        for wrong in [
            "null",
            "5",
            "-1.5",
            "true",
            "[]",
            "{}",
            r#""Rare""#,
            r#""x, expected cancer""#,
            r#"{"plain":null}"#,
            r#"{"plain":1}"#,
            r#"{"plain":{}}"#,
            r#"["plain"]"#,
        ] {
            let found = errors(&format!("{{\"inner\":[{{\"count\":1,\"kind\":{wrong}}}]}}"));
            let expected = (
                "/inner/0/kind".to_owned(),
                "must be one of \"plain\", \"rare\"".to_owned(),
            );
            assert_eq!(found, (422, vec![expected]), "{wrong}");
        }
    }

    #[test]
    fn an_id_is_a_uuid() {
        for wrong in ["5", "[]", "{}", r#""cancer""#, r#""""#] {
            let found = errors(&format!("{{\"inner\":[],\"id\":{wrong}}}"));
            assert_eq!(
                found,
                (422, vec![("/id".to_owned(), format!("must be {UUID}"))]),
                "{wrong}"
            );
        }
    }

    #[test]
    fn nothing_is_said_in_the_words_of_rust() {
        for body in [
            "[]",
            "5",
            r#"{"inner":5}"#,
            r#"{"inner":[5]}"#,
            r#"{"inner":[{"count":"x"}]}"#,
            r#"{"inner":[],"id":5}"#,
            r#"{"inner":[],"extra":5}"#,
        ] {
            let (_, errors) = errors(body);
            for word in ["struct", "enum", "u32", "sequence", "map", "variant", "Outer", "`"] {
                assert!(!errors[0].1.contains(word), "{body}: {errors:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read::<Outer>(&body);
        }
    }
}
