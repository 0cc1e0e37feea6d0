//! Random histories of a clinic: what its aggregates decide when people try this and that. The same seed, the same history.

use std::collections::BTreeMap;

use application::log::AnyEvent;
use chrono::{DateTime, Duration, NaiveDate, Utc};
use domain::account::{AccountEvent, Holder, KeyHash, Role, Scope};
use domain::calendar::{Booking, Calendar, CalendarCommand, Session};
use domain::chart::{
    Absence, Allergy, AnyFinding, Chart, ChartCommand, Condition, Criticality, FindingId, ListKind, Medication, Symptom,
};
use domain::encounter::{Encounter, EncounterCommand, EncounterNames, Ending, Filed, Outcome, Provider, Told};
use domain::kernel::{
    AccountId, AppointmentId, CalendarId, ChartId, ClinicAggregate, CodeSystem, Coding, Concept, EncounterId, Gender,
    HumanName, PatientId, Personal, PractitionerId, Slot, Sources,
};
use domain::patient::{PatientDetails, PatientEvent};
use domain::practitioner::{PractitionerDetails, PractitionerEvent};
use uuid::Uuid;

/// How many practitioners a clinic has, and for how many days it has calendars.
const PRACTITIONERS: u64 = 4;
const DAYS: u64 = 6;
/// How many appointments are in play.
const APPOINTMENTS: u64 = 60;
/// How many patients and accounts are in play.
const PATIENTS: u64 = 25;
const ACCOUNTS: u64 = 5;
/// How many encounters of each patient are in play.
const ENCOUNTERS: u64 = 3;
/// How many findings of each patient are in play.
const FINDINGS: u64 = 6;

/// A clinic that goes on at random.
#[derive(Clone, Debug)]
pub struct History {
    random: u64,
    calendars: BTreeMap<CalendarId, Calendar>,
    homes: BTreeMap<AppointmentId, CalendarId>,
    patients: BTreeMap<PatientId, u64>,
    charts: BTreeMap<PatientId, Chart>,
    encounters: BTreeMap<EncounterId, Encounter>,
    practitioners: BTreeMap<PractitionerId, u64>,
    accounts: BTreeMap<AccountId, u64>,
}

/// The first day of all calendars.
pub fn first_day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2031, 3, 1).unwrap()
}

/// A practitioner of the clinic.
pub fn practitioner(number: u64) -> PractitionerId {
    PractitionerId::new(Uuid::from_u64_pair(1, number))
}

/// A patient of the clinic.
pub fn patient(number: u64) -> PatientId {
    PatientId::new(Uuid::from_u64_pair(2, number))
}

/// A quarter of an hour of a day.
pub fn at(day: NaiveDate, quarter: u64) -> DateTime<Utc> {
    day.and_hms_opt(8, 0, 0).unwrap().and_utc() + Duration::minutes(15 * i64::try_from(quarter).unwrap())
}

/// A finding, of a list that its number tells.
fn finding(number: u64, text: &str) -> AnyFinding {
    let text = text.to_owned();
    let concept = Concept {
        coding: None,
        text: text.clone(),
    };
    match number {
        0 => AnyFinding::Condition(Condition {
            concept,
            onset: Some(first_day()),
            abated: None,
            as_of: None,
            sources: Sources::default(),
        }),
        1 => AnyFinding::Allergy(Allergy {
            concept,
            criticality: Some(Criticality::High),
            as_of: None,
            sources: Sources::default(),
        }),
        2 => AnyFinding::Medication(Medication {
            concept,
            since: None,
            active: true,
            as_of: None,
            sources: Sources::default(),
        }),
        _ => AnyFinding::Symptom(Symptom { text }),
    }
}

impl History {
    /// A clinic that has just opened.
    pub fn new(seed: u64) -> Self {
        Self {
            random: seed,
            calendars: BTreeMap::new(),
            homes: BTreeMap::new(),
            patients: BTreeMap::new(),
            charts: BTreeMap::new(),
            encounters: BTreeMap::new(),
            practitioners: BTreeMap::new(),
            accounts: BTreeMap::new(),
        }
    }

    /// Other things happen from here on.
    pub fn diverge(&mut self, seed: u64) {
        self.random ^= seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    /// The next decisions, each the events of one commit.
    pub fn commits(&mut self, count: usize) -> Vec<Vec<AnyEvent>> {
        let mut commits = Vec::new();
        while commits.len() < count {
            let events = self.step();
            if !events.is_empty() {
                commits.push(events);
            }
        }
        commits
    }

    /// SplitMix64.
    fn below(&mut self, bound: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn step(&mut self) -> Vec<AnyEvent> {
        match self.below(12) {
            0 => self.patient(),
            1 => vec![self.practitioner()],
            2 => self.account().into_iter().collect(),
            3 | 4 => self.encounter(),
            _ => self.calendar(),
        }
    }

    fn patient(&mut self) -> Vec<AnyEvent> {
        let id = patient(self.below(PATIENTS));
        let details = PatientDetails {
            name: HumanName {
                family: format!("Family{}", self.below(9)),
                given: vec![format!("Given{}", self.below(9)), "Ada".to_owned()],
                prefix: Vec::new(),
            },
            ..PatientDetails::default()
        };
        let finding = self.below(100);
        let events = self.patients.entry(id).or_default();
        *events += 1;
        let event = match *events {
            1 => PatientEvent::Registered {
                details: Personal::Known(details),
            },
            even if even % 2 == 0 => return self.chart(id, finding),
            _ => PatientEvent::DetailsUpdated {
                details: Personal::Known(details),
            },
        };
        vec![AnyEvent::Patient(id, event)]
    }

    /// Of a patient who is registered: what is noted already is changed or refuted, or else a finding is noted.
    fn chart(&mut self, patient: PatientId, chosen: u64) -> Vec<AnyEvent> {
        let number = chosen % FINDINGS;
        let id = FindingId(Uuid::from_u128(patient.uuid().as_u128() << 64 | u128::from(number)));
        let finding = finding(number, &format!("finding {chosen}"));
        let other = match chosen / FINDINGS % 3 {
            0 => ChartCommand::Change {
                id,
                finding: finding.clone(),
                now: at(first_day(), 0),
            },
            1 => ChartCommand::Refute {
                id,
                now: at(first_day(), 0),
            },
            _ => ChartCommand::StateAbsence {
                list: ListKind::Allergies,
                absence: Absence::NoneKnown,
                now: at(first_day(), 0),
            },
        };
        let chart = self.charts.entry(patient).or_default();
        let decided = chart.decide(other).or_else(|_| {
            chart.decide(ChartCommand::Note {
                id,
                finding,
                now: at(first_day(), 0),
            })
        });
        let events = decided.unwrap_or_default();
        for event in &events {
            chart.apply(event.clone());
        }
        let of_patient = |event| AnyEvent::Chart(ChartId(patient), event);
        events.into_iter().map(of_patient).collect()
    }

    fn practitioner(&mut self) -> AnyEvent {
        let id = practitioner(self.below(PRACTITIONERS));
        let specialization = self.below(3);
        let details = PractitionerDetails {
            name: HumanName::default(),
            gender: Gender::Unknown,
            specializations: vec![Concept {
                coding: Some(Coding {
                    system: CodeSystem::Snomed,
                    code: specialization.to_string(),
                }),
                text: format!("Specialization {specialization}"),
            }],
            credentials: Vec::new(),
            time_zone: "UTC".parse().unwrap(),
            identifier: None,
            as_of: None,
        };
        let events = self.practitioners.entry(id).or_default();
        *events += 1;
        let event = if *events == 1 {
            PractitionerEvent::Registered { details }
        } else {
            PractitionerEvent::DetailsUpdated { details }
        };
        AnyEvent::Practitioner(id, event)
    }

    fn account(&mut self) -> Option<AnyEvent> {
        let number = self.below(ACCOUNTS);
        let id = AccountId::new(Uuid::from_u64_pair(4, number));
        let random = self.below(u64::MAX);
        let events = self.accounts.entry(id).or_default();
        *events += 1;
        let key = |number| Uuid::from_u64_pair(number, 5);
        let event = match *events {
            1 => AccountEvent::Opened {
                holder: Holder::Service {
                    name: format!("service {number}"),
                    role: Role::Hospital,
                },
            },
            even if even % 3 != 0 => AccountEvent::KeyIssued {
                key: key(even),
                hash: KeyHash([u8::try_from(random % 256).unwrap(); 32]),
                scopes: vec![Scope::Read],
                expires: None,
            },
            third => AccountEvent::KeyRevoked { key: key(third - 1) },
        };
        Some(AnyEvent::Account(id, event))
    }

    /// Of a patient who is registered.
    fn encounter(&mut self) -> Vec<AnyEvent> {
        let patient = patient(self.below(PATIENTS));
        let id = EncounterId {
            patient,
            id: Uuid::from_u128(patient.uuid().as_u128() << 64 | u128::from(self.below(ENCOUNTERS))),
        };
        let (day, quarter) = (first_day(), self.below(16));
        let now = at(day, 0) + Duration::days(30);
        let command = if self.below(3) == 0 {
            let ending = match self.below(3) {
                0 => Ending::Completed,
                1 => Ending::NoShow,
                _ => Ending::Cancelled {
                    reason: Some(format!("because {quarter}")),
                },
            };
            EncounterCommand::Conclude { ending, now }
        } else {
            EncounterCommand::File(Told {
                filed: self.filed(day, quarter),
                recognised: true,
                corrects: true,
                now,
            })
        };
        if !self.patients.contains_key(&patient) {
            return Vec::new();
        }
        let encounter = self.encounters.entry(id).or_default();
        let events = encounter.decide(command).unwrap_or_default();
        let take_in = |event: domain::encounter::EncounterEvent| {
            encounter.apply(event.clone());
            AnyEvent::Encounter(id, event)
        };
        events.into_iter().map(take_in).collect()
    }

    fn filed(&mut self, day: NaiveDate, quarter: u64) -> Filed {
        let provider = practitioner(self.below(PRACTITIONERS));
        Filed {
            provider: if self.below(3) == 0 {
                Provider::Organization(provider.uuid())
            } else {
                Provider::Practitioner(provider)
            },
            slot: Slot {
                start: at(day, quarter),
                minutes: 15,
            },
            day,
            outcome: [Outcome::Completed, Outcome::Cancelled, Outcome::Open][usize::try_from(self.below(3)).unwrap()],
            reason: None,
            as_of: None,
            names: EncounterNames::default(),
        }
    }

    fn calendar(&mut self) -> Vec<AnyEvent> {
        let day = first_day() + Duration::days(i64::try_from(self.below(DAYS)).unwrap());
        let id = CalendarId::of(practitioner(self.below(PRACTITIONERS)), day);
        let appointment = AppointmentId::new(Uuid::from_u64_pair(3, self.below(APPOINTMENTS)));
        let home = self.homes.get(&appointment).copied();
        let minutes = if self.below(2) == 0 { 15 } else { 30 };
        let quarter = self.below(16);
        let slot = |day| Slot {
            start: at(day, quarter),
            minutes,
        };
        let booking = Booking {
            patient: patient(self.below(PATIENTS)),
            reason: Some(Concept {
                coding: None,
                text: format!("reason {}", self.below(20)),
            }),
        };
        let (now, later) = (
            at(first_day(), 0) - Duration::days(1),
            at(first_day(), 0) + Duration::days(30),
        );
        let (choice, other) = (self.below(8), self.below(3));
        let commands = match (home, choice) {
            (_, 0) => vec![(
                id,
                CalendarCommand::PublishAvailability {
                    day,
                    time_zone: "UTC".parse().unwrap(),
                    sessions: vec![Session {
                        start: at(day, quarter / 2),
                        end: at(day, 16),
                        slot_minutes: minutes,
                    }],
                    now,
                },
            )],
            (None, _) => vec![(
                id,
                CalendarCommand::Book {
                    appointment,
                    slot: slot(day),
                    booking,
                    now,
                },
            )],
            (Some(home), 1) => {
                let to = slot(home.day);
                vec![(
                    home,
                    CalendarCommand::Reschedule {
                        appointment,
                        slot: to,
                        now,
                    },
                )]
            }
            (Some(home), 2 | 3) if home.owner == id.owner && home != id => {
                let known = self
                    .calendars
                    .get(&home)
                    .and_then(|calendar| calendar.appointment(appointment).cloned());
                let Some(booking) = known.and_then(|known| known.booking.known().cloned()) else {
                    return Vec::new();
                };
                let out = CalendarCommand::MoveOut {
                    appointment,
                    to: day,
                    now,
                };
                let into = CalendarCommand::MoveIn {
                    appointment,
                    slot: slot(day),
                    from: home.day,
                    booking,
                    now,
                };
                vec![(home, out), (id, into)]
            }
            (Some(home), 4) => vec![(home, CalendarCommand::Confirm { appointment })],
            (Some(home), 5) => {
                let reason = Some(format!("because {other}"));
                vec![(home, CalendarCommand::Cancel { appointment, reason })]
            }
            (Some(home), 6) => {
                vec![(
                    home,
                    CalendarCommand::Complete {
                        appointment,
                        now: later,
                    },
                )]
            }
            (Some(home), _) => {
                vec![(
                    home,
                    CalendarCommand::MarkNoShow {
                        appointment,
                        now: later,
                    },
                )]
            }
        };
        self.decide(appointment, commands)
    }

    /// All of them, or none.
    fn decide(&mut self, appointment: AppointmentId, commands: Vec<(CalendarId, CalendarCommand)>) -> Vec<AnyEvent> {
        let mut decided = Vec::new();
        for (id, command) in commands {
            let enters = matches!(command, CalendarCommand::Book { .. } | CalendarCommand::MoveIn { .. });
            match self.calendars.get(&id).cloned().unwrap_or_default().decide(command) {
                Ok(events) if !events.is_empty() => decided.push((id, enters, events)),
                _ => return Vec::new(),
            }
        }
        let mut all = Vec::new();
        for (id, enters, events) in decided {
            if enters {
                self.homes.insert(appointment, id);
            }
            for event in events {
                self.calendars.entry(id).or_default().apply(event.clone());
                all.push(AnyEvent::Calendar(id, event));
            }
        }
        all
    }
}
