//! Checks what came in and gathers what is wrong with it.

use crate::http::problem::{Finding, Problem};

/// Where we are in the body, and what was found wrong so far.
#[derive(Debug, Default)]
pub struct Checks {
    at: String,
    findings: Vec<Finding>,
}

/// Something that comes in and becomes a value of the domain.
pub trait Checked {
    /// The domain's type.
    type Domain;

    /// Converts it. What is wrong goes to `checks`; the value is then not used.
    fn check(self, checks: &mut Checks) -> Self::Domain;
}

/// Converts what came in.
///
/// # Errors
/// `invalid`, with everything that is wrong.
pub fn checked<T: Checked>(body: T) -> Result<T::Domain, Problem> {
    let mut checks = Checks::default();
    let value = body.check(&mut checks);
    if checks.findings.is_empty() {
        Ok(value)
    } else {
        Err(Problem::findings(checks.findings))
    }
}

impl Checks {
    /// Something here is wrong.
    pub fn wrong(&mut self, detail: impl Into<String>) {
        self.findings.push(Finding {
            pointer: self.at.clone(),
            detail: detail.into(),
        });
    }

    /// Checks what stands one step further in.
    pub fn within<T>(&mut self, step: &str, check: impl FnOnce(&mut Self) -> T) -> T {
        let here = self.at.len();
        self.at.push('/');
        self.at.push_str(step);
        let checked = check(self);
        self.at.truncate(here);
        checked
    }

    /// Checks a field.
    pub fn field<T: Checked>(&mut self, step: &str, value: T) -> T::Domain {
        self.within(step, |checks| value.check(checks))
    }

    /// Checks a field that may be missing.
    pub fn optional<T: Checked>(&mut self, step: &str, value: Option<T>) -> Option<T::Domain> {
        value.map(|value| self.field(step, value))
    }

    /// Checks a list.
    pub fn list<T: Checked>(&mut self, step: &str, values: Vec<T>, most: usize) -> Vec<T::Domain> {
        self.within(step, |checks| {
            if values.len() > most {
                checks.wrong(format!("must have at most {most} items"));
                return Vec::new();
            }
            let items = values.into_iter().enumerate();
            items
                .map(|(index, value)| checks.field(&index.to_string(), value))
                .collect()
        })
    }

    /// Checks a text of one line: something to see, not too long, nothing that controls how it is shown.
    pub fn text(&mut self, step: &str, value: String, most: usize) -> String {
        let forbidden = |c| controls(c) || matches!(c, '\u{2028}' | '\u{2029}');
        self.characters(
            step,
            &value,
            most,
            forbidden,
            "must be one line without control characters",
        );
        value
    }

    /// Checks a text that may have lines.
    pub fn prose(&mut self, step: &str, value: String, most: usize) -> String {
        let forbidden = |c| controls(c) && !matches!(c, '\n' | '\r' | '\t');
        self.characters(step, &value, most, forbidden, "must be without control characters");
        value
    }

    fn characters(&mut self, step: &str, value: &str, most: usize, forbidden: impl Fn(char) -> bool, else_say: &str) {
        self.within(step, |checks| {
            if value.chars().all(is_unseen) {
                checks.wrong("must not be empty");
            } else if value.chars().count() > most {
                checks.wrong(format!("must have at most {most} characters"));
            } else if value.contains(forbidden) {
                checks.wrong(else_say);
            }
        });
    }

    /// Checks a list of texts of one line.
    pub fn texts(&mut self, step: &str, values: Vec<String>, most: usize, longest: usize) -> Vec<String> {
        self.within(step, |checks| {
            if values.len() > most {
                checks.wrong(format!("must have at most {most} items"));
            }
            let items = values.into_iter().enumerate();
            items
                .map(|(index, value)| checks.text(&index.to_string(), value, longest))
                .collect()
        })
    }
}

/// Whether a character leaves nothing to see: a name of these alone is none.
const fn is_unseen(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{3164}' | '\u{feff}')
}

/// Whether a character controls what others look like, or is none at all. With those that reverse the direction of a line,
/// `50` can be shown as `05` (UTS 55); isolates and marks, which languages need, are not among them.
fn controls(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{fdd0}'..='\u{fdef}') || (c as u32) & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Name(String);

    impl Checked for Name {
        type Domain = String;

        fn check(self, checks: &mut Checks) -> String {
            checks.text("name", self.0, 3)
        }
    }

    struct Names(Vec<Name>);

    impl Checked for Names {
        type Domain = Vec<String>;

        fn check(self, checks: &mut Checks) -> Vec<String> {
            checks.list("names", self.0, 3)
        }
    }

    #[test]
    fn everything_wrong_is_said_at_its_place() {
        let names = ["ok", "long", " "].map(|name| Name(name.to_owned()));
        let findings = checked(Names(names.into())).unwrap_err().body().errors;
        let found: Vec<_> = findings.iter().map(|finding| finding.pointer.as_str()).collect();
        assert_eq!(found, ["/names/1/name", "/names/2/name"]);
    }

    #[test]
    fn a_text_has_something_to_see_and_nothing_that_changes_how_it_looks() {
        let accepted = |text: &str| {
            let (mut line, mut prose) = (Checks::default(), Checks::default());
            line.text("", text.to_owned(), 100);
            prose.prose("", text.to_owned(), 100);
            (line.findings.is_empty(), prose.findings.is_empty())
        };
        for text in [
            "Ada",
            "O'Brien-Núñez",
            "李小龍",
            "علی\u{200c}رضا",
            "👩\u{200d}🔬",
            "\u{2067}עדה\u{2069}",
        ] {
            assert_eq!(accepted(text), (true, true), "{text}");
        }
        for text in ["two\nlines", "a\ttab", "two\u{2028}lines"] {
            assert_eq!(accepted(text), (false, true), "{text:?}");
        }
        for text in [
            "",
            " ",
            "\u{200b}",
            "\u{feff}\u{2060}",
            "a\0b",
            "a\u{1b}[31m",
            "5\u{202e}0",
            "a\u{fdd0}",
            "a\u{ffff}",
        ] {
            assert_eq!(accepted(text), (false, false), "{text:?}");
        }
    }

    #[test]
    fn what_is_right_passes() {
        assert_eq!(checked(Name("ok".into())).unwrap(), "ok");
    }
}
