//! Which visits are told one after the other.
//!
//! The server knows a visit by its names. Which visit a case's number alone is depends on which visits of the case are known, so that
//! those that share a number are told in one order, whatever the others do: the ones with more numbers first.

use std::collections::HashMap;

use super::identity::ADDRESSES;
use super::mapping::Visit;

/// The visits in turns: those of one turn one after the other, the turns beside each other.
pub(super) fn turns(visits: &[Visit]) -> Vec<Vec<&Visit>> {
    let mut turns: HashMap<usize, Vec<&Visit>> = HashMap::new();
    let mut of_number: HashMap<(&str, &str), usize> = HashMap::new();
    let mut joined: Vec<usize> = (0..visits.len()).collect();
    let find = |joined: &[usize], mut turn: usize| {
        while let Some(next) = joined.get(turn).copied().filter(|next| *next != turn) {
            turn = next;
        }
        turn
    };
    for (place, visit) in visits.iter().enumerate() {
        for (system, value) in numbers(visit) {
            let other = *of_number.entry((system, value)).or_insert(place);
            let (one, other) = (find(&joined, place), find(&joined, other));
            if let Some(turn) = joined.get_mut(one.max(other)) {
                *turn = one.min(other);
            }
        }
    }
    for (place, visit) in visits.iter().enumerate() {
        turns.entry(find(&joined, place)).or_default().push(visit);
    }
    let mut turns: Vec<(usize, Vec<&Visit>)> = turns.into_iter().collect();
    turns.sort_by_key(|(place, _)| *place);
    for (_, turn) in &mut turns {
        turn.sort_by_key(|visit| std::cmp::Reverse(numbers(visit).count()));
    }
    turns.into_iter().map(|(_, turn)| turn).collect()
}

fn numbers(visit: &Visit) -> impl Iterator<Item = (&str, &str)> {
    let all = visit.others.iter().chain([&visit.identifier]);
    let numbers = all.filter(|identifier| identifier.system != ADDRESSES);
    numbers.map(|identifier| (identifier.system.as_str(), identifier.value.as_str()))
}

#[cfg(test)]
mod tests {
    use domain::encounter::Outcome;
    use domain::kernel::{Identifier, Slot, Sources};

    use super::*;
    use crate::mapping::Provider;

    fn visit(path: &str, numbers: &[&str]) -> Visit {
        let mut all = numbers.iter().map(|value| Identifier {
            system: "https://clinic.test/case".to_owned(),
            value: (*value).to_owned(),
        });
        let identifier = all.next().unwrap();
        Visit {
            path: path.to_owned(),
            patient: identifier.clone(),
            provider: Provider::Organization(identifier.clone()),
            identifier,
            others: all.collect(),
            sources: Sources::default(),
            as_of: None,
            slot: Slot {
                start: chrono::DateTime::UNIX_EPOCH,
                minutes: 1,
            },
            outcome: Outcome::Completed,
            reason: None,
        }
    }

    #[test]
    fn visits_that_share_a_number_are_told_one_after_the_other_those_with_more_numbers_first() {
        let visits = [
            visit("case alone", &["case"]),
            visit("another", &["other"]),
            visit("first", &["case", "one"]),
            visit("second", &["two", "case"]),
            visit("of the second", &["two"]),
        ];
        let turns = turns(&visits);
        let paths: Vec<Vec<&str>> = turns
            .iter()
            .map(|turn| turn.iter().map(|visit| visit.path.as_str()).collect())
            .collect();
        assert_eq!(
            paths,
            [vec!["first", "second", "case alone", "of the second"], vec!["another"]]
        );
    }
}
