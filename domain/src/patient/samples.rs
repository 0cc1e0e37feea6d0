//! Samples of the events for the tests of their encoding: one of each variant, and any.

use proptest::prelude::*;
use strum::IntoEnumIterator as _;

use super::{Deceased, Detail, DetailDates, PatientDetails, PatientEvent};
use crate::kernel::{Address, Gender, Personal};
use crate::samples::strategies::{dates, genders, identifiers, instants, millis, names, personal, text_lists, texts};
use crate::samples::values::{date, identifier, name, text, time};

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
        detail_dates: [
            (Detail::Gender, time("1952-11-26T08:00:00Z")),
            (Detail::Phone, time("1951-11-28T08:00:00.25Z")),
        ]
        .into_iter()
        .collect(),
    }
}

/// Every patient event, with every way to know of a death.
pub(crate) fn examples() -> Vec<PatientEvent> {
    let died = |deceased| PatientEvent::DetailsUpdated {
        details: Personal::Known(PatientDetails {
            deceased: Some(deceased),
            ..details()
        }),
    };
    vec![
        PatientEvent::Registered {
            details: Personal::Known(details()),
        },
        PatientEvent::DetailsUpdated {
            details: Personal::Known(details()),
        },
        died(Deceased::On(date("1952-11-27"))),
        died(Deceased::Between {
            first: date("1952-01-01"),
            last: date("1952-12-31"),
        }),
        died(Deceased::Unknown),
    ]
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

fn any_details() -> impl Strategy<Value = PatientDetails> {
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
            detail_dates(),
        ),
    )
        .prop_map(
            |(
                name,
                birth_date,
                gender,
                (address, phone, email),
                deceased,
                identifier,
                (other_identifiers, as_of, detail_dates),
            )| {
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
                    detail_dates,
                }
            },
        )
}

fn detail_dates() -> impl Strategy<Value = DetailDates> {
    let details = prop::sample::subsequence(Detail::iter().collect::<Vec<_>>(), 0..=3);
    (details, millis()).prop_map(|(details, told)| details.into_iter().map(|detail| (detail, told)).collect())
}

fn deaths() -> impl Strategy<Value = Deceased> {
    prop_oneof![
        instants().prop_map(Deceased::At),
        dates().prop_map(Deceased::On),
        (dates(), dates()).prop_map(|(first, last)| Deceased::Between { first, last }),
        Just(Deceased::Unknown)
    ]
}

/// Any event, its personal field known or sealed.
pub(crate) fn strategy() -> impl Strategy<Value = PatientEvent> {
    prop_oneof![
        personal(any_details()).prop_map(|details| PatientEvent::Registered { details }),
        personal(any_details()).prop_map(|details| PatientEvent::DetailsUpdated { details }),
    ]
}
