//! Under which keys an event is sealed.

/// What a part of a person's record is about. Each category has a key of its own, so that it can be shared alone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Category {
    /// Who somebody is.
    Identity,
    /// Allergies, conditions, immunisations: what anybody who treats must know.
    Summary,
    /// Medications.
    Medication,
    /// Encounters, procedures, plans.
    Care,
    /// Results.
    Results,
    /// Documents.
    Documents,
    /// Appointments.
    Appointments,
    /// Bills and claims.
    Billing,
    /// Who may read, and who has read.
    Access,
    /// What needs a grant of its own, whatever else it is.
    Sensitive,
}

/// Under which keys an event is sealed. Until keys are divided by category, a person has one key for all of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Seal {
    /// The namespace's: the organisation reads it.
    Namespace,
    /// The namespace's, and a section of its own under the person's.
    Beside(Category),
    /// The person's alone.
    Within(Category),
}
