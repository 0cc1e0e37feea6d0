//! Checks what came in and gathers what is wrong with it.

use domain::kernel::TextRule;

use crate::problem::{BadBody, FieldError};

/// Where we are in the body, and what was found wrong so far.
#[derive(Debug, Default)]
pub struct Checks {
    at: String,
    errors: Vec<FieldError>,
}

/// Something that comes in and becomes a value of the domain.
pub trait Checked {
    /// The domain's type.
    type Domain;

    /// Whether a request may leave the body out: it then says what an empty object does. For those that change something by
    /// what they leave out that would be an accident.
    const MAY_BE_MISSING: bool = false;

    /// How many times the longest body of a request this one may be long (`http.body_limit`).
    const BODIES: usize = 1;

    /// Converts it. What is wrong goes to `checks`; the value is then not used.
    fn check(self, checks: &mut Checks) -> Self::Domain;
}

/// Converts what came in.
///
/// # Errors
/// [`BadBody::Invalid`], with everything that is wrong.
pub fn checked<T: Checked>(body: T) -> Result<T::Domain, BadBody> {
    let mut checks = Checks::default();
    let value = body.check(&mut checks);
    if checks.errors.is_empty() {
        Ok(value)
    } else {
        Err(BadBody::Invalid(checks.errors))
    }
}

impl Checks {
    /// Something here is wrong.
    pub fn wrong(&mut self, detail: impl Into<String>) {
        self.errors.push(FieldError {
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

    /// Checks a list in which nothing stands twice.
    pub fn set<T: Checked<Domain: PartialEq>>(&mut self, step: &str, values: Vec<T>, most: usize) -> Vec<T::Domain> {
        let items = self.list(step, values, most);
        self.distinct(step, items, most)
    }

    /// Checks that in a list nothing stands twice, and not too much.
    pub fn distinct<T: PartialEq>(&mut self, step: &str, items: Vec<T>, most: usize) -> Vec<T> {
        self.within(step, |checks| {
            if items.len() > most {
                checks.wrong(format!("must have at most {most} items"));
            }
            for (index, item) in items.iter().enumerate().take(most) {
                if items.iter().take(index).any(|earlier| earlier == item) {
                    checks.within(&index.to_string(), |checks| checks.wrong("must not be given twice"));
                }
            }
        });
        items
    }

    /// Checks a text.
    pub fn fits(&mut self, step: &str, value: String, rule: TextRule) -> String {
        if let Some(flaw) = rule.flaw(&value) {
            self.within(step, |checks| checks.wrong(flaw.to_string()));
        }
        value
    }

    /// Checks a list of texts.
    pub fn texts(&mut self, step: &str, values: Vec<String>, most: usize, rule: TextRule) -> Vec<String> {
        self.within(step, |checks| {
            if values.len() > most {
                checks.wrong(format!("must have at most {most} items"));
            }
            let items = values.into_iter().enumerate();
            items
                .map(|(index, value)| checks.fits(&index.to_string(), value, rule))
                .collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use super::*;

    struct Name(String);

    impl Checked for Name {
        type Domain = String;

        fn check(self, checks: &mut Checks) -> String {
            checks.fits("name", self.0, TextRule::line(3))
        }
    }

    struct Names(Vec<Name>);

    impl Checked for Names {
        type Domain = Vec<String>;

        fn check(self, checks: &mut Checks) -> Vec<String> {
            checks.list("names", self.0, 3)
        }
    }

    fn errors<T: Checked<Domain: Debug>>(body: T) -> Vec<FieldError> {
        match checked(body) {
            Err(BadBody::Invalid(errors)) => errors,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn everything_wrong_is_said_at_its_place() {
        let names = ["ok", "long", " "].map(|name| Name(name.to_owned()));
        let errors = errors(Names(names.into()));
        let found: Vec<_> = errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(found, ["/names/1/name", "/names/2/name"]);
    }

    struct Distinct(Vec<Name>);

    impl Checked for Distinct {
        type Domain = Vec<String>;

        fn check(self, checks: &mut Checks) -> Vec<String> {
            checks.set("names", self.0, 5)
        }
    }

    #[test]
    fn what_stands_twice_is_pointed_at_every_time_but_the_first() {
        let names = |names: &[&str]| Distinct(names.iter().map(|name| Name((*name).to_owned())).collect());
        let errors = errors(names(&["a", "b", "a", "b", "a"]));
        let found: Vec<_> = errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(found, ["/names/2", "/names/3", "/names/4"]);
        assert_eq!(checked(names(&["a", "b"])).unwrap(), ["a", "b"]);
    }

    #[test]
    fn what_is_right_passes() {
        assert_eq!(checked(Name("ok".into())).unwrap(), "ok");
    }
}
