//! Which visits are told one after the other.
//!
//! The server knows a visit by its names. Which visit a case's number alone is depends on which visits of the case are known, so that
//! those that share a number are told in one order, whatever the others do: the ones with more numbers first.

use std::collections::{BTreeMap, HashMap};

use super::disjoint_sets::DisjointSets;
use super::identity::ADDRESSES;
use super::mapping::Visit;

/// The visits in turns: those of one turn one after the other, the turns beside each other.
pub(super) fn turns(visits: &[Visit]) -> Vec<Vec<&Visit>> {
    let mut sets = DisjointSets::new(visits.len());
    let mut of_number: HashMap<(&str, &str), u32> = HashMap::new();
    for (place, visit) in (0..).zip(visits) {
        for number in numbers(visit) {
            sets.union(place, *of_number.entry(number).or_insert(place));
        }
    }
    let mut turns: BTreeMap<u32, Vec<&Visit>> = BTreeMap::new();
    for (turn, visit) in sets.flat().into_iter().zip(visits) {
        turns.entry(turn).or_default().push(visit);
    }
    for turn in turns.values_mut() {
        turn.sort_by_key(|visit| std::cmp::Reverse(numbers(visit).count()));
    }
    turns.into_values().collect()
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
            has_hour: true,
            outcome: Outcome::Completed,
            unnamed_reason: None,
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
