//! What owners of namespaces did, as the contract writes it to namespace 0.

use application::log::StreamId;

use super::Address;
use crate::log::Namespace;

/// What was done to a namespace. [`IEventLog`](../../../../contracts/src/interfaces/IEventLog.sol) says what each means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Act {
    /// It was opened.
    Opened {
        /// Whether it takes sealed events or plain entries.
        is_sealed: bool,
        /// How many seconds pass between offering and accepting it, at least.
        delay: u32,
        /// Whose it is.
        owner: Address,
    },
    /// An account may write in it from now on.
    Admitted {
        /// Its number as a writer.
        writer: u32,
        /// The account.
        account: Address,
    },
    /// An account may write in it no longer.
    Dismissed {
        /// Its number as a writer.
        writer: u32,
        /// The account.
        account: Address,
    },
    /// It was offered to another owner; to the address 0 when an offer was taken back.
    Offered {
        /// From when on it can be accepted, in seconds since 1970.
        acceptable_from: u64,
        /// To whom.
        candidate: Address,
    },
    /// Another owner accepted it.
    Accepted {
        /// Whose it is now.
        owner: Address,
    },
    /// Its owner published something, which the log does not read.
    Published {
        /// What [`Profile`](crate::sealing::Profile) reads.
        profile: Vec<u8>,
    },
}

impl Act {
    /// Reads an entry of namespace 0. `None` where the contract does not write so.
    pub fn read(payload: &[u8]) -> Option<Self> {
        let (kind, rest) = payload.split_first()?;
        let act = match kind {
            1 => {
                let (is_sealed, rest) = rest.split_first()?;
                let (delay, owner) = rest.split_first_chunk()?;
                Self::Opened {
                    is_sealed: match is_sealed {
                        0 => false,
                        1 => true,
                        _ => return None,
                    },
                    delay: u32::from_be_bytes(*delay),
                    owner: account(owner)?,
                }
            }
            2 | 3 => {
                let (writer, rest) = rest.split_first_chunk()?;
                let (writer, account) = (u32::from_be_bytes(*writer), account(rest)?);
                match kind {
                    2 => Self::Admitted { writer, account },
                    _ => Self::Dismissed { writer, account },
                }
            }
            4 => {
                let (from, candidate) = rest.split_first_chunk()?;
                Self::Offered {
                    acceptable_from: u64::from_be_bytes(*from),
                    candidate: account(candidate)?,
                }
            }
            5 => Self::Accepted { owner: account(rest)? },
            6 if !rest.is_empty() => Self::Published { profile: rest.to_vec() },
            _ => return None,
        };
        Some(act)
    }
}

/// The namespace that a stream of namespace 0 is about. `None` where the contract has no such stream.
pub fn subject_of(stream: &StreamId) -> Option<Namespace> {
    let (zeros, number) = stream.0.split_last_chunk()?;
    let number = u32::from_be_bytes(*number);
    (zeros.iter().all(|byte| *byte == 0) && number != 0).then_some(Namespace(number))
}

fn account(bytes: &[u8]) -> Option<Address> {
    bytes.try_into().ok().map(Address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_done_is_read_as_the_contract_packs_it() {
        let owner = Address([7; 20]);
        let packed = |head: &[u8]| [head, owner.0.as_slice()].concat();
        for (payload, act) in [
            (
                packed(&[1, 1, 0, 0, 0, 9]),
                Act::Opened {
                    is_sealed: true,
                    delay: 9,
                    owner,
                },
            ),
            (
                packed(&[2, 0, 0, 0, 3]),
                Act::Admitted {
                    writer: 3,
                    account: owner,
                },
            ),
            (
                packed(&[3, 0, 0, 0, 3]),
                Act::Dismissed {
                    writer: 3,
                    account: owner,
                },
            ),
            (
                packed(&[4, 0, 0, 0, 0, 0, 0, 1, 0]),
                Act::Offered {
                    acceptable_from: 256,
                    candidate: owner,
                },
            ),
            (packed(&[5]), Act::Accepted { owner }),
            (
                packed(&[6]),
                Act::Published {
                    profile: owner.0.to_vec(),
                },
            ),
        ] {
            assert_eq!(Act::read(&payload), Some(act.clone()));
            if !matches!(act, Act::Published { .. }) {
                assert_eq!(Act::read(&[payload.as_slice(), &[0]].concat()), None);
                assert_eq!(Act::read(payload.split_last().unwrap().1), None);
            }
        }
        assert_eq!(Act::read(&[6]), None);
        assert_eq!(Act::read(&packed(&[1, 2, 0, 0, 0, 9])), None);
    }

    #[test]
    fn the_stream_names_the_namespace() {
        assert_eq!(
            subject_of(&Namespace::ADMINISTRATION.stream(&[&[0; 24][..], &[0, 0, 1, 2]].concat())),
            Some(Namespace(258))
        );
        assert_eq!(subject_of(&Namespace(1).stream(&[])), None);
        assert_eq!(subject_of(&StreamId([0; 32])), None);
    }

    proptest! {
        #[test]
        fn any_payload_is_read_or_refused(payload in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = Act::read(&payload);
        }
    }
}
