//! What is said of a whole list, in JSON.

use application::use_cases::charts::AbsenceStatement;
use domain::chart::{self, ListKind};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::check::{Checked, Checks};
use crate::dto::wire_enum::wire_enum;

wire_enum!(
    /// A kind of allergies, by what causes them. A source may say of one kind that no such allergies are known, and leave the others open.
    AllergyKind = chart::AllergyKind
);

wire_enum!(
    /// One of the lists of findings in a chart: conditions, allergies, medications or symptoms.
    ChartList = ListKind
);

wire_enum!(
    /// Why there are no findings in a list: `not-asked` (nobody has said anything), `unknown` (somebody has asked, and got no answer) or
    /// `none-known` (somebody has asked, and none are known).
    Absence = chart::Absence
);

/// The body of a request to say why there are no findings in a list, or of one kind of allergies.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"list": "allergies", "absence": "none-known"}))]
pub struct StateAbsence {
    /// The list.
    pub list: ChartList,
    /// The kind of allergies, if the statement is about one kind alone: then the absence is `none-known` or `not-asked`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<AllergyKind>,
    /// Why there are no findings.
    pub absence: Absence,
}

/// Only allergies have kinds.
pub(super) fn check_kind(list: ChartList, kind: Option<AllergyKind>, checks: &mut Checks) {
    if kind.is_some() && list.0 != ListKind::Allergies {
        checks.within("kind", |checks| {
            checks.wrong("must be left out: only allergies have kinds")
        });
    }
}

impl Checked for StateAbsence {
    type Domain = AbsenceStatement;

    fn check(self, checks: &mut Checks) -> AbsenceStatement {
        let (list, absence) = (self.list.0, self.absence.0);
        let Some(AllergyKind(kind)) = self.kind else {
            return AbsenceStatement::Of(list, absence);
        };
        check_kind(self.list, self.kind, checks);
        if absence == chart::Absence::Unknown {
            checks.within("absence", |checks| {
                checks.wrong("must be `none-known` or `not-asked` for one kind of allergies")
            });
        }
        AbsenceStatement::OfAllergiesTo(kind, absence == chart::Absence::NoneKnown)
    }
}
