//! One list of a chart while it is mapped: its findings, and what is said instead of them.

use domain::chart::Findings;

use super::Remarks;
use crate::negations::Said;
use Said::{NoneKnown, NoneKnownOfOther, NoneKnownTo, NotAsked, Unclear, Unknown, Withheld};

/// A list of a chart, in the making.
pub(super) struct ListBuilder<T> {
    list: Vec<T>,
    said: Option<Said>,
}

impl<T> Default for ListBuilder<T> {
    fn default() -> Self {
        Self {
            list: Vec::new(),
            said: None,
        }
    }
}

impl<T> ListBuilder<T> {
    pub(super) fn add(&mut self, found: Option<T>) {
        self.list.extend(found);
    }

    /// Takes what is said for what it is, and remarks on it. That none are known outweighs that nobody knows.
    pub(super) fn take_statement(&mut self, said: Said, remarks: &mut Remarks<'_>) {
        match said {
            NoneKnown => remarks.passed_over("says that none are known, and is no finding"),
            NoneKnownTo(_) | NoneKnownOfOther => {
                return remarks.left_out(
                    "says that none of something are known for which a record has no word, and is no finding",
                );
            }
            Unknown => remarks.passed_over("says that it is not known, and is no finding"),
            NotAsked => return remarks.passed_over("says that nobody has asked, and is no finding"),
            Withheld => {
                return remarks.left_out("does not tell what it is, though there is something, and is not recorded");
            }
            Unclear => {
                return remarks.left_out(
                    "says that there is none and names something beside it: which of both is so cannot be told, and neither is recorded",
                );
            }
        }
        if self.said != Some(NoneKnown) {
            self.said = Some(if said == Unknown {
                self.said.unwrap_or(Unknown)
            } else {
                NoneKnown
            });
        }
    }

    /// What is known, at most so many, if that is not seen to later. Findings outweigh what is said; it contradicts those that are still
    /// active.
    pub(super) fn build(
        mut self,
        most: Option<usize>,
        is_active: impl Fn(&T) -> bool,
        remarks: &mut Remarks<'_>,
    ) -> Findings<T> {
        if let Some(most) = most {
            for _ in most..self.list.len() {
                remarks.left_out(format!("is one of more than {most} of the patient, and has no place"));
            }
            self.list.truncate(most);
        }
        if self.said.is_some() && self.list.iter().any(is_active) {
            remarks.changed("some are known beside the word that none are, and the findings are kept");
        }
        match self.said {
            _ if !self.list.is_empty() => Findings::Known(self.list),
            Some(Unknown) => Findings::Unknown,
            Some(_) => Findings::NoneKnown,
            None => Findings::NotAsked,
        }
    }
}
