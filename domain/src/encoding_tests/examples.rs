//! An example of every variant of every event, and of every value that is written by its place in an enum.

use chrono::{DateTime, NaiveDate, Utc};
use strum::VariantArray as _;
use uuid::Uuid;

use crate::account::{AccountEvent, Binding, Holder, KeyHash, Proof, Role, Scope, Title};
use crate::calendar::{Booking, CalendarEvent, Cancellation, Session};
use crate::encounter::{EncounterEvent, EncounterNames, Ending, Filed, Outcome, Provider};
use crate::kernel::{
    AccountId, Address, AppointmentId, CodeSystem, Coding, Concept, Gender, HumanName, Identifier, PatientId, Personal,
    PractitionerId, Slot, SourceId, Sources, Wallet,
};
use crate::patient::{
    Abated, Allergy, AllergyKind, Condition, Deceased, Findings, Intake, Matter, Medication, PatientDetails,
    PatientEvent, Registration, Withdrawn, Word,
};
use crate::practitioner::{PractitionerDetails, PractitionerEvent};
use crate::wallet::WalletEvent;

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number << 120 | number)
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn text(text: &str) -> String {
    text.to_owned()
}

fn concept(system: CodeSystem, code: &str, display: &str) -> Concept {
    Concept {
        coding: Some(Coding {
            system,
            code: text(code),
        }),
        text: text(display),
    }
}

fn identifier(value: &str) -> Identifier {
    Identifier {
        system: text("urn:ietf:rfc:3986"),
        value: text(value),
    }
}

fn name(family: &str, given: &str, prefix: &[&str]) -> HumanName {
    HumanName {
        family: text(family),
        given: vec![text(given)],
        prefix: prefix.iter().map(|one| text(one)).collect(),
    }
}

fn details() -> PatientDetails {
    PatientDetails {
        name: name("Byron", "Ada", &["Lady"]),
        birth_date: date("1915-12-10"),
        gender: Gender::Female,
        address: Some(Address {
            lines: vec![text("12 St James's Square")],
            city: text("London"),
            state: text("England"),
            postal_code: text("SW1Y"),
            country: text("GB"),
        }),
        phone: Some(text("555-0100")),
        email: Some(text("ada@example.org")),
        deceased: Some(Deceased::At(time("1952-11-27T21:30:00.25Z"))),
        identifier: Some(identifier("ada")),
        other_identifiers: vec![identifier("lovelace")],
        as_of: Some(time("1952-11-28T08:00:00.125Z")),
    }
}

fn source(server: Option<[u8; 4]>) -> SourceId {
    SourceId {
        server,
        patient: server.map(SourceId::of_patient),
        resource: *b"resource",
    }
}

fn intake() -> Intake {
    Intake {
        conditions: Findings::from([Condition {
            concept: concept(CodeSystem::Snomed, "195967001", "Asthma"),
            onset: Some(date("1930-01-01")),
            abated: None,
            as_of: Some(time("1952-11-28T08:00:00.125Z")),
            sources: Some(source(None)).into(),
        }]),
        allergies: Findings::from([Allergy {
            concept: concept(CodeSystem::Icd10, "Z88.0", "Penicillin"),
            high_criticality: true,
            as_of: None,
            sources: Some(source(Some([1, 2, 3, 4]))).into(),
        }]),
        no_known_allergies_to: AllergyKind::VARIANTS.to_vec(),
        medications: Findings::from([Medication {
            concept: concept(CodeSystem::RxNorm, "895994", "Fluticasone"),
            since: Some(date("1969-12-31")),
            active: true,
            as_of: None,
            sources: Sources::default(),
        }]),
        symptoms: vec![text("cough")],
        withdrawn: [Matter::Conditions, Matter::Allergies, Matter::Medications]
            .map(|matter| Withdrawn {
                matter,
                concept: Some(concept(CodeSystem::Snomed, "91936005", "Penicillin")),
                since: Some(date("1969-12-31")),
                source: None,
                as_of: time("1952-11-28T08:00:00.125Z"),
            })
            .to_vec(),
        words: [
            (Matter::Conditions, None),
            (Matter::Allergies, Some(AllergyKind::Latex)),
        ]
        .map(|(matter, kind)| Word {
            matter,
            kind,
            holds: kind.is_some(),
            source: Some(source(None)),
            as_of: time("1952-11-28T08:00:00.125Z"),
        })
        .to_vec(),
    }
}

/// Every patient event, with every way to know of a death and of no findings.
pub(super) fn patient() -> Vec<PatientEvent> {
    let died = |deceased| PatientEvent::DetailsUpdated {
        details: Personal::Known(PatientDetails {
            deceased: Some(deceased),
            ..details()
        }),
    };
    let over = |abated| PatientEvent::IntakeUpdated {
        intake: Personal::Known(Intake {
            conditions: intake().conditions.map(|one| Condition {
                abated: Some(abated),
                ..one
            }),
            withdrawn: vec![Withdrawn {
                matter: Matter::Conditions,
                concept: None,
                since: None,
                source: Some(source(None)),
                as_of: time("1952-11-28T08:00:00.125Z"),
            }],
            ..intake()
        }),
    };
    let without_findings = PatientEvent::IntakeUpdated {
        intake: Personal::Known(Intake {
            conditions: Findings::NotAsked,
            allergies: Findings::NoneKnown,
            medications: Findings::Unknown,
            ..intake()
        }),
    };
    vec![
        PatientEvent::Registered {
            registration: Personal::Known(Registration {
                details: details(),
                intake: intake(),
            }),
        },
        PatientEvent::DetailsUpdated {
            details: Personal::Known(details()),
        },
        PatientEvent::IntakeUpdated {
            intake: Personal::Known(intake()),
        },
        died(Deceased::On(date("1952-11-27"))),
        died(Deceased::Between {
            first: date("1952-01-01"),
            last: date("1952-12-31"),
        }),
        died(Deceased::Unknown),
        without_findings,
        over(Abated::On(date("1952-11-27"))),
        over(Abated::Unknown),
    ]
}

/// Every practitioner event, and every gender and code system.
pub(super) fn practitioner() -> Vec<PractitionerEvent> {
    let details = |gender| PractitionerDetails {
        name: name("Blackwell", "Elizabeth", &["Dr."]),
        gender,
        specializations: vec![
            concept(CodeSystem::Snomed, "394579002", "Cardiology"),
            concept(CodeSystem::Loinc, "1", "one"),
            concept(CodeSystem::RxNorm, "2", "two"),
            concept(CodeSystem::Icd10, "3", "three"),
            concept(
                CodeSystem::Other(text("http://nucc.org/provider-taxonomy")),
                "4",
                "four",
            ),
            Concept {
                coding: None,
                text: text("in words"),
            },
        ],
        credentials: vec![text("MD, Geneva Medical College")],
        time_zone: chrono_tz::America::New_York,
        identifier: Some(identifier("blackwell")),
        as_of: Some(time("1952-11-28T08:00:00.125Z")),
    };
    let mut events = vec![PractitionerEvent::Registered {
        details: details(Gender::Female),
    }];
    events.extend(
        [Gender::Male, Gender::Other, Gender::Unknown].map(|gender| PractitionerEvent::DetailsUpdated {
            details: details(gender),
        }),
    );
    events
}

/// Every calendar event, with every provider and outcome.
pub(super) fn calendar() -> Vec<CalendarEvent> {
    let appointment = AppointmentId::new(id(3));
    let slot = Slot {
        start: time("2026-03-02T09:00:00Z"),
        minutes: 30,
    };
    let patient = PatientId::new(id(1));
    let reason = Some(concept(CodeSystem::Snomed, "25064002", "Headache"));
    let booking = || {
        Personal::Known(Booking {
            patient,
            reason: reason.clone(),
        })
    };
    let session = Session {
        start: time("2026-03-02T08:00:00Z"),
        end: time("2026-03-02T12:00:00Z"),
        slot_minutes: 20,
    };
    vec![
        CalendarEvent::AvailabilityPublished {
            sessions: vec![session],
        },
        CalendarEvent::Booked {
            appointment,
            slot,
            booking: booking(),
        },
        CalendarEvent::Confirmed { appointment },
        CalendarEvent::Rescheduled {
            appointment,
            slot,
            patient: Personal::Sealed,
        },
        CalendarEvent::MovedOut {
            appointment,
            to: date("2026-03-03"),
            patient: Personal::Sealed,
        },
        CalendarEvent::MovedIn {
            appointment,
            slot,
            from: date("2026-03-01"),
            booking: booking(),
        },
        CalendarEvent::Cancelled {
            appointment,
            cancellation: Personal::Known(Cancellation {
                patient,
                reason: Some(text("recovered")),
            }),
        },
        CalendarEvent::Completed { appointment },
        CalendarEvent::NoShowMarked { appointment },
        CalendarEvent::Rescheduled {
            appointment,
            slot,
            patient: Personal::Known(patient),
        },
        CalendarEvent::MovedOut {
            appointment,
            to: date("2026-03-03"),
            patient: Personal::Known(patient),
        },
    ]
}

/// Every account event, with every kind of holder, role, scope and title.
pub(super) fn account() -> Vec<AccountEvent> {
    let opened = |holder| AccountEvent::Opened { holder };
    let staff = |role| {
        opened(Holder::Staff {
            name: text("Front desk"),
            role,
        })
    };
    let patient = Holder::Patient(Personal::Known(PatientId::new(id(1))));
    let practitioner = Holder::Practitioner {
        practitioner: PractitionerId::new(id(2)),
    };
    let mut events = vec![
        opened(patient.clone()),
        opened(practitioner.clone()),
        opened(Holder::Service {
            name: text("Import"),
            role: Role::Hospital,
        }),
    ];
    // Those that open no such account are written the same way.
    let roles = [
        Role::Patient,
        Role::Doctor,
        Role::Hospital,
        Role::Insurer,
        Role::Registrar,
        Role::Auditor,
        Role::Administrator,
    ];
    events.extend(roles.map(staff));
    events.extend([
        AccountEvent::KeyIssued {
            key: id(4),
            hash: KeyHash([0x5a; 32]),
            scopes: vec![Scope::Read, Scope::Write, Scope::Import],
            expires: Some(time("2027-01-01T00:00:00.125Z")),
        },
        AccountEvent::KeyRevoked { key: id(4) },
        AccountEvent::Closed,
    ]);
    let proof = Proof {
        message: text("clinic.example wants you to sign in with your Ethereum account"),
        signature: vec![0x1b; 65],
    };
    let titles = [
        Title::Registration,
        Title::Invitation {
            issuer: AccountId::new(id(5)),
        },
        Title::FormerWallet { proof: proof.clone() },
        Title::Configuration,
        Title::Approval {
            issuer: AccountId::new(id(6)),
        },
    ];
    for holder in [patient, practitioner] {
        events.extend(titles.clone().map(|title| {
            AccountEvent::WalletBound {
                binding: holder
                    .says(Binding {
                        wallet: Wallet([0xa1; 20]),
                        proof: proof.clone(),
                        title,
                    })
                    .unwrap(),
            }
        }));
        events.push(AccountEvent::WalletUnbound {
            reason: holder.says(text("the phone was stolen")).unwrap(),
        });
    }
    events
}

/// Every event of a wallet's claim.
pub(super) fn wallet() -> Vec<WalletEvent> {
    vec![
        WalletEvent::Claimed {
            account: AccountId::new(id(5)),
        },
        WalletEvent::Released,
    ]
}

/// Every event of an encounter, with every kind of provider and outcome.
pub(super) fn encounter() -> Vec<EncounterEvent> {
    let source = SourceId {
        server: None,
        patient: None,
        resource: [8; 8],
    };
    let filed = |provider, outcome, as_of: Option<DateTime<Utc>>| EncounterEvent::Filed {
        encounter: Personal::Known(Filed {
            provider,
            slot: Slot {
                start: time("1969-07-20T20:17:40Z"),
                minutes: 1440,
            },
            day: date("1969-07-21"),
            outcome,
            reason: Some(concept(CodeSystem::Snomed, "25064002", "Headache")),
            as_of,
            names: EncounterNames {
                identifiers: as_of.map(|_| [7; 8]).into_iter().collect(),
                sources: Sources::from(as_of.map(|_| source)),
            },
        }),
    };
    let (doctor, hospital) = (
        Provider::Practitioner(PractitionerId::new(id(2))),
        Provider::Organization(id(3)),
    );
    let concluded = |ending| EncounterEvent::Concluded {
        ending: Personal::Known(ending),
    };
    vec![
        filed(doctor, Outcome::Completed, None),
        filed(hospital, Outcome::Cancelled, Some(time("2026-03-02T09:00:00.001Z"))),
        filed(doctor, Outcome::Open, None),
        filed(doctor, Outcome::EnteredInError, Some(time("2026-03-02T09:00:00Z"))),
        EncounterEvent::Named {
            names: Personal::Known(EncounterNames {
                identifiers: vec![[9; 8]],
                sources: Sources::from(Some(source)),
            }),
        },
        concluded(Ending::Completed),
        concluded(Ending::NoShow),
        concluded(Ending::Cancelled {
            reason: Some(text("moved away")),
        }),
    ]
}
