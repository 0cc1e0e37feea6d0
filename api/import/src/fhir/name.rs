//! FHIR's `HumanName`, with the given names told of it wherever they stand.

use serde::Deserialize;

use super::{Period, texts};

/// FHIR `HumanName`.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "Told")]
pub(crate) struct HumanName {
    pub(crate) used: Option<String>,
    pub(crate) text: Option<String>,
    pub(crate) family: Option<String>,
    /// The given names, in order. Where the source tells a family name and the whole name, they are what the whole has besides.
    pub(crate) given: Vec<String>,
    pub(crate) prefix: Vec<String>,
    pub(crate) period: Option<Period>,
}

/// A name as the source tells it.
#[derive(Deserialize)]
struct Told {
    #[serde(rename = "use")]
    used: Option<String>,
    text: Option<String>,
    family: Option<String>,
    #[serde(default, deserialize_with = "texts")]
    given: Vec<String>,
    #[serde(default, deserialize_with = "texts")]
    prefix: Vec<String>,
    period: Option<Period>,
}

impl From<Told> for HumanName {
    fn from(told: Told) -> Self {
        let mut given = told.given;
        if let (true, Some(family), Some(text)) = (given.is_empty(), &told.family, &told.text) {
            let titles: Vec<String> = told.prefix.iter().flat_map(|one| words(one)).collect();
            given = besides(text, family, &titles);
        }
        Self {
            used: told.used,
            text: told.text,
            family: told.family,
            given,
            prefix: told.prefix,
            period: told.period,
        }
    }
}

/// The words of a whole name that stand before the family name, or else after it, without titles. None when it is not in it.
fn besides(text: &str, family: &str, titles: &[String]) -> Vec<String> {
    let is_title = |word: &&str| titles.contains(&plain(word));
    let whole: Vec<&str> = text.split_whitespace().filter(|word| !is_title(word)).collect();
    let (family, plains) = (words(family), words(&whole.join(" ")));
    let Some(at) = plains.windows(family.len().max(1)).position(|words| words == family) else {
        return Vec::new();
    };
    let rest = if at > 0 {
        whole.get(..at)
    } else {
        whole.get(family.len()..)
    };
    let between = |word: &&str| word.trim_matches([',', ';']).to_owned();
    rest.into_iter()
        .flatten()
        .map(between)
        .filter(|word| !word.is_empty())
        .collect()
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(plain).collect()
}

fn plain(word: &str) -> String {
    word.trim_matches([',', ';']).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_name_tells_the_given_names_where_they_are_not_told() {
        for (told, given) in [
            (
                r#"{"family":"Smith","text":"Anna Maria Smith"}"#,
                &["Anna", "Maria"][..],
            ),
            (r#"{"family":"Smith","text":"SMITH, Anna"}"#, &["Anna"]),
            (
                r#"{"family":"von der Au","text":"Dr. Anna von der Au","prefix":["Dr."]}"#,
                &["Anna"],
            ),
            (r#"{"family":"Smith","text":"Anna Smith","given":["Ella"]}"#, &["Ella"]),
            (r#"{"family":"Smith","text":"Anna Smith Jr."}"#, &["Anna"]),
            (r#"{"family":"Smith","text":"Smith"}"#, &[]),
            (r#"{"family":"Smith","text":"Anna Jones"}"#, &[]),
            (r#"{"family":" ","text":"Anna Jones"}"#, &[]),
            (r#"{"text":"Anna Smith"}"#, &[]),
        ] {
            let name: HumanName = serde_json::from_str(told).unwrap();
            assert_eq!(name.given, given, "{told}");
        }
    }
}
