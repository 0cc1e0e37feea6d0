//! Leave to use what is known of patients.
//!
//! Every use case that touches a patient's data goes through [`admit`], and every query of such data wants the [`Admittance`] that it gives: what
//! nobody was admitted to cannot be read. A role decides, or, where a role reaches no further than patients consent or are treated, their grants do
//! ([`admit_by_grants`]), or what they have said of their treatment ([`admit_to_treated`]); or a practitioner has opened the record in an emergency ([`admit_in_emergency`]). Who has read, an auditor is shown as far as they are engaged ([`admit_to_examine`]).

use std::borrow::Cow;
use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::access_log::{Basis, OpenedAs, Prepared, Reader};
use domain::account::Scope;
use domain::consent::{Details, Grantee, Period, Purpose, Query};
use domain::engagement::AuditScope;
use domain::kernel::{Category, EngagementId, PatientId, Personal};
use domain::treatment::Act;
use uuid::Uuid;

use super::identity::Principal;
use super::{Action, Decision, Denial, Object, Reach, decide, reach, scope_of};

/// What records are read for here.
const PURPOSE: Purpose = Purpose::Treatment;

/// Of which categories appointments and visits are, which are read together: why somebody came is of their care.
pub const VISITS: &[Category] = &[Category::Appointments, Category::Care];

/// What is done with what is of a time alone: for that, grants of a period count, too.
const OF_A_TIME: &[Action] = &[Action::ReadPatientAppointments];

/// How many grants or emergencies an admittance names that rests on more of them.
const MOST_NAMED: usize = 16;

/// Leave to use what is known of somebody, in some categories. Only [`admit`] and what begins with its name give it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Admittance {
    whose: Object,
    categories: Cow<'static, [Category]>,
    /// Of which categories besides, as far as something is of these periods.
    within: Vec<(Category, Period)>,
    basis: Basis,
}

/// Of which times something is that somebody is admitted to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Times {
    /// Of any.
    All,
    /// Of one of these periods.
    Within(Vec<Period>),
}

impl Times {
    /// Whether there is no such time.
    pub fn is_never(&self) -> bool {
        *self == Self::Within(Vec::new())
    }

    /// Whether a time is one of them.
    pub fn contain(&self, at: DateTime<Utc>) -> bool {
        match self {
            Self::All => true,
            Self::Within(periods) => {
                u64::try_from(at.timestamp()).is_ok_and(|time| periods.iter().any(|period| period.contains(time)))
            }
        }
    }
}

/// Why somebody is not admitted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Denied {
    /// They may do such a thing to nobody.
    Forbidden(Denial),
    /// They may not know of these, or not do it to them: to the caller they do not exist.
    Hidden(Object),
}

/// Something went further than somebody was admitted: a mistake in a use case.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a query goes further than its caller was admitted")]
pub struct NotAdmitted;

/// Decides whether somebody may do this with what is known of a patient, in these categories; `whose` may name several patients by what they
/// have in common.
///
/// # Errors
/// [`Denied`].
pub fn admit(
    principal: &Principal,
    whose: Object,
    purpose: Action,
    categories: &'static [Category],
) -> Result<Admittance, Denied> {
    match decide(principal, purpose, whose) {
        Decision::Allow => Ok(Admittance {
            whose,
            categories: Cow::Borrowed(categories),
            within: Vec::new(),
            basis: match principal.reader() {
                Some(Reader::Patient) => Basis::Own,
                _ => Basis::Role,
            },
        }),
        Decision::Forbid(denial) => Err(Denied::Forbidden(denial)),
        Decision::Hide => Err(Denied::Hidden(whose)),
    }
}

/// Whether somebody's work is clinical: whoever may read the charts of those who are treated knows why they come, too.
pub fn is_clinical(principal: &Principal) -> bool {
    reach(principal, Action::ReadChart) == Ok(Reach::Treated)
}

/// Whether it is a system that tells of visits of the past, for nobody: it reads what it tells.
pub fn tells_visits(principal: &Principal) -> bool {
    principal.person() == principal && reach(principal, Action::ReadReports).is_ok()
}

/// Admits somebody to appointments: whom they concern to all of it, and so who treats the patient, who is `treated` by this act; others to who comes to whom and when, and neither
/// why nor to visits of the past. A system that tells of those is admitted to them, and is not to be shown more.
///
/// # Errors
/// [`Denied`].
pub fn admit_to_appointments(
    principal: &Principal,
    whose: Object,
    action: Action,
    treated: Option<Act>,
) -> Result<Admittance, Denied> {
    let treated = treated.filter(|_| is_clinical(principal));
    let is_own = reach(principal, action) == Ok(Reach::Own);
    let categories = match is_own || treated.is_some() || tells_visits(principal) {
        true => VISITS,
        false => &[Category::Appointments],
    };
    let admittance = admit(principal, whose, action, categories)?;
    Ok(match treated {
        Some(act) if !is_own => Admittance {
            basis: Basis::Treatment(act),
            ..admittance
        },
        _ => admittance,
    })
}

/// What somebody would do with what is known of a patient, as each of these grantees that they are, with each of these categories.
pub fn asked(grantees: &[Grantee], action: Action, categories: &[Category]) -> Vec<Query> {
    let writes = scope_of(action) != Some(Scope::Read);
    let query = |grantee: Grantee, category: Category| Query {
        grantee,
        category,
        document: None,
        time: None,
        purpose: PURPOSE,
        writes,
    };
    let of = |grantee: &Grantee| {
        categories
            .iter()
            .map(|category| query(*grantee, *category))
            .collect::<Vec<_>>()
    };
    grantees.iter().flat_map(of).collect()
}

/// The same of a grant: where it is limited to a period and the action is about what is of a time, at a time in that period.
pub fn asked_of(details: &Details, query: &Query, action: Action) -> Query {
    let period = details.period().filter(|_| OF_A_TIME.contains(&action));
    Query {
        time: period.map(Period::first),
        ..*query
    }
}

/// Admits somebody to what is known of a patient, by grants of the patient that hold, each with the id under which it was prepared: to those of the categories [`asked`] for that
/// they cover, as far as they do.
///
/// # Errors
/// [`Denied::Hidden`] when they cover none, and to whoever is no grantee.
pub fn admit_by_grants(
    principal: &Principal,
    patient: PatientId,
    action: Action,
    asked: &[Query],
    holding: &[(Uuid, &Details)],
) -> Result<Admittance, Denied> {
    let whose = Object::Patient(patient);
    let reaches_to_grants = matches!(reach(principal, action), Ok(Reach::Consented | Reach::Treated));
    let (mut covered, mut within, mut by) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (query, (id, details)) in asked
        .iter()
        .flat_map(|query| holding.iter().map(move |one| (query, one)))
    {
        if !reaches_to_grants || !details.covers(&asked_of(details, query, action)) {
            continue;
        }
        match details.period() {
            None => covered.insert(query.category),
            Some(period) => within.insert((query.category, period)),
        };
        by.insert(*id);
    }
    if by.is_empty() {
        return Err(Denied::Hidden(whose));
    }
    Ok(Admittance {
        whose,
        categories: covered.into_iter().collect(),
        within: within.into_iter().collect(),
        basis: Basis::Grants(PURPOSE, by.into_iter().take(MOST_NAMED).map(Prepared).collect()),
    })
}

/// Admits whoever has asked a patient for a grant to knowing that this one was given, for this purpose.
pub fn admit_to_answer(patient: PatientId, grant: Uuid, purpose: Purpose) -> Admittance {
    Admittance {
        whose: Object::Patient(patient),
        categories: Cow::Borrowed(&[Category::Access]),
        within: Vec::new(),
        basis: Basis::Grants(purpose, vec![Prepared(grant)]),
    }
}

/// Admits an auditor to who has read what in an engagement's scope. Whether it is theirs and open, the engagement says.
///
/// # Errors
/// To whoever examines nothing, and when nobody knows whom it is about.
pub fn admit_to_examine(
    principal: &Principal,
    engagement: EngagementId,
    scope: &AuditScope,
) -> Result<Admittance, Denied> {
    let whose = records_of(scope);
    let is_known = *scope != AuditScope::Patient(Personal::Sealed);
    match reach(principal, Action::ExamineAccesses) {
        Err(denial) => Err(Denied::Forbidden(denial)),
        Ok(Reach::Own) if is_known => Ok(Admittance {
            whose,
            categories: Cow::Borrowed(&[Category::Access]),
            within: Vec::new(),
            basis: Basis::Engagement(engagement),
        }),
        Ok(_) => Err(Denied::Hidden(whose)),
    }
}

/// Whose records may have been read in this scope.
pub fn records_of(scope: &AuditScope) -> Object {
    match scope {
        AuditScope::Patient(Personal::Known(patient)) => Object::Patient(*patient),
        AuditScope::Patient(Personal::Sealed)
        | AuditScope::Everybody
        | AuditScope::Practitioner { .. }
        | AuditScope::Account { .. } => Object::Everybody,
    }
}

/// Admits the staff to what is known of a patient who is treated here, by this act of theirs; and a practitioner, whom the paper `names` on which the patient has agreed.
///
/// # Errors
/// [`Denied::Hidden`] to whoever is neither.
pub fn admit_to_treated(
    principal: &Principal,
    patient: PatientId,
    action: Action,
    categories: &'static [Category],
    (act, names): (Act, bool),
) -> Result<Admittance, Denied> {
    let whose = Object::Patient(patient);
    match reach(principal, action) {
        Ok(Reach::Treated) => {}
        Ok(Reach::Consented) if names => {}
        _ => return Err(Denied::Hidden(whose)),
    }
    Ok(Admittance {
        whose,
        categories: Cow::Borrowed(categories),
        within: Vec::new(),
        basis: Basis::Treatment(act),
    })
}

/// Admits a practitioner to what they have opened of a patient's record in emergencies, each with its id, beside what they are admitted to otherwise. It is for reading alone, and where
/// nothing is added by it, it is not told of.
///
/// # Errors
/// [`Denied::Hidden`] when nothing is added.
pub fn admit_in_emergency(
    principal: &Principal,
    patient: PatientId,
    action: Action,
    categories: &[Category],
    open: &[(Uuid, Vec<Category>)],
    otherwise: Option<&Admittance>,
) -> Result<Admittance, Denied> {
    let whose = Object::Patient(patient);
    let may = can_be_opened(principal, action);
    let covers = |category: &Category| otherwise.is_some_and(|otherwise| otherwise.covers(*category));
    let missing: Vec<Category> = categories
        .iter()
        .copied()
        .filter(|category| !covers(category))
        .collect();
    let adds = |opened: &[Category]| missing.iter().any(|category| opened.contains(category));
    let adding: Vec<_> = open.iter().filter(|(_, opened)| may && adds(opened)).collect();
    if adding.is_empty() {
        return Err(Denied::Hidden(whose));
    }
    let is_open = |category: &Category| adding.iter().any(|(_, opened)| opened.contains(category));
    let shown = categories
        .iter()
        .filter(|category| covers(category) || is_open(category));
    let grants = match otherwise.map(Admittance::basis) {
        Some(Basis::Grants(_, grants)) => grants.clone(),
        _ => Vec::new(),
    };
    let ids = adding.iter().map(|(id, _)| OpenedAs(*id));
    Ok(Admittance {
        whose,
        categories: shown.copied().collect(),
        within: otherwise.map_or_else(Vec::new, |otherwise| otherwise.within.clone()),
        basis: Basis::Emergencies(ids.take(MOST_NAMED).collect(), grants),
    })
}

/// Whether somebody does such a thing to what they have opened in an emergency.
pub fn can_be_opened(principal: &Principal, action: Action) -> bool {
    let is_practitioner = matches!(principal.person(), Principal::Practitioner { .. });
    let reaches = matches!(reach(principal, action), Ok(Reach::Consented | Reach::Treated));
    is_practitioner && reaches && scope_of(action) == Some(Scope::Read)
}

impl Admittance {
    /// Whether it rests on what the patient has granted, or on an emergency, and not on a role: who is admitted so does not learn how much there is besides.
    pub const fn is_to_a_part(&self) -> bool {
        matches!(self.basis, Basis::Grants(..) | Basis::Emergencies(..))
    }

    /// By which right.
    pub const fn basis(&self) -> &Basis {
        &self.basis
    }

    /// The same for no more than these categories.
    #[must_use]
    pub fn only(&self, categories: &[Category]) -> Self {
        let both = self.categories.iter().filter(|category| categories.contains(category));
        let within = self.within.iter().filter(|(category, _)| categories.contains(category));
        Self {
            categories: both.copied().collect(),
            within: within.copied().collect(),
            ..self.clone()
        }
    }

    /// For which categories, be it for some times alone.
    pub fn categories(&self) -> BTreeSet<Category> {
        let within = self.within.iter().map(|(category, _)| *category);
        self.categories.iter().copied().chain(within).collect()
    }

    /// For which times it is good for what is of a category.
    pub fn times(&self, category: Category) -> Times {
        if self.covers(category) {
            return Times::All;
        }
        let periods = self.within.iter().filter(|(of, _)| *of == category);
        Times::Within(periods.map(|(_, period)| *period).collect())
    }

    /// Whether it is good for a category.
    pub fn covers(&self, category: Category) -> bool {
        self.categories.contains(&category)
    }

    /// Whether it is good for all of these categories.
    pub fn covers_all(&self, categories: &[Category]) -> bool {
        categories.iter().all(|category| self.covers(*category))
    }

    /// Fails unless it is good for what is known of `whose` in all of these categories.
    ///
    /// # Errors
    /// When a use case asks for what it was not admitted to.
    pub fn check(&self, whose: Object, categories: &[Category]) -> Result<(), NotAdmitted> {
        if (self.whose == Object::Everybody || self.whose == whose) && self.covers_all(categories) {
            Ok(())
        } else {
            Err(NotAdmitted)
        }
    }

    /// Fails unless it is good for what is known of a patient in this category at some time.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn check_times(&self, patient: PatientId, category: Category) -> Result<Times, NotAdmitted> {
        self.check(Object::Patient(patient), &[])?;
        let times = self.times(category);
        if times.is_never() { Err(NotAdmitted) } else { Ok(times) }
    }

    /// As [`Self::check`], for one patient.
    ///
    /// # Errors
    /// As there.
    pub fn check_patient(&self, patient: PatientId, categories: &[Category]) -> Result<(), NotAdmitted> {
        self.check(Object::Patient(patient), categories)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::account::Role;
    use domain::kernel::{AccountId, PractitionerId};
    use domain::registries::practitioners::Standing;
    use uuid::Uuid;

    use super::*;

    const ACCOUNT: AccountId = AccountId::new(Uuid::from_u128(9));
    const ME: PatientId = PatientId::new(Uuid::from_u128(1));
    const OTHER: PatientId = PatientId::new(Uuid::from_u128(2));

    const PATIENT: Principal = Principal::Patient {
        account: ACCOUNT,
        patient: ME,
    };

    const HOSPITAL: Principal = Principal::Staff {
        account: ACCOUNT,
        role: Role::Hospital,
    };

    #[test]
    fn an_admittance_is_good_for_its_patient_and_its_categories_alone() {
        let admittance = admit(
            &PATIENT,
            Object::Patient(ME),
            Action::ReadPatient,
            &[Category::Identity],
        )
        .unwrap();
        assert!(admittance.check_patient(ME, &[Category::Identity]).is_ok());
        assert!(admittance.check_patient(ME, &[Category::Summary]).is_err());
        assert!(admittance.check_patient(OTHER, &[Category::Identity]).is_err());
        assert!(admittance.check(Object::Everybody, &[Category::Identity]).is_err());
    }

    #[test]
    fn who_is_admitted_to_everybody_is_admitted_to_each() {
        let admittance = admit(
            &HOSPITAL,
            Object::Everybody,
            Action::ListPatients,
            &[Category::Identity],
        )
        .unwrap();
        assert!(admittance.check_patient(OTHER, &[Category::Identity]).is_ok());
        assert!(admittance.check_patient(OTHER, &[Category::Appointments]).is_err());
    }

    #[test]
    fn nobody_is_admitted_to_somebody_else_or_by_the_wrong_role() {
        let admitted = |principal, whose, purpose| admit(principal, whose, purpose, &[Category::Identity]);
        let service = Principal::Service {
            account: ACCOUNT,
            key: Uuid::nil(),
            role: Role::Hospital,
            scopes: BTreeSet::new(),
            person: None,
        };
        for (principal, whose, purpose, refused) in [
            (
                &PATIENT,
                Object::Patient(OTHER),
                Action::ReadPatient,
                Denied::Hidden(Object::Patient(OTHER)),
            ),
            (
                &PATIENT,
                Object::Everybody,
                Action::ReadPatient,
                Denied::Hidden(Object::Everybody),
            ),
            (
                &PATIENT,
                Object::Everybody,
                Action::ListPatients,
                Denied::Forbidden(Denial::Role),
            ),
            (
                &service,
                Object::Everybody,
                Action::ListPatients,
                Denied::Forbidden(Denial::Role),
            ),
        ] {
            assert_eq!(admitted(principal, whose, purpose), Err(refused));
        }
    }

    #[test]
    fn why_somebody_comes_is_known_to_who_treats_them_and_to_nobody_else_of_the_staff() {
        let staff = |role| Principal::Staff { account: ACCOUNT, role };
        let service = |scopes: &[Scope], person: Option<Principal>| Principal::Service {
            account: ACCOUNT,
            key: Uuid::nil(),
            role: Role::Hospital,
            scopes: scopes.iter().copied().collect(),
            person: person.map(Box::new),
        };
        let doctor = Principal::Practitioner {
            account: ACCOUNT,
            practitioner: PractitionerId::new(Uuid::from_u128(3)),
            standing: Standing::Attested,
        };
        let (read, import) = (&[Scope::Read][..], &[Scope::Read, Scope::Import][..]);
        let whose = Object::Appointment {
            patient: Some(ME),
            practitioner: Some(PractitionerId::new(Uuid::from_u128(3))),
        };
        let act = Some(Act::Paper);
        let by_treatment = Basis::Treatment(Act::Paper);
        for (principal, treated, knows, basis) in [
            (PATIENT, None, true, Basis::Own),
            (PATIENT, act, true, Basis::Own),
            (doctor.clone(), None, true, Basis::Role),
            (staff(Role::Nurse), None, false, Basis::Role),
            (staff(Role::Nurse), act, true, by_treatment.clone()),
            (staff(Role::Reception), act, false, Basis::Role),
            (staff(Role::Hospital), act, false, Basis::Role),
            (service(read, None), act, false, Basis::Role),
            (service(import, None), None, true, Basis::Role),
            (service(import, Some(staff(Role::Nurse))), None, false, Basis::Role),
            (service(import, Some(staff(Role::Nurse))), act, true, by_treatment),
            (service(import, Some(staff(Role::Reception))), act, false, Basis::Role),
            (service(import, Some(doctor)), act, true, Basis::Role),
        ] {
            let admitted = admit_to_appointments(&principal, whose, Action::ReadAppointment, treated).unwrap();
            assert!(admitted.covers(Category::Appointments), "{principal:?}");
            assert_eq!(admitted.covers(Category::Care), knows, "{principal:?} {treated:?}");
            assert_eq!(*admitted.basis(), basis, "{principal:?} {treated:?}");
        }
    }
}
