//! What the documentation promises to be complete is.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what must hold by panicking when it does not"
)]

use std::collections::BTreeMap;

use application::trouble::TroubleKind;

/// A file of the repository.
fn file(path: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The parts of a page under headings of this level, by heading, after the heading `within`.
fn chapters(page: &str, within: &str, level: &str) -> BTreeMap<String, String> {
    let (_, after) = page
        .split_once(&format!("\n{within}\n"))
        .unwrap_or_else(|| panic!("no {within:?}"));
    let end = after.find("\n## ").unwrap_or(after.len());
    let mark = format!("\n{level} ");
    let parts = after[..end].split(&mark).skip(1);
    let parts = parts.map(|part| part.split_once('\n').unwrap_or((part, "")));
    parts
        .map(|(heading, text)| (heading.to_owned(), text.trim().to_owned()))
        .collect()
}

#[test]
fn every_trouble_has_its_chapter_in_the_operations_page_and_every_chapter_its_trouble() {
    let page = file("docs/operations.md");
    let mut chapters = chapters(&page, "## When there is trouble", "###");
    for kind in TroubleKind::ALL {
        let chapter = chapters.remove(kind.code());
        let chapter = chapter.unwrap_or_else(|| panic!("docs/operations.md has no chapter `### {}`", kind.code()));
        assert!(
            chapter.lines().any(|line| line == kind.title()),
            "the chapter {} begins with what it is: {}",
            kind.code(),
            kind.title()
        );
        assert!(
            chapter.len() > kind.title().len() + 40,
            "the chapter {} does not say what to do",
            kind.code()
        );
    }
    assert!(chapters.is_empty(), "chapters without a trouble: {:?}", chapters.keys());
}
