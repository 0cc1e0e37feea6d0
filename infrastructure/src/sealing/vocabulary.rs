//! The words that the log does not need to repeat.
//!
//! `vocabulary_v1.txt` is the word list; this module turns it, by a fixed rule that depends on nothing else, into phrases by number, and
//! into the dictionary of zstd. Both are frozen: what was packed with them is on chains. A test compares their hash.

use std::collections::HashMap;
use std::sync::OnceLock;

const WORDS: &str = include_str!("vocabulary_v1.txt");

/// Phrases are found by their first bytes, so none is shorter.
const PREFIX: usize = 4;

/// The phrases of version 1.
pub(super) struct Vocabulary {
    phrases: Vec<Vec<u8>>,
    /// The phrases that begin with these bytes, the longest first.
    by_prefix: HashMap<[u8; PREFIX], Vec<usize>>,
}

impl Vocabulary {
    /// The vocabulary, made once.
    pub(super) fn get() -> &'static Self {
        static VOCABULARY: OnceLock<Vocabulary> = OnceLock::new();
        VOCABULARY.get_or_init(|| Self::from_words(WORDS))
    }

    fn from_words(words: &str) -> Self {
        let phrases: Vec<Vec<u8>> = words
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(phrase)
            .collect();
        let mut by_prefix: HashMap<[u8; PREFIX], Vec<usize>> = HashMap::new();
        for (index, phrase) in phrases.iter().enumerate() {
            if let Some(prefix) = phrase.first_chunk::<PREFIX>() {
                by_prefix.entry(*prefix).or_default().push(index);
            }
        }
        for candidates in by_prefix.values_mut() {
            candidates.sort_by_key(|index| std::cmp::Reverse(phrases.get(*index).map(Vec::len)));
        }
        Self { phrases, by_prefix }
    }

    /// A phrase by its number, from 1. Number 0 is the empty phrase.
    pub(super) fn phrase(&self, number: u64) -> Option<&[u8]> {
        match number.checked_sub(1) {
            None => Some(&[]),
            Some(index) => self.phrases.get(usize::try_from(index).ok()?).map(Vec::as_slice),
        }
    }

    /// The longest phrase that the bytes begin with: its number and its length.
    pub(super) fn longest_at(&self, bytes: &[u8]) -> Option<(u64, usize)> {
        self.by_prefix
            .get(bytes.first_chunk::<PREFIX>()?)?
            .iter()
            .find_map(|index| {
                let phrase = self.phrases.get(*index)?;
                bytes.starts_with(phrase).then_some((*index as u64 + 1, phrase.len()))
            })
    }

    /// The dictionary for zstd: all phrases, the most frequent ones last, where they are cheapest to point at.
    pub(super) fn dictionary(&self) -> Vec<u8> {
        self.phrases.iter().rev().flatten().copied().collect()
    }
}

/// A line's phrase. A code stands as events encode one: present, system, code, display, the texts with their lengths.
fn phrase(line: &str) -> Vec<u8> {
    let mut fields = line.splitn(3, '|');
    match (fields.next(), fields.next(), fields.next()) {
        (Some(system), Some(code), Some(display)) => {
            let mut phrase = vec![1, system.parse().unwrap_or(u8::MAX)];
            for text in [code, display] {
                super::varint::put(&mut phrase, text.len() as u64);
                phrase.extend_from_slice(text.as_bytes());
            }
            phrase
        }
        (_, Some(text), None) => text.as_bytes().to_vec(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::kernel::{CodeSystem, Coding, Concept};

    #[test]
    fn the_vocabulary_of_version_1_never_changes() {
        let vocabulary = Vocabulary::get();
        let mut all = Vec::new();
        for phrase in &vocabulary.phrases {
            super::super::varint::put(&mut all, phrase.len() as u64);
            all.extend_from_slice(phrase);
        }
        let hash = ring::digest::digest(&ring::digest::SHA256, &all);
        assert_eq!(
            (vocabulary.phrases.len(), hex::encode(hash).as_str()),
            (321, "d740fa5d8ca90c576c1ebe14d917f7522148f706603bb41e207090060f3e7999")
        );
    }

    #[test]
    fn every_line_is_a_phrase_that_can_be_found_and_none_stands_twice() {
        let vocabulary = Vocabulary::get();
        for (index, phrase) in vocabulary.phrases.iter().enumerate() {
            assert!(phrase.len() >= PREFIX, "line {index} is too short");
            assert_ne!(phrase.get(1), Some(&u8::MAX), "line {index} names no system");
            assert_eq!(
                vocabulary.longest_at(phrase),
                Some((index as u64 + 1, phrase.len())),
                "line {index}"
            );
        }
    }

    #[test]
    fn a_code_in_the_vocabulary_stands_as_events_encode_it() {
        let concept = Concept {
            coding: Some(Coding {
                system: CodeSystem::Snomed,
                code: "185349003".to_owned(),
            }),
            text: "Encounter for check up (procedure)".to_owned(),
        };
        let bytes = postcard::to_stdvec(&concept).unwrap();
        assert_eq!(Vocabulary::get().longest_at(&bytes), Some((1, bytes.len())));
    }
}
