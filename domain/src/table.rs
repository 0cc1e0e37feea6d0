//! The one table of aggregates.
//!
//! Each line of `aggregates!` is an aggregate: its number, its name, its type, its id, and its events with the key under which each
//! is sealed. Ids, references, the enum of all events, their encoding and the tests of it are made from it, by macros to which the
//! table is handed. Whoever adds an aggregate adds it here.
//!
//! - The **number** stands in sealed stream names: it is never reused. 5 is none: it was a wallet's before wallets were claimed in buckets.
//! - The **name** stands in references (`patient/<uuid>`) and in the journal.
//! - The **id** is `uuid` where a UUID names the aggregate, and `own` where it is a type of its own, written in `kernel/ids.rs`: these have
//!   a stream of their own. It is `record` where a patient and a UUID name it, and `part` where the patient alone does: these stand in
//!   the patient's record, the patient's stream. It is `subject` where a data subject names it, in whose own stream it stands.
//! - The **schema** is that of the aggregate's events. From the first release on it is raised with every change of theirs; then `upcast`
//!   names the function that reads the older ones.
//! - An event is sealed under the `namespace`'s key; or also `beside` it, in a section of its own, under the key of a person and a
//!   category, with the field that stands there; or `within` that key alone: so is all of a patient's record. In brackets stands the field with
//!   the part that the event changes, where callers insist on the version of a part (`If-Match`).

/// Hands the table to a macro. See the module.
macro_rules! aggregates {
    ($macro:ident) => {
        $macro! {
            /// A patient: the data subject, whose key seals what concerns them.
            1 patient: Patient {
                id: uuid PatientId,
                events: PatientEvent in schema 1 {
                    Registered: within Identity(details),
                    DetailsUpdated: within Identity(details),
                }
            }
            /// A practitioner (FHIR R4 `Practitioner`).
            2 practitioner: Practitioner {
                id: uuid PractitionerId,
                events: PractitionerEvent in schema 1 {
                    Registered: beside Identity(details),
                    DetailsUpdated: beside Identity(details),
                    RegisterEntryTold: beside Identity(entry),
                }
            }
            /// The day of a practitioner.
            3 calendar: Calendar {
                id: own CalendarId,
                events: CalendarEvent in schema 1 {
                    AvailabilityPublished: namespace,
                    Booked: beside Appointments(booking) [appointment],
                    Confirmed: namespace [appointment],
                    Rescheduled: beside Appointments(patient) [appointment],
                    MovedOut: beside Appointments(patient),
                    MovedIn: beside Appointments(booking) [appointment],
                    Cancelled: beside Appointments(cancellation) [appointment],
                    Completed: namespace [appointment],
                    NoShowMarked: namespace [appointment],
                }
            }
            /// An account: somebody or something that may sign in.
            4 account: Account {
                id: uuid AccountId,
                events: AccountEvent in schema 1 {
                    Opened: beside Identity(holder),
                    KeyIssued: namespace,
                    KeyRevoked: namespace,
                    Closed: namespace,
                    WalletBound: beside Identity(binding),
                    WalletUnbound: beside Identity(reason),
                }
            }
            /// An encounter of a patient (FHIR R4 `Encounter`).
            6 encounter: Encounter {
                id: record EncounterId,
                events: EncounterEvent in schema 1 {
                    Filed: within Care(encounter),
                    Named: within Care(names),
                    Concluded: within Care(conclusion),
                }
            }
            /// The chart of a patient: conditions, allergies, medications and symptoms.
            7 chart: Chart {
                id: part ChartId,
                events: ChartEvent in schema 1 {
                    ConditionsNoted: within Summary(conditions),
                    ConditionsRefuted: within Summary(conditions),
                    AllergiesNoted: within Summary(allergies),
                    AllergiesRefuted: within Summary(allergies),
                    SymptomsNoted: within Summary(symptoms),
                    SymptomsRefuted: within Summary(symptoms),
                    AbsenceStated: within Summary(statement),
                    MedicationsNoted: within Medication(medications),
                    MedicationsRefuted: within Medication(medications),
                    MedicationAbsenceStated: within Medication(statement),
                }
            }
            /// The erasure of a data subject.
            8 erasure: Erasure {
                id: subject ErasureId,
                events: ErasureEvent in schema 1 {
                    Erased: namespace,
                }
            }
            /// Claims: which names are whose, in one of 256 buckets.
            9 claims: Claims {
                id: own ClaimsId,
                events: ClaimsEvent in schema 1 {
                    Claimed: beside Identity(claim),
                    Released: beside Identity(claim),
                }
            }
            /// The chapters of a patient's record: how many are closed.
            10 chapters: Chapters {
                id: part ChaptersId,
                events: ChaptersEvent in schema 1 {
                    Closed: namespace,
                }
            }
            /// What a patient has prepared to grant.
            11 grants: Grants {
                id: part GrantsId,
                events: GrantsEvent in schema 1 {
                    Prepared: within Access(grant),
                }
            }
            /// Who has read what is known of a patient.
            12 access_log: AccessLog {
                id: part AccessLogId,
                events: AccessLogEvent in schema 1 {
                    ReadsLogged: within Access(reads),
                }
            }
            /// That a patient is treated here.
            13 treatment: Treatment {
                id: part TreatmentId,
                events: TreatmentEvent in schema 1 {
                    Agreed: within Access(saying),
                    Ended: within Access(saying),
                }
            }
            /// That a practitioner has opened a patient's record in an emergency.
            14 emergency: Emergency {
                id: record EmergencyId,
                events: EmergencyEvent in schema 1 {
                    Opened: within Access(opened),
                    Justified: within Access(justification),
                    Flagged: within Access(flag),
                }
            }
            /// That an auditor examines who has read what.
            15 engagement: Engagement {
                id: uuid EngagementId,
                events: EngagementEvent in schema 1 {
                    Begun: beside Access(scope),
                    Ended: namespace,
                }
            }
        }
    };
}
