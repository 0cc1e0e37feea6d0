//! Which texts are taken, and how others are made to fit: one definition for who checks and who fits.
//!
//! A line that reverses its direction can show `50` as `05` (UTS 55); a name that nobody can see is none; two identifiers
//! that look alike must be alike. [`TextRule::flaw`] says what is wrong with a text, [`TextRule::fit`] makes of any text one
//! without a flaw, or nothing.

use std::borrow::Cow;

/// What a text may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TextRule {
    form: Form,
    most: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    Line,
    Prose,
    Token,
    Email,
}

/// What is wrong with a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Flaw {
    /// There is nothing in it to see.
    #[error("must not be empty")]
    Empty,
    /// It is too long.
    #[error("must have at most {most} characters")]
    TooLong {
        /// How many characters (Unicode scalar values) are taken.
        most: usize,
    },
    /// It holds a control character, or more than one line.
    #[error("must be one line without control characters")]
    NotOneLine,
    /// It holds a control character.
    #[error("must be without control characters")]
    Controls,
    /// It holds what nobody sees, or begins or ends with a space.
    #[error("must be without invisible characters, and must not begin or end with a space")]
    Invisible,
    /// It is no e-mail address.
    #[error("must be an e-mail address")]
    NotAnAddress,
}

impl TextRule {
    /// A family or given name.
    pub const NAME: Self = Self::line(200);
    /// A title before a name.
    pub const PREFIX: Self = Self::line(50);
    /// A part of a postal address.
    pub const ADDRESS: Self = Self::line(200);
    /// A telephone number.
    pub const PHONE: Self = Self::token(50);
    /// An e-mail address.
    pub const EMAIL: Self = Self {
        form: Form::Email,
        most: 254,
    };
    /// The system or the value of an identifier.
    pub const IDENTIFIER: Self = Self::token(500);
    /// The URI of a system of codes.
    pub const CODE_SYSTEM: Self = Self::token(500);
    /// A code.
    pub const CODE: Self = Self::token(100);
    /// What people read of a concept.
    pub const CONCEPT: Self = Self::line(1000);
    /// A symptom in the patient's own words.
    pub const SYMPTOM: Self = Self::prose(4000);
    /// A licence or degree.
    pub const CREDENTIAL: Self = Self::line(500);
    /// What an account is called.
    pub const ACCOUNT_NAME: Self = Self::line(200);
    /// What is looked for.
    pub const SEARCH: Self = Self::line(200);
    /// Why an appointment was called off.
    pub const CANCELLATION: Self = Self::prose(2000);
    /// Why a registrar or a hospital has decided as they did.
    pub const DECISION: Self = Self::prose(1000);
    /// Why a record was opened in an emergency, and why that was right.
    pub const EMERGENCY: Self = Self::prose(2000);
    /// What a case is called that an auditor examines.
    pub const CASE: Self = Self::token(64);
    /// The secret of an invitation.
    pub const INVITATION: Self = Self::line(100);

    /// One line of up to so many characters (Unicode scalar values): something to see, and nothing that controls how it is
    /// shown.
    pub const fn line(most: usize) -> Self {
        Self { form: Form::Line, most }
    }

    /// As a line, and it may have lines and tabs.
    pub const fn prose(most: usize) -> Self {
        Self {
            form: Form::Prose,
            most,
        }
    }

    /// A value that stands for something as a whole: as a line, and nothing in it is invisible. It is never cut, for a part
    /// of it stands for something else, or for nothing.
    pub const fn token(most: usize) -> Self {
        Self {
            form: Form::Token,
            most,
        }
    }

    /// What such a text is called.
    pub const fn form(self) -> &'static str {
        match self.form {
            Form::Line => "line",
            Form::Prose => "prose",
            Form::Token => "token",
            Form::Email => "email",
        }
    }

    /// How many characters (Unicode scalar values) are taken.
    pub const fn most(self) -> usize {
        self.most
    }

    /// What is wrong with a text. `None` when it is taken as it stands.
    pub fn flaw(self, text: &str) -> Option<Flaw> {
        if text.chars().all(is_unseen) {
            return Some(Flaw::Empty);
        }
        if text.chars().count() > self.most {
            return Some(Flaw::TooLong { most: self.most });
        }
        match self.form {
            Form::Prose => text
                .contains(|c| controls(c) && !is_layout(c))
                .then_some(Flaw::Controls),
            _ if text.contains(|c| controls(c) || is_separator(c)) => Some(Flaw::NotOneLine),
            Form::Line => None,
            Form::Token | Form::Email if text.trim() != text || text.contains(is_hidden) => Some(Flaw::Invisible),
            Form::Token => None,
            Form::Email => (!is_address(text)).then_some(Flaw::NotAnAddress),
        }
    }

    /// The text as it stands if it has no flaw, otherwise what is left of it without one: other white space becomes spaces,
    /// what controls how a text is shown is dropped, and a line or prose that is too long is cut. `None` when nothing is left
    /// that could stand for it.
    pub fn fit(self, text: &str) -> Option<Cow<'_, str>> {
        if self.flaw(text).is_none() {
            return Some(Cow::Borrowed(text));
        }
        let clean = self.clean(text);
        let fitted = match self.form {
            Form::Token | Form::Email => clean,
            Form::Line | Form::Prose => {
                let cut: String = clean.chars().take(self.most).collect();
                cut.trim_end_matches(is_unseen).to_owned()
            }
        };
        self.flaw(&fitted).is_none().then_some(Cow::Owned(fitted))
    }

    /// Without what is not taken, and without what nobody sees at both ends.
    fn clean(self, text: &str) -> String {
        let kept = |c: char| match self.form {
            Form::Prose if is_layout(c) => Some(c),
            _ if c.is_whitespace() => Some(' '),
            _ if controls(c) => None,
            Form::Token | Form::Email if is_hidden(c) => None,
            _ => Some(c),
        };
        let kept: String = text.chars().filter_map(kept).collect();
        let kept = kept.trim_matches(is_unseen);
        match self.form {
            Form::Prose => kept.to_owned(),
            _ => kept.split_whitespace().collect::<Vec<_>>().join(" "),
        }
    }
}

/// Whether a character leaves nothing to see: white space, the blank of Braille, and what Unicode calls
/// `Default_Ignorable_Code_Point`.
fn is_unseen(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{2800}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fff8}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Unseen, and not the space that people type.
fn is_hidden(c: char) -> bool {
    c != ' ' && is_unseen(c)
}

/// Whether a character controls what others look like, says something that nobody sees (tags), or is none at all. Isolates and marks,
/// which languages need, are not among them.
fn controls(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{fdd0}'..='\u{fdef}' | '\u{e0000}'..='\u{e007f}')
        || (c as u32) & 0xfffe == 0xfffe
}

const fn is_separator(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
}

const fn is_layout(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\t') || is_separator(c)
}

/// Whether it has the form of an address that mail is sent to. Names in quotes and hosts in brackets, which RFC 5321 knows, are nobody's.
fn is_address(text: &str) -> bool {
    let special = |c: char| c.is_whitespace() || "()<>[]:;,\\\"@".contains(c);
    let atom = |part: &str| !part.is_empty() && !part.contains(special);
    let label = |part: &str| {
        let inner = part.chars().all(|c| c.is_alphanumeric() || !c.is_ascii() || c == '-');
        !part.is_empty() && inner && !part.starts_with('-') && !part.ends_with('-')
    };
    let parts = text.split_once('@');
    parts.is_some_and(|(name, host)| name.split('.').all(atom) && host.split('.').all(label))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LINE: TextRule = TextRule::line(20);
    const PROSE: TextRule = TextRule::prose(20);
    const TOKEN: TextRule = TextRule::token(20);

    #[test]
    fn a_text_has_something_to_see_and_nothing_that_changes_how_it_looks() {
        let accepted = |text: &str| (LINE.flaw(text).is_none(), PROSE.flaw(text).is_none());
        for text in [
            "Ada",
            " Ada ",
            "O'Brien-Núñez",
            "Nun\u{303}ez",
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
            "\u{2067}\u{2069}",
            "\u{115f}\u{2800}",
            "a\0b",
            "a\u{1b}[31m",
            "5\u{202e}0",
            "a\u{fdd0}",
            "a\u{ffff}",
            "Ada\u{e0041}\u{e0064}",
            "this is longer than that",
        ] {
            assert_eq!(accepted(text), (false, false), "{text:?}");
        }
    }

    #[test]
    fn what_has_a_flaw_is_fitted() {
        for (rule, text, expected) in [
            (LINE, "Bidi\u{202e}evil", Some("Bidievil")),
            (LINE, "\u{202b}محمد\u{202c}", Some("محمد")),
            (LINE, "First line\u{2028}second", Some("First line second")),
            (LINE, "Tab\tbed", Some("Tab bed")),
            (LINE, "Nul\0led", Some("Nulled")),
            (LINE, "Nonchar\u{fdd0}", Some("Nonchar")),
            (LINE, "\u{200b}\u{200b}", None),
            (LINE, "\u{202a}\u{202c}", None),
            (LINE, "as long as a line gets, and more", Some("as long as a line ge")),
            (LINE, " Spaced ", Some(" Spaced ")),
            (PROSE, "one\u{b}two\nthree\0", Some("one two\nthree")),
            (TOKEN, "\u{202a}4711\u{202c}", Some("4711")),
            (TOKEN, " 47\u{a0}11 ", Some("47 11")),
            (TOKEN, "\u{200b}4711", Some("4711")),
            (TOKEN, "4711471147114711471147114711", None),
            (TextRule::EMAIL, "\u{200b}ada@example.org", Some("ada@example.org")),
            (TextRule::EMAIL, "ada@", None),
            (TextRule::EMAIL, "..@..", None),
            (TextRule::EMAIL, "a b@c.de", None),
            (TextRule::EMAIL, "a@-c.de", None),
            (TextRule::EMAIL, "a.b+c@mail.c-d.de", Some("a.b+c@mail.c-d.de")),
            (TextRule::EMAIL, "ada", None),
        ] {
            assert_eq!(rule.fit(text).as_deref(), expected, "{text:?}");
        }
    }

    /// Any text, rich in the characters that matter here.
    fn texts() -> impl Strategy<Value = String> {
        let special = prop::sample::select(vec![
            '\0', '\t', '\n', '\u{85}', '\u{2028}', '\u{202e}', '\u{2067}', '\u{200b}', '\u{fdd0}', '\u{ffff}',
            '\u{301}', ' ', '@', '\u{feff}',
        ]);
        let any_char = prop_oneof![3 => special, 2 => any::<char>(), 2 => prop::char::range('a', 'z')];
        prop::collection::vec(any_char, 0..60).prop_map(String::from_iter)
    }

    proptest! {
        #[test]
        fn what_is_fitted_is_taken_and_stays_as_it_is(text in texts(), most in 1_usize..40) {
            let email = TextRule { most, ..TextRule::EMAIL };
            for rule in [TextRule::line(most), TextRule::prose(most), TextRule::token(most), email] {
                let fitted = rule.fit(&text);
                if rule.flaw(&text).is_none() {
                    prop_assert_eq!(fitted.as_deref(), Some(text.as_str()));
                }
                if let Some(fitted) = fitted {
                    prop_assert_eq!(rule.flaw(&fitted), None);
                }
            }
        }

        #[test]
        fn a_character_never_costs_a_text(before in "[a-z]{1,9}", odd in any::<char>(), after in "[a-z]{1,9}") {
            let fitted = LINE.fit(&format!("{before}{odd}{after}")).unwrap().into_owned();
            prop_assert!(fitted.starts_with(&before) && fitted.ends_with(&after));
        }
    }
}
