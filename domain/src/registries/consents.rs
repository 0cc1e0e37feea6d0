//! What `ConsentRegistry.sol` records, and what is known from it of a patient: the copy that decides for the server.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use strum::VariantNames;

pub use super::consent_entry::Entry;
use crate::consent::{GrantId, GranteeTag, SignerId};

/// Who controls a patient of the registry, and in which epoch they are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Control {
    /// The controller, if it is not the patient.
    pub controller: Option<SignerId>,
    /// When a ward ends, in seconds since 1970; 0 for others.
    pub until: u64,
    /// The patient's epoch: how often all was revoked.
    pub epoch: u64,
    /// How often the controller has changed.
    pub tenure: u64,
    /// The hash of the guardians; 0 for none.
    pub guardians: [u8; 32],
    /// Whom the guardians have named, and from when on that can be completed.
    pub candidate: Option<(SignerId, u64)>,
    /// The number of the control: the next change of it names that.
    pub number: u64,
}

impl Control {
    /// What it is after an entry about the patient.
    #[must_use]
    pub fn after(self, entry: &Entry) -> Self {
        let turned = Self {
            candidate: None,
            number: self.number.saturating_add(1),
            ..self
        };
        match *entry {
            Entry::AllRevoked { epoch, .. } => Self {
                epoch: epoch.saturating_add(1),
                ..self
            },
            Entry::GuardiansSet { guardians } => Self { guardians, ..turned },
            Entry::RecoveryBegan { controller, ready_at } => Self {
                candidate: Some((controller, ready_at)),
                ..turned
            },
            Entry::RecoveryRefused => turned,
            // The new one has not chosen the guardians.
            Entry::ControllerChanged { controller } => Self {
                controller: Some(controller),
                guardians: [0; 32],
                tenure: self.tenure.saturating_add(1),
                ..turned
            },
            Entry::WardOpened { controller, until } => Self {
                controller: Some(controller),
                until,
                ..self
            },
            Entry::Granted { .. }
            | Entry::Revoked { .. }
            | Entry::GranteeRevoked { .. }
            | Entry::Delegated { .. }
            | Entry::DelegationEnded { .. } => self,
        }
    }

    /// Of a ward, whether its time is over.
    pub const fn has_ended(&self, now: u64) -> bool {
        self.until != 0 && now >= self.until
    }
}

/// What is known of a grant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct GrantState {
    /// How it was given, if it was.
    pub given: Option<Given>,
    /// At which position of the log it was revoked by its id, if it was.
    pub revoked_at: Option<u64>,
}

/// The moment at which something is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moment {
    /// What the server's clock says, in seconds since 1970.
    pub clock: u64,
    /// What the newest block says that the server has applied.
    pub block: u64,
    /// The last position of the log that is final.
    pub final_position: u64,
}

impl Moment {
    /// A clock can be wrong, and a chain can stand still: both must allow.
    fn has_come(&self, from: u64) -> bool {
        from <= self.clock.min(self.block)
    }

    /// 0 never passes.
    fn has_passed(&self, until: u64) -> bool {
        until != 0 && until <= self.clock.max(self.block)
    }
}

/// How a grant was given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Given {
    /// To whom.
    pub grantee: GranteeTag,
    /// From when on it holds, in seconds since 1970.
    pub not_before: u64,
    /// When it ends; 0 for never.
    pub expiry: u64,
    /// In which epoch of the patient.
    pub epoch: u64,
    /// In which epoch of the grantee.
    pub grantee_epoch: u64,
    /// Who signed it.
    pub by: SignerId,
    /// At which position of the log.
    pub at: u64,
}

/// How a grant stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, VariantNames)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum GrantStanding {
    /// It can be signed, and nobody has.
    Prepared,
    /// It was given, in a block that may still be undone.
    Included,
    /// It was given, and its time has not come.
    NotYetValid,
    /// It holds.
    Holds,
    /// Its time is over.
    Expired,
    /// It was revoked: by its id, with all to this grantee, or with all.
    Revoked,
    /// Another one controls it than who signs in as the patient.
    NotInControl,
}

impl GrantState {
    /// How it stands, of a patient who is so far, to a grantee who is so far. A grant counts once it is final, and what takes one away at once.
    pub fn standing(&self, control: &Control, grantee_epoch: u64, moment: &Moment) -> GrantStanding {
        let Some(given) = self.given.filter(|_| self.revoked_at.is_none()) else {
            return match self.revoked_at {
                Some(_) => GrantStanding::Revoked,
                None => GrantStanding::Prepared,
            };
        };
        if given.epoch != control.epoch || given.grantee_epoch != grantee_epoch {
            GrantStanding::Revoked
        } else if moment.has_passed(given.expiry) || moment.has_passed(control.until) {
            GrantStanding::Expired
        } else if !moment.has_come(given.not_before) {
            GrantStanding::NotYetValid
        } else if given.at > moment.final_position {
            GrantStanding::Included
        } else {
            GrantStanding::Holds
        }
    }

    /// Whether it holds.
    pub fn holds(&self, control: &Control, grantee_epoch: u64, moment: &Moment) -> bool {
        self.standing(control, grantee_epoch, moment) == GrantStanding::Holds
    }
}

/// That somebody may speak for a patient. It ends with the tenure of the controller who made it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Delegation {
    /// Until when, in seconds since 1970.
    pub until: u64,
    /// How often it was ended.
    pub ended: u64,
    /// The tenure in which it was made.
    pub tenure: u64,
}

impl Delegation {
    /// Until when they may, under a controller of this tenure; 0 if they may not.
    pub const fn until_in(&self, tenure: u64) -> u64 {
        if self.tenure == tenure { self.until } else { 0 }
    }

    /// The delegate's epoch: the next message about them names that.
    pub const fn epoch_in(&self, tenure: u64) -> u64 {
        self.ended.saturating_add(tenure)
    }
}

/// All that is known of a patient of the registry.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Consents {
    /// Who controls them.
    pub control: Control,
    /// The grants.
    pub grants: BTreeMap<GrantId, GrantState>,
    /// The epochs of grantees: how often all of theirs was revoked.
    pub grantees: BTreeMap<GranteeTag, u64>,
    /// The delegates.
    pub delegations: BTreeMap<SignerId, Delegation>,
}

impl Consents {
    /// Takes in an entry about the patient, at a position of the log.
    pub fn take_in(&mut self, entry: &Entry, position: u64) {
        match *entry {
            Entry::Granted { grant, grantee, .. } => {
                let grantee_epoch = self.grantee_epoch(grantee);
                let state = self.grants.entry(grant).or_default();
                state.given = Given::by(entry, position, &self.control, grantee_epoch);
            }
            Entry::Revoked { grant, .. } => {
                self.grants.entry(grant).or_default().revoked_at.get_or_insert(position);
            }
            Entry::GranteeRevoked { grantee, epoch, .. } => {
                self.grantees.insert(grantee, epoch.saturating_add(1));
            }
            Entry::Delegated { delegate, until } => {
                let delegation = self.delegations.entry(delegate).or_default();
                (delegation.until, delegation.tenure) = (until, self.control.tenure);
            }
            Entry::DelegationEnded { delegate } => {
                let delegation = self.delegations.entry(delegate).or_default();
                (delegation.until, delegation.ended) = (0, delegation.ended.saturating_add(1));
            }
            _ => self.control = self.control.after(entry),
        }
    }

    /// A grantee's epoch.
    pub fn grantee_epoch(&self, grantee: GranteeTag) -> u64 {
        self.grantees.get(&grantee).copied().unwrap_or_default()
    }

    /// Whether a grant holds.
    pub fn holds(&self, grant: GrantId, moment: &Moment) -> bool {
        let epoch = |given: Given| self.grantee_epoch(given.grantee);
        let state = self.grants.get(&grant);
        state.is_some_and(|state| state.holds(&self.control, state.given.map_or(0, epoch), moment))
    }

    /// Whether somebody may give and revoke grants for the patient at a time.
    pub fn speaks(&self, patient: SignerId, by: SignerId, now: u64) -> bool {
        let until = self
            .delegations
            .get(&by)
            .map_or(0, |one| one.until_in(self.control.tenure));
        let controls = by == self.control.controller.unwrap_or(patient);
        (controls || now < until) && !self.control.has_ended(now)
    }
}

impl Given {
    /// How an entry gives a grant, in the epochs that hold; `None` of another entry.
    pub const fn by(entry: &Entry, position: u64, control: &Control, grantee_epoch: u64) -> Option<Self> {
        let Entry::Granted {
            grantee,
            not_before,
            expiry,
            by,
            ..
        } = *entry
        else {
            return None;
        };
        Some(Self {
            grantee,
            not_before,
            expiry,
            epoch: control.epoch,
            grantee_epoch,
            by,
            at: position,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENT: SignerId = SignerId([1; 20]);
    const OTHER: SignerId = SignerId([2; 20]);
    const GRANT: GrantId = GrantId([3; 32]);
    const GRANTEE: GranteeTag = GranteeTag([4; 32]);

    fn granted(not_before: u64, expiry: u64) -> Entry {
        Entry::Granted {
            grant: GRANT,
            grantee: GRANTEE,
            not_before,
            expiry,
            by: PATIENT,
        }
    }

    /// At the hour 50 of clock and chain, when all is final.
    const NOW: Moment = Moment {
        clock: 50,
        block: 50,
        final_position: 99,
    };

    fn after(entries: &[Entry]) -> Consents {
        let mut consents = Consents::default();
        entries
            .iter()
            .zip(1..)
            .for_each(|(entry, position)| consents.take_in(entry, position));
        consents
    }

    fn holds(entries: &[Entry], moment: Moment) -> bool {
        after(entries).holds(GRANT, &moment)
    }

    #[test]
    fn a_grant_holds_once_it_is_final_and_while_clock_and_chain_both_allow() {
        let grant = [granted(40, 60)];
        assert!(holds(&grant, NOW));
        for (clock, block, final_position) in [(39, 50, 99), (50, 39, 99), (60, 50, 99), (50, 60, 99), (50, 50, 0)] {
            let moment = Moment {
                clock,
                block,
                final_position,
            };
            assert!(!holds(&grant, moment), "{moment:?}");
        }
        assert!(holds(&[granted(0, 0)], NOW));
    }

    #[test]
    fn what_takes_a_grant_away_counts_before_it_is_final() {
        let by = PATIENT;
        let not_yet = Moment {
            final_position: 1,
            ..NOW
        };
        for taken in [
            Entry::Revoked { grant: GRANT, by },
            Entry::GranteeRevoked {
                grantee: GRANTEE,
                epoch: 0,
                by,
            },
            Entry::AllRevoked { epoch: 0, by },
        ] {
            assert!(holds(&[granted(0, 0)], not_yet));
            assert!(!holds(&[granted(0, 0), taken], not_yet), "{taken:?}");
        }
        let elsewhere = Entry::GranteeRevoked {
            grantee: GranteeTag([5; 32]),
            epoch: 0,
            by,
        };
        assert!(holds(&[granted(0, 0), elsewhere], NOW));
    }

    #[test]
    fn what_was_revoked_before_it_was_given_never_holds() {
        let revoked = Entry::Revoked {
            grant: GRANT,
            by: PATIENT,
        };
        assert!(!holds(&[revoked, granted(0, 0)], NOW));
    }

    #[test]
    fn nothing_holds_of_a_ward_whose_time_is_over_and_nobody_speaks_for_it() {
        let ward = |until| {
            let opened = Entry::WardOpened {
                controller: OTHER,
                until,
            };
            after(&[opened, granted(0, 0)])
        };
        assert!(ward(51).holds(GRANT, &NOW) && ward(51).speaks(PATIENT, OTHER, 50));
        assert!(!ward(50).holds(GRANT, &NOW) && !ward(50).speaks(PATIENT, OTHER, 50));
    }

    #[test]
    fn whoever_was_delegated_to_speaks_until_then_and_until_the_controller_changes() {
        let delegated = Entry::Delegated {
            delegate: OTHER,
            until: 60,
        };
        let changed = |controller| Entry::ControllerChanged { controller };
        let speaks = |entries: &[Entry], now| after(entries).speaks(PATIENT, OTHER, now);
        assert!(speaks(&[delegated], 59) && !speaks(&[delegated], 60));
        assert!(!speaks(&[delegated, Entry::DelegationEnded { delegate: OTHER }], 50));
        let third = SignerId([9; 20]);
        assert!(!speaks(&[delegated, changed(third)], 50));
        // A controller who comes back has to delegate again, with another number.
        let back = [delegated, changed(third), changed(PATIENT)];
        assert!(!speaks(&back, 50) && after(&back).speaks(PATIENT, PATIENT, 50));
        assert_eq!(after(&back).delegations[&OTHER].epoch_in(2), 2);
    }
}
