//! The document as YAML that every reader understands alike: a text that some version of YAML would take for a number, a
//! day or a truth value stands in quotes.

use serde::Serialize;

/// Writes it.
///
/// # Errors
/// When it cannot be written, which is a mistake in a schema.
pub(super) fn write<T: Serialize>(document: &T) -> Result<String, impl std::error::Error + use<T>> {
    let options = serde_saphyr::ser_options! { folded_wrap_chars: 120 };
    serde_saphyr::to_string_with_options(document, options)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_that_looks_like_something_else_stands_in_quotes() {
        for text in [
            "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
            "2026-03-01",
            "2026-03-01T08:00:00Z",
            "12:30",
            "4711",
            "1e3",
            "yes",
            "null",
            "~",
        ] {
            let written = write(&json!({ "example": text })).unwrap();
            let (single, double) = (format!("example: '{text}'\n"), format!("example: \"{text}\"\n"));
            assert!(written == single || written == double, "{written}");
        }
    }
}
