//! What is said of a person who was recorded: what is not taken as it stands, for what the record has already, or has no room for.

use domain::chart::{ListKind, Remark};

use super::Recorded;
use crate::client::Change;
use crate::mapping::{Fate, Notes};
use crate::people::{NO_NEWER, SURPLUS_NAME, TOLD_OTHERWISE};

impl Recorded {
    /// Says what of a person is not taken as it stands. `path` is where the person stands.
    pub(crate) fn remark(&self, path: &str, notes: &mut Notes) {
        for (is_so, fate, why) in [
            (self.is_older, Fate::PassedOver, NO_NEWER),
            (
                self.is_partly_older,
                Fate::PassedOver,
                "tells details that were changed since, here or by a newer state: these stay",
            ),
            (self.is_told_otherwise, Fate::Changed, TOLD_OTHERWISE),
            (
                self.has_double,
                Fate::Changed,
                "has the id, the name and the day of birth of somebody who is registered under another number: both have a record now",
            ),
            (
                self.death_former,
                Fate::Changed,
                "has died, says an older state, and the newest says nothing of it: the death stays",
            ),
            (
                self.is_not_added,
                Fate::LeftOut,
                "has several states here, which tell what the record does not have: that is not added, for the newest of them was recorded before, and somebody may have taken it out since",
            ),
            (
                self.death_kept,
                Fate::Changed,
                "is recorded as dead, and this source says nothing of it: the death stays",
            ),
            (
                self.death_added,
                Fate::Changed,
                "has died, says this older state, and the recorded one says nothing of it: the death is recorded",
            ),
            (
                self.death_taken_back,
                Fate::Changed,
                "was recorded as dead, and the source says that they live: the death is taken back",
            ),
            (
                self.done.change == Change::Differing,
                Fate::LeftOut,
                "names somebody who is registered here already, and the key may not read who: neither they nor their visits are taken",
            ),
        ] {
            if is_so {
                notes.add(fate, "Patient", path, why);
            }
        }
        for (list, remark) in &self.remarks {
            remark_on(*list, *remark, path, notes);
        }
        for list in &self.no_room {
            remark_on_no_room(*list, path, notes);
        }
        for told in &self.unnamed {
            notes.left_out(
                told.kind,
                &told.path,
                "names a medication that is in none of the files, or that may be several in them",
            );
        }
        self.reasons.remark(notes);
        for _ in 0..self.names_of_others {
            let why = "has an identifier by which somebody else is registered here: it is not recorded";
            notes.left_out("Patient", path, why);
        }
        for _ in 0..self.surplus_names {
            notes.left_out("Patient", path, SURPLUS_NAME);
        }
    }
}

/// Says what becomes of an entry.
fn remark_on(list: ListKind, remark: Remark, path: &str, notes: &mut Notes) {
    let kind = kind_of(list);
    // Another source may tell of an allergy still: that somebody should see.
    let not_taken = |notes: &mut Notes, why| match list {
        ListKind::Allergies => notes.left_out(kind, path, why),
        _ => notes.passed_over(kind, path, why),
    };
    match remark {
        Remark::Older => notes.passed_over(kind, path, NO_NEWER),
        Remark::KeptOut => not_taken(
            notes,
            "is a state from before the source took it back, and is not brought back",
        ),
        Remark::KeptOutAlike => notes.left_out(
            kind,
            path,
            "says what another resource said that was taken back later, and may be that one under a new id: it is not brought back",
        ),
        Remark::Unclear => notes.left_out(
            kind,
            path,
            "is over or none, and nothing tells which of several that are recorded it is: they stay as they are",
        ),
        Remark::Outspoken => not_taken(
            notes,
            "is older than the word of the same resource that none are known, which stays",
        ),
        Remark::UnderAnotherId => notes.left_out(
            kind,
            path,
            "is not kept as one of its own, for it is of the same day as what is recorded under another id: the newer of the two counts, and only one of them says that it is over",
        ),
        Remark::MayBeOver => notes.left_out(
            kind,
            path,
            "is over, and may be what is recorded under the same name without a day: nothing tells that, and that stays as it is",
        ),
        Remark::TakenOut => {
            let why = "is taken out of the record: the source says that it was none, or is none any more";
            notes.changed(kind, path, why);
        }
        Remark::Replaced if list == ListKind::Conditions => notes.changed(
            kind,
            path,
            "takes the place of what the same resource told before: a visit of which it is the reason keeps the former one until it is told again",
        ),
        Remark::Replaced => notes.changed(kind, path, "takes the place of what the same resource told before"),
        Remark::Alike => {
            notes.changed(
                kind,
                path,
                "was taken back, and one that is recorded under another id says the same and stays",
            );
        }
        Remark::Denied => notes.changed(
            kind,
            path,
            "some are recorded beside the word that none are known, and stay",
        ),
    }
}

/// Says that there is no room for a finding.
fn remark_on_no_room(list: ListKind, path: &str, notes: &mut Notes) {
    notes.left_out(
        kind_of(list),
        path,
        "has no room in the record: it is more than a list takes, or than one event of the log can hold. The oldest that are over are left out first",
    );
}

/// FHIR's name for what is in a list.
const fn kind_of(list: ListKind) -> &'static str {
    match list {
        ListKind::Conditions => "Condition",
        ListKind::Allergies => "AllergyIntolerance",
        ListKind::Medications => "Medication",
        ListKind::Symptoms => "Observation",
    }
}
