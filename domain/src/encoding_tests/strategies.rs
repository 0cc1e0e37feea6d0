//! Generates any event of any aggregate, its personal field known or sealed.

use chrono::{DateTime, NaiveDate, Utc};
use proptest::prelude::*;
use proptest::sample::select;
use strum::VariantArray as _;
use uuid::Uuid;

use crate::account::{AccountEvent, Binding, Holder, KeyHash, OfPatient, Proof, Role, Said, Scope, Title};
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

fn texts() -> impl Strategy<Value = String> {
    "[a-zäß語 ]{0,6}"
}

fn text_lists() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(texts(), 0..3)
}

fn uuids() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

fn dates() -> impl Strategy<Value = NaiveDate> {
    prop_oneof![
        (-100_000..100_000).prop_map(|days| NaiveDate::from_epoch_days(days).unwrap()),
        select(vec![NaiveDate::MIN, NaiveDate::MAX])
    ]
}

fn seconds() -> impl Strategy<Value = DateTime<Utc>> {
    (-10_000_000_000..10_000_000_000_i64).prop_map(|seconds| DateTime::from_timestamp(seconds, 0).unwrap())
}

fn millis() -> impl Strategy<Value = DateTime<Utc>> {
    (-10_000_000_000_000..10_000_000_000_000_i64).prop_map(|millis| DateTime::from_timestamp_millis(millis).unwrap())
}

fn instants() -> impl Strategy<Value = DateTime<Utc>> {
    (-10_000_000_000..10_000_000_000_i64, 0..1_000_000_000_u32)
        .prop_map(|(seconds, nanos)| DateTime::from_timestamp(seconds, nanos).unwrap())
}

fn personal<T: std::fmt::Debug>(values: impl Strategy<Value = T>) -> impl Strategy<Value = Personal<T>> {
    prop::option::weighted(0.8, values).prop_map(|value| value.map_or(Personal::Sealed, Personal::Known))
}

fn concepts() -> impl Strategy<Value = Concept> {
    let systems = prop_oneof![
        select(vec![
            CodeSystem::Snomed,
            CodeSystem::Loinc,
            CodeSystem::RxNorm,
            CodeSystem::Icd10
        ]),
        texts().prop_map(CodeSystem::Other)
    ];
    let codings = (systems, texts()).prop_map(|(system, code)| Coding { system, code });
    (prop::option::of(codings), texts()).prop_map(|(coding, text)| Concept { coding, text })
}

fn names() -> impl Strategy<Value = HumanName> {
    (texts(), text_lists(), text_lists()).prop_map(|(family, given, prefix)| HumanName { family, given, prefix })
}

fn genders() -> impl Strategy<Value = Gender> {
    select(vec![Gender::Male, Gender::Female, Gender::Other, Gender::Unknown])
}

fn identifiers() -> impl Strategy<Value = Option<Identifier>> {
    prop::option::of((texts(), texts()).prop_map(|(system, value)| Identifier { system, value }))
}

fn addresses() -> impl Strategy<Value = Address> {
    (text_lists(), texts(), texts(), texts(), texts()).prop_map(|(lines, city, state, postal_code, country)| Address {
        lines,
        city,
        state,
        postal_code,
        country,
    })
}

fn details() -> impl Strategy<Value = PatientDetails> {
    let contact = (
        prop::option::of(addresses()),
        prop::option::of(texts()),
        prop::option::of(texts()),
    );
    (
        names(),
        dates(),
        genders(),
        contact,
        prop::option::of(deaths()),
        identifiers(),
        (
            prop::collection::vec(identifiers().prop_filter_map("an identifier", |one| one), 0..3),
            prop::option::of(millis()),
        ),
    )
        .prop_map(
            |(name, birth_date, gender, (address, phone, email), deceased, identifier, (other_identifiers, as_of))| {
                PatientDetails {
                    name,
                    birth_date,
                    gender,
                    address,
                    phone,
                    email,
                    deceased,
                    identifier,
                    other_identifiers,
                    as_of,
                }
            },
        )
}

fn deaths() -> impl Strategy<Value = Deceased> {
    prop_oneof![
        instants().prop_map(Deceased::At),
        dates().prop_map(Deceased::On),
        (dates(), dates()).prop_map(|(first, last)| Deceased::Between { first, last }),
        Just(Deceased::Unknown)
    ]
}

fn findings<T: Clone + std::fmt::Debug + 'static>(
    items: impl Strategy<Value = T>,
) -> impl Strategy<Value = Findings<T>> {
    prop_oneof![
        prop::collection::vec(items, 0..3).prop_map(Findings::from),
        select(vec![Findings::NotAsked, Findings::Unknown, Findings::NoneKnown])
    ]
}

fn source() -> impl Strategy<Value = SourceId> {
    let source = (any::<bool>(), any::<bool>(), any::<[u8; 4]>(), any::<[u8; 8]>());
    source.prop_map(|(has_server, has_patient, digest, resource)| SourceId {
        server: has_server.then_some(SourceId::of_server(digest)),
        patient: has_patient.then_some(SourceId::of_patient(digest)),
        resource,
    })
}

fn sources() -> impl Strategy<Value = Option<SourceId>> {
    prop::option::of(source())
}

fn tellers() -> impl Strategy<Value = Sources> {
    prop::collection::vec(source(), 0..4).prop_map(Sources::new)
}

fn intakes() -> impl Strategy<Value = Intake> {
    let day = || prop::option::of(dates());
    let as_of = || prop::option::of(millis());
    let abated = prop::option::of(prop_oneof![dates().prop_map(Abated::On), Just(Abated::Unknown)]);
    let conditions =
        (concepts(), day(), abated, as_of(), tellers()).prop_map(|(concept, onset, abated, as_of, sources)| {
            Condition {
                concept,
                onset,
                abated,
                as_of,
                sources,
            }
        });
    let allergies =
        (concepts(), any::<bool>(), as_of(), tellers()).prop_map(|(concept, high_criticality, as_of, sources)| {
            Allergy {
                concept,
                high_criticality,
                as_of,
                sources,
            }
        });
    let medications =
        (concepts(), day(), any::<bool>(), as_of(), tellers()).prop_map(|(concept, since, active, as_of, sources)| {
            Medication {
                concept,
                since,
                active,
                as_of,
                sources,
            }
        });
    let kinds = select(AllergyKind::VARIANTS.to_vec());
    let matters = || select(vec![Matter::Conditions, Matter::Allergies, Matter::Medications]);
    let withdrawn = (matters(), prop::option::of(concepts()), day(), sources(), millis()).prop_map(
        |(matter, concept, since, source, as_of)| Withdrawn {
            matter,
            concept,
            since,
            source,
            as_of,
        },
    );
    let kind = prop::option::of(select(AllergyKind::VARIANTS.to_vec()));
    let words =
        (matters(), kind, any::<bool>(), sources(), millis()).prop_map(|(matter, kind, holds, source, as_of)| Word {
            matter,
            kind,
            holds,
            source,
            as_of,
        });
    let lists = (
        findings(conditions),
        findings(allergies),
        prop::collection::vec(kinds, 0..3),
        findings(medications),
        text_lists(),
        prop::collection::vec(withdrawn, 0..3),
        prop::collection::vec(words, 0..3),
    );
    lists.prop_map(
        |(conditions, allergies, no_known_allergies_to, medications, symptoms, withdrawn, words)| Intake {
            conditions,
            allergies,
            no_known_allergies_to,
            medications,
            symptoms,
            withdrawn,
            words,
        },
    )
}

pub(super) fn patient() -> impl Strategy<Value = PatientEvent> {
    let registrations = (details(), intakes()).prop_map(|(details, intake)| Registration { details, intake });
    prop_oneof![
        personal(registrations).prop_map(|registration| PatientEvent::Registered { registration }),
        personal(details()).prop_map(|details| PatientEvent::DetailsUpdated { details }),
        personal(intakes()).prop_map(|intake| PatientEvent::IntakeUpdated { intake }),
    ]
}

pub(super) fn practitioner() -> impl Strategy<Value = PractitionerEvent> {
    let details = (
        names(),
        genders(),
        prop::collection::vec(concepts(), 0..3),
        text_lists(),
        select(chrono_tz::TZ_VARIANTS.to_vec()),
        identifiers(),
        prop::option::of(millis()),
    )
        .prop_map(
            |(name, gender, specializations, credentials, time_zone, identifier, as_of)| PractitionerDetails {
                as_of,
                name,
                gender,
                specializations,
                credentials,
                time_zone,
                identifier,
            },
        );
    (details, any::<bool>()).prop_map(|(details, new)| {
        if new {
            PractitionerEvent::Registered { details }
        } else {
            PractitionerEvent::DetailsUpdated { details }
        }
    })
}

pub(super) fn calendar() -> impl Strategy<Value = CalendarEvent> {
    use CalendarEvent as E;
    let ids = || uuids().prop_map(AppointmentId::new);
    let slots = || (seconds(), any::<u32>()).prop_map(|(start, minutes)| Slot { start, minutes });
    let bookings = || {
        let booking = (uuids().prop_map(PatientId::new), prop::option::of(concepts()));
        personal(booking.prop_map(|(patient, reason)| Booking { patient, reason }))
    };
    let cancellation = (uuids().prop_map(PatientId::new), prop::option::of(texts()))
        .prop_map(|(patient, reason)| Cancellation { patient, reason });
    let sessions = (seconds(), seconds(), any::<u32>()).prop_map(|(start, end, slot_minutes)| Session {
        start,
        end,
        slot_minutes,
    });
    prop_oneof![
        prop::collection::vec(sessions, 0..4).prop_map(|sessions| E::AvailabilityPublished { sessions }),
        (ids(), slots(), bookings()).prop_map(|(appointment, slot, booking)| E::Booked {
            appointment,
            slot,
            booking
        }),
        ids().prop_map(|appointment| E::Confirmed { appointment }),
        (ids(), slots(), personal(uuids().prop_map(PatientId::new))).prop_map(|(appointment, slot, patient)| {
            E::Rescheduled {
                appointment,
                slot,
                patient,
            }
        }),
        (ids(), dates(), personal(uuids().prop_map(PatientId::new))).prop_map(|(appointment, to, patient)| {
            E::MovedOut {
                appointment,
                to,
                patient,
            }
        }),
        (ids(), slots(), dates(), bookings()).prop_map(|(appointment, slot, from, booking)| E::MovedIn {
            appointment,
            slot,
            from,
            booking
        }),
        (ids(), personal(cancellation)).prop_map(|(appointment, cancellation)| E::Cancelled {
            appointment,
            cancellation
        }),
        ids().prop_map(|appointment| E::Completed { appointment }),
        ids().prop_map(|appointment| E::NoShowMarked { appointment }),
    ]
}

pub(super) fn account() -> impl Strategy<Value = AccountEvent> {
    let wallets = || any::<[u8; 20]>().prop_map(Wallet);
    let roles = || {
        select(vec![
            Role::Patient,
            Role::Doctor,
            Role::Hospital,
            Role::Insurer,
            Role::Registrar,
            Role::Auditor,
            Role::Administrator,
        ])
    };
    let patients = || personal(uuids().prop_map(PatientId::new));
    let holders = prop_oneof![
        patients().prop_map(Holder::Patient),
        uuids()
            .prop_map(PractitionerId::new)
            .prop_map(|practitioner| Holder::Practitioner { practitioner }),
        (texts(), roles()).prop_map(|(name, role)| Holder::Staff { name, role }),
        (texts(), roles()).prop_map(|(name, role)| Holder::Service { name, role }),
    ];
    let proofs = || {
        (texts(), prop::collection::vec(any::<u8>(), 65)).prop_map(|(message, signature)| Proof { message, signature })
    };
    let titles = prop_oneof![
        Just(Title::Registration),
        uuids().prop_map(|issuer| Title::Invitation {
            issuer: AccountId::new(issuer)
        }),
        proofs().prop_map(|proof| Title::FormerWallet { proof }),
        Just(Title::Configuration),
        uuids().prop_map(|issuer| Title::Approval {
            issuer: AccountId::new(issuer)
        }),
    ];
    let bindings =
        said((wallets(), proofs(), titles).prop_map(|(wallet, proof, title)| Binding { wallet, proof, title }));
    let scopes = prop::collection::vec(select(vec![Scope::Read, Scope::Write, Scope::Import]), 0..4);
    let keys = (uuids(), any::<[u8; 32]>(), scopes, prop::option::of(instants()));
    prop_oneof![
        holders.prop_map(|holder| AccountEvent::Opened { holder }),
        keys.prop_map(|(key, hash, scopes, expires)| AccountEvent::KeyIssued {
            key,
            hash: KeyHash(hash),
            scopes,
            expires
        }),
        uuids().prop_map(|key| AccountEvent::KeyRevoked { key }),
        Just(AccountEvent::Closed),
        bindings.prop_map(|binding| AccountEvent::WalletBound { binding }),
        said(texts()).prop_map(|reason| AccountEvent::WalletUnbound { reason }),
    ]
}

/// About a patient, sealed or not, or about anybody else.
fn said<T: Clone + std::fmt::Debug>(values: impl Strategy<Value = T>) -> impl Strategy<Value = Said<T>> {
    (values, uuids().prop_map(PatientId::new), 0..3_u8).prop_map(|(value, patient, which)| match which {
        0 => Said::Openly(value),
        1 => Said::OfPatient(Personal::Sealed),
        _ => Said::OfPatient(Personal::Known(OfPatient { patient, value })),
    })
}

pub(super) fn wallet() -> impl Strategy<Value = WalletEvent> {
    prop_oneof![
        uuids().prop_map(|account| WalletEvent::Claimed {
            account: AccountId::new(account)
        }),
        Just(WalletEvent::Released),
    ]
}

pub(super) fn encounter() -> impl Strategy<Value = EncounterEvent> {
    use EncounterEvent as E;
    let called = || {
        (prop::collection::vec(any::<[u8; 8]>(), 0..3), tellers())
            .prop_map(|(identifiers, sources)| EncounterNames { identifiers, sources })
    };
    let outcomes = select(vec![
        Outcome::Completed,
        Outcome::Cancelled,
        Outcome::Open,
        Outcome::EnteredInError,
    ]);
    let providers = (uuids(), any::<bool>()).prop_map(|(id, is_practitioner)| {
        if is_practitioner {
            Provider::Practitioner(PractitionerId::new(id))
        } else {
            Provider::Organization(id)
        }
    });
    let times = (seconds(), any::<u32>(), dates());
    let told = (
        providers,
        times,
        outcomes,
        prop::option::of(concepts()),
        prop::option::of(millis()),
        called(),
    );
    let filed = told.prop_map(
        |(provider, (start, minutes, day), outcome, reason, as_of, names)| Filed {
            provider,
            slot: Slot { start, minutes },
            day,
            outcome,
            reason,
            as_of,
            names,
        },
    );
    let endings = prop_oneof![
        select(vec![Ending::Completed, Ending::NoShow]),
        prop::option::of(texts()).prop_map(|reason| Ending::Cancelled { reason }),
    ];
    prop_oneof![
        personal(filed).prop_map(|encounter| E::Filed { encounter }),
        personal(called()).prop_map(|names| E::Named { names }),
        personal(endings).prop_map(|ending| E::Concluded { ending }),
    ]
}
