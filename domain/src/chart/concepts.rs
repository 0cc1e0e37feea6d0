//! Which concepts are one.

use std::collections::BTreeSet;

use crate::kernel::Concept;

/// Whether two concepts are one: by their texts, or by their codes, where the text of one has all the words of the other's. A code alone
/// says too little: "other food allergies" is kiwi here and strawberry there, and a fracture of the wrist is on the left or on the right.
pub(super) fn same(one: &Concept, two: &Concept) -> bool {
    match (&one.coding, &two.coding) {
        (Some(code), Some(other)) => code == other && is_said_within(&one.text, &two.text),
        _ => one.text.trim().to_lowercase() == two.text.trim().to_lowercase(),
    }
}

/// Whether one of two texts has all the words of the other.
fn is_said_within(one: &str, two: &str) -> bool {
    let words = |text: &str| -> BTreeSet<String> {
        let words = text.split(|letter: char| !letter.is_alphanumeric());
        words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
    };
    let (one, two) = (words(one), words(two));
    one.is_subset(&two) || two.is_subset(&one)
}
