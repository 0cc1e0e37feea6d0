//! Samples of the events for the tests of their encoding: one of each variant, and any.

use proptest::prelude::*;

use super::{Booking, CalendarEvent, Cancellation, Session};
use crate::kernel::{AppointmentId, CodeSystem, PatientId, Personal, Slot};
use crate::samples::strategies::{concepts, dates, personal, seconds, texts, uuids};
use crate::samples::values::{concept, date, id, text, time};

/// Every calendar event.
pub(crate) fn examples() -> Vec<CalendarEvent> {
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

/// Any event, its personal field known or sealed.
pub(crate) fn strategy() -> impl Strategy<Value = CalendarEvent> {
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
