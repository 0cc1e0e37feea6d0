//! Whose namespaces are, and who writes in them: replayed from what the log itself says of it.
//!
//! The contract sees to it that nobody does what they may not. Here it is derived once more, from the entries alone.

use std::collections::BTreeMap;

use application::log::StreamId;
use infrastructure::chain::Address;
use infrastructure::chain::administration::{Act, subject_of};
use infrastructure::log::{Namespace, Origin};

/// The account that is nobody's.
const NOBODY: Address = Address([0; 20]);

/// A namespace at some position of the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct NamespaceNow {
    pub(crate) is_sealed: bool,
    pub(crate) owner: Address,
    /// Who writes in it, by number.
    pub(crate) writers: BTreeMap<u32, Address>,
    delay: u32,
    admissions: u32,
    /// To whom it is offered, and from when on they can accept it, in seconds since the Unix epoch.
    offer: Option<(Address, u64)>,
}

/// All namespaces at some position of the log.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Namespaces(BTreeMap<u32, NamespaceNow>);

/// What was expected, and what there was instead.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Unlawful {
    pub(crate) expected: String,
    pub(crate) got: String,
}

fn unlawful<T>(expected: impl Into<String>, got: impl Into<String>) -> Result<T, Unlawful> {
    Err(Unlawful {
        expected: expected.into(),
        got: got.into(),
    })
}

impl Namespaces {
    /// The namespaces by number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Namespace, &NamespaceNow)> {
        self.0.iter().map(|(number, now)| (Namespace(*number), now))
    }

    /// Takes an entry of namespace 0 in, of a block of this time.
    pub(crate) fn administer(
        &mut self,
        stream: &StreamId,
        origin: Origin,
        payload: &[u8],
        time: u64,
    ) -> Result<(), Unlawful> {
        if (origin.writer, origin.count) != (0, 1) {
            return unlawful(
                "an entry by the contract itself, in a commit of its own",
                format!("writer {}, in a commit of {}", origin.writer, origin.count),
            );
        }
        let Some(Namespace(number)) = subject_of(stream) else {
            return unlawful("a stream that ends in the number of a namespace", "another");
        };
        let Some(act) = Act::read(payload) else {
            return unlawful("an act of a namespace's owner", "an entry of another form");
        };
        if let Act::Opened {
            is_sealed,
            delay,
            owner,
        } = act
        {
            return self.open(number, is_sealed, delay, owner);
        }
        let Some(now) = self.0.get_mut(&number) else {
            return unlawful(
                "an act in a namespace that is open",
                format!("one in namespace {number}"),
            );
        };
        now.change(act, time)
    }

    fn open(&mut self, number: u32, is_sealed: bool, delay: u32, owner: Address) -> Result<(), Unlawful> {
        let next = self.0.keys().next_back().map_or(1, |last| last.saturating_add(1));
        if number != next {
            return unlawful(format!("namespace {next} is opened"), format!("namespace {number}"));
        }
        let opened = NamespaceNow {
            is_sealed,
            owner,
            writers: BTreeMap::new(),
            delay,
            admissions: 0,
            offer: None,
        };
        self.0.insert(number, opened);
        Ok(())
    }

    /// Checks that whoever wrote an entry could, then.
    pub(crate) fn admits(&self, namespace: Namespace, origin: Origin) -> Result<(), Unlawful> {
        let Some(now) = self.0.get(&namespace.0) else {
            return unlawful(
                "an entry in a namespace that is open",
                format!("one in namespace {namespace}"),
            );
        };
        if !now.writers.contains_key(&origin.writer) {
            let numbers: Vec<String> = now.writers.keys().map(u32::to_string).collect();
            let expected = format!("one of the writers of namespace {namespace}: {}", numbers.join(", "));
            return unlawful(expected, format!("writer {}", origin.writer));
        }
        if !now.is_sealed && origin.count != 1 {
            return unlawful("entries recorded one by one", format!("a commit of {}", origin.count));
        }
        Ok(())
    }
}

impl NamespaceNow {
    fn number_of(&self, account: Address) -> Option<u32> {
        let mut writers = self.writers.iter();
        writers
            .find(|(_, writer)| **writer == account)
            .map(|(number, _)| *number)
    }

    fn change(&mut self, act: Act, time: u64) -> Result<(), Unlawful> {
        match act {
            Act::Opened { .. } => unlawful("a namespace is opened once", "once more"),
            Act::Admitted { writer, account } => {
                let next = self.admissions.saturating_add(1);
                if writer != next || self.number_of(account).is_some() {
                    return unlawful(
                        format!("somebody who is no writer becomes writer {next}"),
                        format!("{account} becomes writer {writer}"),
                    );
                }
                self.admissions = next;
                self.writers.insert(writer, account);
                Ok(())
            }
            Act::Dismissed { writer, account } => {
                if self.number_of(account) != Some(writer) {
                    return unlawful(
                        "a writer is dismissed, by its number",
                        format!("{account} is dismissed as writer {writer}"),
                    );
                }
                self.writers.remove(&writer);
                Ok(())
            }
            Act::Offered {
                acceptable_from,
                candidate,
            } => {
                let from = time.saturating_add(self.delay.into());
                if acceptable_from != from {
                    return unlawful(
                        format!("an offer that can be accepted from {from} on"),
                        format!("from {acceptable_from} on"),
                    );
                }
                self.offer = (candidate != NOBODY).then_some((candidate, from));
                Ok(())
            }
            Act::Accepted { owner } => match self.offer {
                Some((candidate, from)) if candidate == owner && from <= time => {
                    (self.owner, self.offer) = (owner, None);
                    Ok(())
                }
                Some((candidate, from)) => unlawful(
                    format!("{candidate} accepts, from {from} on"),
                    format!("{owner} accepts at {time}"),
                ),
                None => unlawful("nobody accepts what is not offered", format!("{owner} accepts")),
            },
            Act::Published { .. } => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: Address = Address([1; 20]);
    const OTHER: Address = Address([2; 20]);
    const CONTRACT: Origin = Origin {
        count: 1,
        index: 0,
        writer: 0,
    };

    fn stream(namespace: u8) -> StreamId {
        let mut stream = [0; 32];
        stream[31] = namespace;
        StreamId(stream)
    }

    fn writer(number: u32) -> Origin {
        Origin {
            writer: number,
            ..CONTRACT
        }
    }

    fn opened(is_sealed: u8) -> Vec<u8> {
        [&[1, is_sealed, 0, 0, 0, 60][..], &OWNER.0].concat()
    }

    fn numbered(kind: u8, number: u8, account: Address) -> Vec<u8> {
        [&[kind, 0, 0, 0, number][..], &account.0].concat()
    }

    fn offered(from: u64, candidate: Address) -> Vec<u8> {
        [&[4][..], &from.to_be_bytes(), &candidate.0].concat()
    }

    fn accepted(owner: Address) -> Vec<u8> {
        [&[5][..], &owner.0].concat()
    }

    /// A sealed namespace and a plain one, each with the other account as writer 1.
    fn two() -> Namespaces {
        let mut namespaces = Namespaces::default();
        for (number, is_sealed) in [(1, 1), (2, 0)] {
            namespaces
                .administer(&stream(number), CONTRACT, &opened(is_sealed), 0)
                .unwrap();
            namespaces
                .administer(&stream(number), CONTRACT, &numbered(2, 1, OTHER), 0)
                .unwrap();
        }
        namespaces
    }

    #[test]
    fn whoever_was_admitted_writes_until_they_are_dismissed_and_never_again_under_that_number() {
        let mut namespaces = two();
        assert_eq!(namespaces.admits(Namespace(1), writer(1)), Ok(()));
        assert!(namespaces.admits(Namespace(1), writer(2)).is_err());
        assert!(namespaces.admits(Namespace(1), writer(0)).is_err());
        assert!(namespaces.admits(Namespace(3), writer(1)).is_err());
        namespaces
            .administer(&stream(1), CONTRACT, &numbered(3, 1, OTHER), 0)
            .unwrap();
        assert!(namespaces.admits(Namespace(1), writer(1)).is_err());
        assert_eq!(
            namespaces.admits(Namespace(2), writer(1)),
            Ok(()),
            "another namespace is another matter"
        );
        namespaces
            .administer(&stream(1), CONTRACT, &numbered(2, 2, OTHER), 0)
            .unwrap();
        assert_eq!(namespaces.admits(Namespace(1), writer(2)), Ok(()));
        assert!(namespaces.admits(Namespace(1), writer(1)).is_err());
    }

    #[test]
    fn what_is_plain_is_recorded_one_by_one() {
        let of_two = Origin { count: 2, ..writer(1) };
        assert_eq!(two().admits(Namespace(1), of_two), Ok(()));
        assert!(two().admits(Namespace(2), of_two).is_err());
    }

    #[test]
    fn a_namespace_changes_hands_in_two_steps_and_after_its_delay() {
        let mut namespaces = two();
        let accept = |namespaces: &mut Namespaces, account, time| {
            namespaces.administer(&stream(1), CONTRACT, &accepted(account), time)
        };
        assert!(accept(&mut namespaces, OTHER, 1_000).is_err(), "nothing was offered");
        namespaces
            .administer(&stream(1), CONTRACT, &offered(1_060, OTHER), 1_000)
            .unwrap();
        assert!(accept(&mut namespaces, OWNER, 2_000).is_err(), "not to them");
        assert!(accept(&mut namespaces, OTHER, 1_059).is_err(), "too early");
        accept(&mut namespaces, OTHER, 1_060).unwrap();
        assert_eq!(namespaces.iter().next().unwrap().1.owner, OTHER);
        assert!(accept(&mut namespaces, OTHER, 1_060).is_err(), "once");
        namespaces
            .administer(&stream(1), CONTRACT, &offered(1_160, OWNER), 1_100)
            .unwrap();
        namespaces
            .administer(&stream(1), CONTRACT, &offered(1_160, NOBODY), 1_100)
            .unwrap();
        assert!(accept(&mut namespaces, OWNER, 2_000).is_err(), "it was taken back");
    }

    #[test]
    fn what_no_owner_can_do_is_found() {
        let in_the_name_of_a_writer = writer(1);
        for (what, stream, origin, payload) in [
            ("out of turn", stream(4), CONTRACT, opened(1)),
            ("once more", stream(1), CONTRACT, opened(1)),
            ("by a writer", stream(3), in_the_name_of_a_writer, opened(1)),
            (
                "in a commit of two",
                stream(3),
                Origin { count: 2, ..CONTRACT },
                opened(1),
            ),
            (
                "on a stream that is no namespace's",
                StreamId([0; 32]),
                CONTRACT,
                opened(1),
            ),
            ("not as the contract writes", stream(3), CONTRACT, vec![9]),
            ("in none", stream(3), CONTRACT, numbered(2, 1, OTHER)),
            ("under another number", stream(1), CONTRACT, numbered(2, 3, OWNER)),
            ("who writes already", stream(1), CONTRACT, numbered(2, 2, OTHER)),
            ("who does not write", stream(1), CONTRACT, numbered(3, 1, OWNER)),
            ("under another's number", stream(1), CONTRACT, numbered(3, 2, OTHER)),
            ("from another time on", stream(1), CONTRACT, offered(61, OTHER)),
        ] {
            let mut namespaces = two();
            assert!(namespaces.administer(&stream, origin, &payload, 0).is_err(), "{what}");
        }
    }
}
