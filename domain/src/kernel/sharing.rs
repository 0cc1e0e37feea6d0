//! Ids of what several organisations share: they say in which namespace of the log it stands.
//!
//! Such an id is a UUID of version 8 (RFC 9562, 5.8), whose fields are free to use:
//! ```text
//! namespace:4  6d63  8ca1  variant and random:6  check:2
//! ```
//! People hand such an id from one organisation to another, and who mistypes it would share with nobody. So its last two bytes tell whether it is one:
//! they are the first two of the UUID of version 5 (RFC 9562, 5.5) of the empty name, in the namespace that is the id with two zero bytes there.
//!
//! No other id of ours is such a one: those that are derived are of version 8 too, but have these 28 bits and the check by a chance of one in 2^44, and
//! whoever names an id cannot choose one of them.

use uuid::Uuid;

use super::{AggregateRef, AppointmentId, CalendarId, PractitionerId};

/// Bytes 4 to 7: the version, and what tells such an id from a derived one.
const MARK: [u8; 4] = [0x6d, 0x63, 0x8c, 0xa1];

/// The same in the text of such an id.
pub const MARK_IN_TEXT: &str = "-6d63-8ca1-";

/// The id of something that is shared in the namespace of this number. The rest of it is of the second half of another UUID, with the variant's two bits.
fn id_shared_in(namespace: u32, other: Uuid) -> Uuid {
    let [a, b, c, d] = namespace.to_be_bytes();
    let [e, f, g, h] = MARK;
    let [.., i, j, k, l, m, n, _, _] = other.into_bytes();
    checked(Uuid::from_bytes([
        a,
        b,
        c,
        d,
        e,
        f,
        g,
        h,
        i & 0x3f | 0x80,
        j,
        k,
        l,
        m,
        n,
        0,
        0,
    ]))
}

/// An id with its check in the place of its last two bytes.
fn checked(id: Uuid) -> Uuid {
    let without = id.as_u128() & !0xffff;
    let check = Uuid::new_v5(&Uuid::from_u128(without), b"").as_u128() >> 112;
    Uuid::from_u128(without | check)
}

/// The number of the namespace in which something is shared, if its id says so.
fn namespace_of(id: Uuid) -> Option<u32> {
    let (namespace, rest) = id.as_bytes().split_first_chunk()?;
    let is_shared = rest.starts_with(&MARK) && id.get_variant() == uuid::Variant::RFC4122 && checked(id) == id;
    is_shared.then(|| u32::from_be_bytes(*namespace))
}

impl PractitionerId {
    /// The id of a practitioner whose days are shared in the namespace of this number, made from another id.
    #[must_use]
    pub fn sharing_days_in(self, namespace: u32) -> Self {
        Self::new(id_shared_in(namespace, self.uuid()))
    }

    /// The number of the namespace in which the practitioner's days are shared; `None` when they are the organisation's alone.
    pub fn shares_days_in(self) -> Option<u32> {
        namespace_of(self.uuid())
    }
}

impl AppointmentId {
    /// The id of an appointment that is booked on a shared day, made from another id: its second half follows from the first and the day.
    #[must_use]
    pub fn of_shared_day(self, day: CalendarId) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = self.uuid().into_bytes();
        let first = [a, b, c, d, e, f, g, h];
        let name = [day.day.to_string().as_bytes(), first.as_slice()].concat();
        let [.., i, j, k, l, m, n, o, p] = Uuid::new_v5(&day.owner, &name).into_bytes();
        Self::new(Uuid::from_bytes([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]))
    }

    /// Whether it may be booked on this shared day.
    pub fn is_of_shared_day(self, day: CalendarId) -> bool {
        self == self.of_shared_day(day)
    }
}

impl AggregateRef {
    /// The number of the namespace in which it is shared; `None` when it is the organisation's alone. Only calendars are ever shared.
    pub fn shared_in(&self) -> Option<u32> {
        match self {
            Self::Calendar(CalendarId { owner, .. }) => namespace_of(*owner),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;
    use proptest::prelude::*;

    use super::*;
    use crate::kernel::PatientId;

    proptest! {
        #[test]
        fn an_id_says_where_the_days_are_shared(namespace in any::<u32>(), id in any::<u128>(), day in 0..60_000_i32) {
            let id = PractitionerId::new(uuid::Builder::from_random_bytes(id.to_be_bytes()).into_uuid());
            let shared = id.sharing_days_in(namespace);
            prop_assert_eq!(shared.shares_days_in(), Some(namespace));
            prop_assert_eq!(shared.uuid().get_version_num(), 8);
            prop_assert_eq!(id.shares_days_in(), None);
            let day = NaiveDate::from_epoch_days(day).unwrap();
            let calendar = AggregateRef::from(CalendarId::of(shared, day));
            prop_assert_eq!(calendar.shared_in(), Some(namespace));
            let appointment = AppointmentId::new(id.uuid()).of_shared_day(CalendarId::of(shared, day));
            prop_assert!(appointment.is_of_shared_day(CalendarId::of(shared, day)));
            let next = CalendarId::of(shared, day.succ_opt().unwrap());
            prop_assert!(!appointment.is_of_shared_day(next));
            prop_assert_ne!(AppointmentId::new(id.uuid()).of_shared_day(next), appointment);
            // What else has such an id is shared with nobody.
            prop_assert_eq!(AggregateRef::from(shared).shared_in(), None);
            prop_assert_eq!(AggregateRef::from(PatientId::new(shared.uuid())).shared_in(), None);
        }
    }

    /// Of all mistyped ids one in 65,536 is taken for another one; of this one none that has one wrong digit.
    #[test]
    fn an_id_with_one_digit_mistyped_is_shared_with_nobody() {
        let id = PractitionerId::new(Uuid::from_u128(7)).sharing_days_in(3);
        for (digit, other) in (0..32).flat_map(|digit| (1..16).map(move |other| (digit, other))) {
            let mistyped = PractitionerId::new(Uuid::from_u128(id.uuid().as_u128() ^ (other << (digit * 4))));
            assert_eq!(mistyped.shares_days_in(), None, "{mistyped}");
        }
    }

    #[test]
    fn the_form_never_changes() {
        let id = PractitionerId::new(Uuid::from_u128(0x4242_4242_4242_4242_8242_4242_4242_4242));
        let shared = id.sharing_days_in(7);
        // Both computed apart from this program.
        assert_eq!(shared.to_string(), "00000007-6d63-8ca1-8242-424242420b80");
        assert!(shared.to_string().contains(MARK_IN_TEXT));
        let day = CalendarId::of(shared, NaiveDate::from_ymd_opt(2026, 3, 1).unwrap());
        let appointment = AppointmentId::new(id.uuid()).of_shared_day(day);
        assert_eq!(appointment.to_string(), "42424242-4242-4242-9b67-a7832e723e40");
    }
}
