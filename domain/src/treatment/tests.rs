//! Given-when-then, and what holds whatever was said.

use proptest::prelude::*;
use uuid::Uuid;

use super::samples::sayings;
use super::*;
use crate::account::{Account, AccountEvent, Binding, Proof, Said, Title};
use crate::kernel::{AccountId, ClinicAggregate as _, Contradiction, Personal, PractitionerId, Wallet, testing};
use crate::samples::values::{date, time};

const NOW: &str = "2026-03-01T08:00:00Z";

fn saying(how: How) -> Saying {
    Saying { at: time(NOW), how }
}

fn signed_in() -> Saying {
    saying(How::SignedIn)
}

/// What is said on a scan that begins with this byte, entered when the wallet had changed so often.
fn paper(scan: u8, turn: u64) -> Saying {
    on_paper(scan, turn, "2026-02-27")
}

fn on_paper(scan: u8, turn: u64, signed_on: &str) -> Saying {
    saying(How::OnPaper(Paper {
        sha256: [scan; 32],
        signed_on: date(signed_on),
        practitioners: vec![doctor(1)],
        entered_by: AccountId::new(Uuid::from_u128(7)),
        turn,
    }))
}

fn doctor(number: u128) -> PractitionerId {
    PractitionerId::new(Uuid::from_u128(number))
}

/// On a paper that names these practitioners.
fn naming(numbers: impl IntoIterator<Item = u128>) -> Saying {
    let mut saying = paper(1, 0);
    if let How::OnPaper(paper) = &mut saying.how {
        paper.practitioners = numbers.into_iter().map(doctor).collect();
    }
    saying
}

fn agreed(saying: Saying) -> TreatmentEvent {
    TreatmentEvent::Agreed {
        saying: Personal::Known(saying),
    }
}

fn ended(saying: Saying) -> TreatmentEvent {
    TreatmentEvent::Ended {
        saying: Personal::Known(saying),
    }
}

fn agree(saying: Saying) -> TreatmentCommand {
    TreatmentCommand::Agree(saying)
}

fn end(saying: Saying) -> TreatmentCommand {
    TreatmentCommand::End(saying)
}

fn treatment(events: impl IntoIterator<Item = TreatmentEvent>) -> Treatment {
    let mut treatment = Treatment::default();
    events.into_iter().for_each(|event| treatment.apply(event));
    treatment
}

/// A patient's account whose wallet was bound and taken away so often, and is bound now or not.
fn account(taken: u64, is_bound: bool) -> Account {
    let bound = || AccountEvent::WalletBound {
        binding: Said::OfHolder(Personal::Known(Binding {
            wallet: Wallet([1; 20]),
            proof: Proof {
                message: String::new(),
                signature: Vec::new(),
            },
            title: Title::Registration,
        })),
    };
    let unbound = || AccountEvent::WalletUnbound {
        reason: Said::OfHolder(Personal::Known(String::new())),
    };
    let mut account = Account::default();
    for _ in 0..taken {
        account.apply(bound());
        account.apply(unbound());
    }
    if is_bound {
        account.apply(bound());
    }
    account
}

#[test]
fn who_has_no_wallet_agrees_on_paper() {
    testing::given::<Treatment>(vec![])
        .when(agree(paper(1, 0)))
        .then_expect_events(vec![agreed(paper(1, 0))]);
}

#[test]
fn the_same_paper_changes_nothing_and_another_takes_its_place() {
    testing::given::<Treatment>(vec![agreed(paper(1, 0))])
        .when(agree(on_paper(1, 0, "2026-02-28")))
        .then_expect_events(vec![]);
    for other in [paper(2, 0), paper(1, 2), naming([1, 2])] {
        testing::given::<Treatment>(vec![agreed(paper(1, 0))])
            .when(agree(other.clone()))
            .then_expect_events(vec![agreed(other)]);
    }
}

#[test]
fn what_is_ended_stays_ended_until_the_patient_agrees_again() {
    testing::given::<Treatment>(vec![])
        .when(end(signed_in()))
        .then_expect_events(vec![ended(signed_in())]);
    testing::given::<Treatment>(vec![ended(signed_in())])
        .when(end(paper(1, 0)))
        .then_expect_events(vec![]);
    for again in [signed_in(), on_paper(2, 0, "2026-02-28"), on_paper(2, 0, "2026-03-01")] {
        testing::given::<Treatment>(vec![agreed(paper(1, 0)), ended(signed_in())])
            .when(agree(again.clone()))
            .then_expect_events(vec![agreed(again)]);
    }
}

#[test]
fn what_is_ended_does_not_begin_again_by_a_paper_of_before() {
    // It was ended on the first of March.
    for old in [
        on_paper(1, 0, "2026-03-01"),
        on_paper(2, 0, "2026-02-27"),
        on_paper(3, 0, "2026-03-01"),
    ] {
        testing::given::<Treatment>(vec![agreed(paper(1, 0)), ended(on_paper(3, 0, "2026-03-01"))])
            .when(agree(old))
            .then_expect_error(TreatmentError::BeforeTheEnd);
    }
}

#[test]
fn who_has_not_ended_it_need_not_agree_again() {
    for given in [vec![], vec![agreed(paper(1, 0))]] {
        testing::given::<Treatment>(given)
            .when(agree(signed_in()))
            .then_expect_events(vec![]);
    }
}

#[test]
fn a_paper_is_signed_today_at_the_latest_wherever_that_was() {
    for command in [agree, end] {
        testing::given::<Treatment>(vec![])
            .when(command(on_paper(1, 0, "2026-03-02")))
            .then_expect_error(TreatmentError::NotYetSigned);
    }
    testing::given::<Treatment>(vec![])
        .when(agree(on_paper(1, 0, "2026-03-01")))
        .then_expect_events(vec![agreed(on_paper(1, 0, "2026-03-01"))]);
}

#[test]
fn a_paper_names_practitioners_in_order_each_once_and_so_many() {
    testing::given::<Treatment>(vec![])
        .when(agree(naming([2, 1, 2])))
        .then_expect_events(vec![agreed(naming([1, 2]))]);
    let most = Paper::MOST_PRACTITIONERS as u128;
    testing::given::<Treatment>(vec![])
        .when(agree(naming(0..most)))
        .then_expect_events(vec![agreed(naming(0..most))]);
    testing::given::<Treatment>(vec![])
        .when(agree(naming(0..=most)))
        .then_expect_error(TreatmentError::TooManyPractitioners);
}

#[test]
fn a_practitioner_is_named_by_a_paper_while_it_is_good() {
    let nobody = account(0, false);
    let named = treatment([agreed(naming([1, 2]))]);
    for (number, expected) in [(1, true), (2, true), (3, false)] {
        assert_eq!(named.names(doctor(number), &nobody), expected, "{number}");
    }
    for spoken_for in [account(0, true), account(1, false)] {
        assert!(!named.names(doctor(1), &spoken_for));
    }
    assert!(!treatment([agreed(naming([1])), ended(naming([1]))]).names(doctor(1), &nobody));
    assert!(!treatment([]).names(doctor(1), &nobody));
}

#[test]
fn treated_is_who_came_with_a_wallet_or_agreed_on_paper_and_has_bound_none_since() {
    let sealed = || TreatmentEvent::Agreed {
        saying: Personal::Sealed,
    };
    for (events, (taken, is_bound), expected) in [
        // What a hospital does alone begins nothing.
        (vec![], (0, false), None),
        (vec![], (0, true), Some(Act::Wallet)),
        (vec![], (1, false), Some(Act::Wallet)),
        (vec![agreed(paper(1, 0))], (0, false), Some(Act::Paper)),
        (vec![agreed(paper(1, 0))], (0, true), Some(Act::Wallet)),
        (vec![agreed(paper(1, 0))], (1, false), Some(Act::Wallet)),
        (vec![agreed(paper(1, 2))], (1, false), Some(Act::Paper)),
        // A paper of a time that has not come.
        (vec![agreed(paper(1, 2))], (0, false), None),
        (vec![ended(signed_in())], (0, true), None),
        (vec![agreed(paper(1, 0)), ended(paper(2, 0))], (0, false), None),
        (
            vec![ended(signed_in()), agreed(signed_in())],
            (0, true),
            Some(Act::Wallet),
        ),
        (
            vec![ended(paper(1, 0)), agreed(paper(2, 0))],
            (0, false),
            Some(Act::Paper),
        ),
        // What cannot be read opens nothing, and takes away what it took away.
        (vec![sealed()], (0, false), None),
        (
            vec![TreatmentEvent::Ended {
                saying: Personal::Sealed,
            }],
            (0, true),
            None,
        ),
    ] {
        let said = format!("{events:?}, {taken}, {is_bound}");
        assert_eq!(treatment(events).act(&account(taken, is_bound)), expected, "{said}");
    }
}

#[test]
fn what_nobody_decides_contradicts_what_is_there() {
    let late = on_paper(1, 0, "2026-03-02");
    for (given, event, expected) in [
        (vec![], agreed(paper(1, 0)), None),
        (vec![], agreed(signed_in()), Some(Contradiction::Twice)),
        (
            vec![agreed(paper(1, 0))],
            agreed(paper(1, 0)),
            Some(Contradiction::Twice),
        ),
        (vec![], agreed(late.clone()), Some(Contradiction::Impossible)),
        (vec![], ended(late), Some(Contradiction::Impossible)),
        (vec![], agreed(naming([2, 1])), Some(Contradiction::Impossible)),
        (vec![], agreed(naming([1, 1])), Some(Contradiction::Impossible)),
        (vec![], agreed(naming(0..=20)), Some(Contradiction::Impossible)),
        (vec![], ended(signed_in()), None),
        (vec![ended(signed_in())], ended(paper(1, 0)), Some(Contradiction::Twice)),
        (vec![ended(signed_in())], agreed(signed_in()), None),
        (
            vec![],
            TreatmentEvent::Agreed {
                saying: Personal::Sealed,
            },
            None,
        ),
    ] {
        assert_eq!(
            testing::contradiction::<Treatment>(given, &event),
            expected,
            "{event:?}"
        );
    }
}

proptest! {
    /// Whatever was said: nothing is decided that contradicts, and who has ended it is not treated.
    #[test]
    fn who_has_said_last_that_it_ends_is_treated_by_nobody(
        said in prop::collection::vec((sayings(), any::<bool>()), 1..20), taken in 0..3_u64, is_bound: bool,
    ) {
        let mut treatment = Treatment::default();
        let mut ends = false;
        for (saying, agrees) in said {
            let command = if agrees { agree(saying) } else { end(saying) };
            if let Ok(events) = treatment.decide(command) {
                ends = !agrees;
                for event in events {
                    prop_assert_eq!(treatment.contradiction(&event), None);
                    treatment.apply(event);
                }
            }
        }
        if ends {
            prop_assert!(treatment.is_ended(&account(taken, is_bound)));
            prop_assert_eq!(treatment.act(&account(taken, is_bound)), None);
        }
    }
}
