//! Messages to people outside: of what they are told, in which words, and when that is tried again.
//!
//! A message says that there is something to look at, and where. It has no health data, and does not say what has happened: it is read by whoever keeps the mailbox, or sees the
//! screen that it appears on. What has happened is read after signing in.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::kernel::PatientId;
use strum::{EnumString, IntoStaticStr, VariantArray};
use uuid::Uuid;

/// What somebody is told of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum Occasion {
    /// A practitioner has opened a record in an emergency: its patient is told.
    EmergencyOpened,
    /// Somebody has not justified that: those who oversee practitioners are told.
    EmergencyFlagged,
    /// Somebody asks to be let into a record: its patient is told, once a day at most.
    AccessRequested,
}

/// Who is told of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Audience {
    /// The patient whom it concerns.
    Patient,
    /// Registrars and auditors. They are not told whom it concerns.
    Overseers,
}

/// A way for messages to leave the house.
#[derive(Clone, Copy, PartialEq, Eq, Debug, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum Channel {
    /// By mail.
    Mail,
    /// To another system of the organisation's, which tells whom it concerns in its own way.
    Webhook,
}

/// Something that has happened for good, and of which somebody is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Occurrence {
    /// What.
    pub occasion: Occasion,
    /// What it has happened to: an emergency, or a request for access.
    pub about: Uuid,
    /// Whose record it concerns.
    pub patient: PatientId,
    /// When.
    pub at: DateTime<Utc>,
}

/// A message: of one occurrence, by one channel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notification {
    /// Its id: the same whoever makes it, and each time that it is sent, so that whoever gets it twice can tell.
    pub id: Uuid,
    /// Of what.
    pub occasion: Occasion,
    /// What that has happened to.
    pub about: Uuid,
    /// How.
    pub channel: Channel,
    /// The patient who is told; `None` when it is others.
    pub patient: Option<PatientId>,
    /// When it has happened.
    pub at: DateTime<Utc>,
}

/// For how long after it has happened people are told: a little longer than all attempts take.
pub const TOLD_WITHIN: TimeDelta = TimeDelta::hours(76);

/// How long is waited after the first attempt, the second, and so on: what the [Standard Webhooks](https://www.standardwebhooks.com) specification recommends.
const WAITS: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(5),
    Duration::from_hours(10),
    Duration::from_hours(14),
    Duration::from_hours(20),
    Duration::from_hours(24),
];

/// How long is waited after so many attempts; `None` when there have been enough.
pub fn wait_after(attempts: u32) -> Option<Duration> {
    let before = usize::try_from(attempts).ok()?.checked_sub(1)?;
    WAITS.get(before).copied()
}

impl Occasion {
    /// Who is told.
    pub const fn audience(self) -> Audience {
        match self {
            Self::EmergencyOpened | Self::AccessRequested => Audience::Patient,
            Self::EmergencyFlagged => Audience::Overseers,
        }
    }

    /// What a message is called for other systems. It never changes, and says no more than the words for people do.
    pub const fn topic(self) -> &'static str {
        match self {
            Self::EmergencyOpened | Self::AccessRequested => "access.updated",
            Self::EmergencyFlagged => "emergencies.flagged",
        }
    }

    /// The words for people, from an organisation at whose address they sign in.
    pub fn letter(self, organisation: &str, sign_in_at: &str) -> Letter {
        let (subject, said) = match self {
            Self::EmergencyOpened | Self::AccessRequested => (
                format!("Your record at {organisation}"),
                "There is something new about who may read your record, has read it, or asks to. Please look at it; if you see something there that you do not understand, ask us.",
            ),
            Self::EmergencyFlagged => (
                format!("Emergencies to look at, {organisation}"),
                "A record was opened in an emergency, and that was not justified in time. Please look at the list of emergencies.",
            ),
        };
        let text = format!(
            "{said}\n\nSign in at {sign_in_at}\n\n{organisation}\n\nA machine has sent this message. It says nothing about anybody's health, and asks for no password.\n"
        );
        Letter { subject, text }
    }
}

/// A message in words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Letter {
    /// What it is about.
    pub subject: String,
    /// What it says.
    pub text: String,
}

impl Occurrence {
    /// Its message by a channel.
    pub fn by(&self, channel: Channel) -> Notification {
        let (occasion, way): (&str, &str) = (self.occasion.into(), channel.into());
        Notification {
            id: Uuid::new_v5(&self.about, format!("{occasion}/{way}").as_bytes()),
            occasion: self.occasion,
            about: self.about,
            channel,
            patient: match self.occasion.audience() {
                Audience::Patient => Some(self.patient),
                Audience::Overseers => None,
            },
            at: self.at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_attempts_take_three_days_and_people_are_told_for_so_long() {
        let waits: Vec<_> = (1..).map_while(wait_after).collect();
        assert_eq!(waits.len(), 9);
        let all = TimeDelta::from_std(waits.iter().sum()).unwrap();
        assert!(TimeDelta::hours(75) < all && all < TOLD_WITHIN, "{all}");
        assert_eq!(wait_after(0), None);
    }

    #[test]
    fn a_message_has_one_id_whoever_makes_it_and_each_channel_its_own() {
        let occurrence = |occasion, about| Occurrence {
            occasion,
            about: Uuid::from_u128(about),
            patient: PatientId::new(Uuid::from_u128(7)),
            at: DateTime::UNIX_EPOCH,
        };
        let mut ids = Vec::new();
        for occasion in Occasion::VARIANTS {
            for channel in Channel::VARIANTS {
                for about in [1, 2] {
                    let message = occurrence(*occasion, about).by(*channel);
                    assert_eq!(message, occurrence(*occasion, about).by(*channel));
                    ids.push(message.id);
                }
            }
        }
        let made = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), made);
    }

    #[test]
    fn who_oversees_is_not_told_whom_it_concerns() {
        for occasion in Occasion::VARIANTS {
            let occurrence = Occurrence {
                occasion: *occasion,
                about: Uuid::nil(),
                patient: PatientId::new(Uuid::nil()),
                at: DateTime::UNIX_EPOCH,
            };
            let told = occurrence.by(Channel::Webhook).patient;
            assert_eq!(told.is_some(), occasion.audience() == Audience::Patient);
        }
    }

    #[test]
    fn what_a_patient_is_sent_does_not_say_what_has_happened() {
        let to_patients = Occasion::VARIANTS
            .iter()
            .filter(|occasion| occasion.audience() == Audience::Patient);
        let mut sent: Vec<_> = to_patients
            .map(|occasion| {
                (
                    occasion.topic(),
                    occasion.letter("The Clinic", "https://clinic.example"),
                )
            })
            .collect();
        sent.dedup();
        let [(topic, letter)] = sent.as_slice() else {
            panic!("what has happened shows in the words: {sent:?}");
        };
        let said = format!("{topic} {} {}", letter.subject, letter.text).to_lowercase();
        for word in ["emergency", "doctor", "opened", "patient"] {
            assert!(!said.contains(word), "{word}");
        }
        assert!(
            letter.text.contains("Sign in at https://clinic.example\n"),
            "{}",
            letter.text
        );
    }
}
