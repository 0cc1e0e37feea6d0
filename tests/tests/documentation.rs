//! What the documentation promises to be complete is.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what must hold by panicking when it does not"
)]

use std::collections::BTreeMap;

use api_config::Config;
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

/// The settings that a table of the configuration can have, as the program itself lists them when it meets one it does not know.
fn settings_of(table: &str, sample: &str) -> Vec<String> {
    let stranger = "no_such_setting = 1\n";
    let header = format!("[{table}]\n");
    let text = if table.is_empty() {
        format!("{stranger}{sample}")
    } else if sample.contains(&header) {
        sample.replacen(&header, &format!("{header}{stranger}"), 1)
    } else {
        format!("{sample}\n{header}{stranger}")
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("server.toml");
    std::fs::write(&path, text).unwrap();
    let error = Config::read(Some(&path)).unwrap_err().to_string();
    let (_, known) = error
        .split_once(", only ")
        .unwrap_or_else(|| panic!("{table}: {error}"));
    known.split(", ").map(str::to_owned).collect()
}

#[test]
fn the_sample_configuration_loads_and_has_every_setting_with_its_explanation() {
    let sample = file("docs/server.sample.toml");
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/server.sample.toml");
    let config = Config::read(Some(&path)).unwrap();
    assert_eq!(config.chain.id, 1337);

    let tables = settings_of("", &sample);
    assert!(tables.len() >= 6, "{tables:?}");
    for table in tables.iter().map(String::as_str).chain(["keys.encryption"]) {
        let (_, part) = sample
            .split_once(&format!("[{table}]\n"))
            .unwrap_or_else(|| panic!("no [{table}]"));
        let part: Vec<&str> = part.lines().take_while(|line| !line.starts_with('[')).collect();
        for setting in settings_of(table, &sample) {
            let own_table = format!("[{table}.{setting}]");
            let documented = part.iter().any(|line| {
                let line = line.strip_prefix("# ").unwrap_or(line);
                line.strip_prefix(setting.as_str())
                    .is_some_and(|rest| rest.starts_with(" = "))
            });
            assert!(
                documented || sample.contains(&own_table),
                "docs/server.sample.toml does not have {table}.{setting}"
            );
        }
    }
    // Tables that are written in one line are explained in the lines above it.
    for (table, least) in [("mail", 11), ("webhook", 3)] {
        let (_, part) = sample.split_once("\n[notifications]\n").unwrap();
        let (before, line) = part.split_once(&format!("\n# {table} = ")).unwrap();
        let lines_above = before.lines().rev();
        let above: Vec<_> = lines_above.take_while(|line| !line.contains(" = {")).collect();
        let above = above.concat();
        let settings = settings_of(&format!("notifications.{table}"), &sample);
        assert!(settings.len() >= least, "{settings:?}");
        for setting in settings {
            let is_shown = line.lines().next().unwrap().contains(&format!("{setting} = "));
            let is_explained = above.contains(&format!("`{setting}`"));
            assert!(
                is_shown || is_explained,
                "docs/server.sample.toml does not have notifications.{table}.{setting}"
            );
        }
    }
}

#[test]
fn every_setting_that_the_sample_leaves_out_stands_where_it_can_be_put_in() {
    let sample = file("docs/server.sample.toml");
    let lines: Vec<&str> = sample.lines().collect();
    let is_setting = |text: &str| {
        let name = text.split_once(" = ").map(|(name, _)| name);
        name.is_some_and(|name| !name.is_empty() && name.chars().all(|one| one.is_ascii_lowercase() || one == '_'))
    };
    let mut tried = 0;
    for (at, line) in lines.iter().enumerate() {
        let Some(setting) = line.strip_prefix("# ").filter(|text| is_setting(text)) else {
            continue;
        };
        let mut with = lines.clone();
        with[at] = setting;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.toml");
        std::fs::write(&path, with.join("\n")).unwrap();
        if let Err(error) = Config::read(Some(&path)) {
            let error = error.to_string();
            assert!(!error.contains("no setting"), "{setting}: {error}");
        }
        tried += 1;
    }
    assert!(tried > 5, "{tried}");
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
