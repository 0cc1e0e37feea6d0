//! `docs/requirements.md` leaves no requirement out, and whatever it calls a proof is a test that exists. The tests are
//! found in the sources, so that no list of them can go stale.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what must hold by panicking when it does not"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The requirements are R1 to this one.
const LAST: usize = 66;

/// Where Rust's modules begin: a folder of the repository, and the path of the module that it is.
const ROOTS: [(&str, &str); 20] = [
    ("domain/src", "domain"),
    ("application/src", "application"),
    ("infrastructure/src", "infrastructure"),
    ("projections/src", "projections"),
    ("api/wire/src", "api_wire"),
    ("api/config/src", "api_config"),
    ("api/http/src", "api_http"),
    ("api/import/src", "api_import"),
    ("api/dev/src", "api_dev"),
    ("api/server/src", "api_server"),
    ("api/audit/src", "api_audit"),
    ("api/audit/tests", "api_audit"),
    ("api/bench/src", "api_bench"),
    ("api/check-node/src", "api_check_node"),
    ("api/src", "api"),
    ("tests/src", "tests"),
    ("tests/fixtures/src", "fixtures"),
    ("tests/fixtures/tests", "fixtures"),
    ("tests/tests", "tests"),
    ("tests/nodes", "tests::nodes"),
];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files in a folder and below it whose names end so.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| {
            if path.is_dir() {
                files(&path, ending)
            } else {
                Vec::from_iter(path.to_str().unwrap().ends_with(ending).then_some(path))
            }
        })
        .collect()
}

/// The name that follows a keyword in a line.
fn name_after<'a>(line: &'a str, keyword: &str) -> Option<&'a str> {
    let (before, rest) = line.split_once(keyword)?;
    let end = rest.find(|one: char| !one.is_alphanumeric() && one != '_')?;
    (before.is_empty() || before.ends_with(' ')).then_some(&rest[..end])
}

/// The tests that a Rust source has, by their paths within it. One that is ignored proves nothing.
fn rust_tests(source: &str) -> Vec<String> {
    let (mut within, mut is_test, mut ignored) = (String::new(), false, false);
    let mut found = Vec::new();
    for line in source.lines() {
        match line.trim_start() {
            _ if line == "}" => within.clear(),
            _ if line.starts_with("mod ") && line.ends_with('{') => {
                within = format!("{}::", name_after(line, "mod ").unwrap());
            }
            "#[test]" | "#[actix_web::test]" => is_test = true,
            attribute if attribute.starts_with("#[tokio::test") => is_test = true,
            attribute if attribute.starts_with("#[ignore") => ignored = true,
            between if between.starts_with("#[") || between.starts_with("//") => {}
            code => {
                let name = name_after(code, "fn ").filter(|_| is_test && !ignored);
                found.extend(name.map(|name| format!("{within}{name}")));
                (is_test, ignored) = (false, false);
            }
        }
    }
    found
}

/// The tests that a Solidity source has, each with its contract.
fn solidity_tests(source: &str) -> Vec<String> {
    let mut contract = "";
    let mut found = Vec::new();
    for line in source.lines() {
        if line.starts_with("contract ") {
            contract = name_after(line, "contract ").unwrap();
        }
        let name = line
            .strip_prefix("    function ")
            .and_then(|_| name_after(line, "function "));
        let is_test = |name: &&str| name.starts_with("test") || name.starts_with("invariant_");
        found.extend(name.filter(is_test).map(|name| format!("{contract}.{name}")));
    }
    found
}

/// The sources of the modules of a root, by path. A file that no module declares is not compiled, so it is none.
fn modules(folder: &str, root: &str) -> BTreeMap<String, String> {
    let home = repository().join(folder);
    let mut sources = BTreeMap::<String, String>::new();
    for file in files(&home, ".rs") {
        let inner = file.strip_prefix(&home).unwrap().with_extension("");
        let parts = inner.iter().map(|part| part.to_str().unwrap());
        let parts = parts.filter(|part| !["lib", "main", "mod"].contains(part));
        let module = std::iter::once(root).chain(parts).collect::<Vec<_>>().join("::");
        // A package may have a library and a program.
        sources.entry(module).or_default().push_str(&read(&file));
    }
    let declared = |module: &str| {
        let inner = module[root.len()..].split("::").skip(1);
        inner
            .scan(root.to_owned(), |parent, name| {
                let line = format!("mod {name};");
                let declares = |one: &str| one.ends_with(&line) && !one.trim_start().starts_with("//");
                // What stands in a package's `tests` itself, Cargo finds.
                let found = (folder.ends_with("/tests") && parent == root)
                    || sources.get(parent).is_some_and(|source| source.lines().any(declares));
                *parent = format!("{parent}::{name}");
                Some(found)
            })
            .all(|found| found)
    };
    let compiled: BTreeSet<_> = sources.keys().filter(|module| declared(module)).cloned().collect();
    sources.retain(|module, _| compiled.contains(module));
    sources
}

/// Every test of the repository, as the page names them.
fn tests_there_are() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (folder, root) in ROOTS {
        for (module, source) in modules(folder, root) {
            found.extend(rust_tests(&source).iter().map(|test| format!("{module}::{test}")));
        }
    }
    let contracts = files(&repository().join("contracts/test"), ".t.sol");
    found.extend(contracts.iter().flat_map(|file| solidity_tests(&read(file))));
    found
}

/// What the page says of one requirement.
#[derive(Default)]
struct Entry<'a> {
    /// `Verdict`, `Today`, `Missing` and `Tests`, as far as they are there, each with the first line of what it says.
    points: Vec<(&'a str, &'a str)>,
    tests: Vec<&'a str>,
    /// Whether it says what is required.
    is_told: bool,
}

impl<'a> Entry<'a> {
    fn of(text: &'a str) -> Self {
        let mut entry = Self::default();
        for line in text.lines().skip(1) {
            if let Some(point) = line.strip_prefix("- ") {
                entry.points.push(point.split_once(':').unwrap_or((point, "")));
            } else if let Some(test) = line.strip_prefix("  - ") {
                entry.tests.push(test.trim_matches('`'));
            } else if entry.points.is_empty() && !line.is_empty() {
                entry.is_told = true;
            }
        }
        entry
    }

    /// What is wrong with it.
    fn faults(&self, existing: &BTreeSet<String>) -> Vec<String> {
        let mut faults = Vec::new();
        let labels: Vec<_> = self.points.iter().map(|(label, _)| *label).collect();
        let verdict = match self.points.first() {
            Some(("Verdict", verdict)) => verdict.trim(),
            _ => "",
        };
        let expected: &[&str] = match verdict {
            "met" => &["Verdict", "Today", "Tests"],
            "partly" => &["Verdict", "Today", "Missing", "Tests"],
            "not yet" => &["Verdict", "Missing"],
            _ => return vec![format!("{verdict:?} is no verdict")],
        };
        if !self.is_told {
            faults.push("it does not say what is required".to_owned());
        }
        if labels != expected {
            faults.push(format!("{verdict:?} goes with {expected:?}, not with {labels:?}"));
        }
        for (label, said) in &self.points {
            if said.trim().is_empty() != (*label == "Tests") {
                faults.push(format!("{label} says nothing, or is no list"));
            }
        }
        if labels.contains(&"Tests") == self.tests.is_empty() {
            faults.push("tests are named where there is no list of them, or none is".to_owned());
        }
        let strange = self.tests.iter().filter(|test| !existing.contains(**test));
        faults.extend(strange.map(|test| format!("there is no test {test}")));
        faults
    }
}

/// What is wrong with a page about the requirements from R1 to the last one.
fn faults(page: &str, last: usize, existing: &BTreeSet<String>) -> Vec<String> {
    let sections = || page.split("\n### ").skip(1);
    let numbers: Vec<_> = sections().map(|section| section.split(' ').next().unwrap()).collect();
    let expected: Vec<_> = (1..=last).map(|number| format!("R{number}")).collect();
    if numbers != expected {
        return vec![format!("the requirements are {numbers:?}")];
    }
    let mut counts = BTreeMap::from([("met", 0), ("partly", 0), ("not yet", 0)]);
    let mut faults = Vec::new();
    for (number, section) in numbers.iter().zip(sections()) {
        // A chapter may end with the section.
        let entry = Entry::of(section.split("\n## ").next().unwrap());
        faults.extend(entry.faults(existing).iter().map(|fault| format!("{number}: {fault}")));
        let verdict = entry.points.first().map_or("", |(_, verdict)| verdict.trim());
        counts.entry(verdict).and_modify(|count| *count += 1);
    }
    let sum = format!(
        "Of the {last} requirements {} are met, {} are partly met, and {} are not yet met.",
        counts["met"], counts["partly"], counts["not yet"]
    );
    if !page.contains(&sum) {
        faults.push(format!("it does not say: {sum}"));
    }
    faults
}

#[test]
fn every_requirement_has_a_verdict_and_every_test_that_is_named_as_its_proof_exists() {
    let page = read(&repository().join("docs/requirements.md"));
    assert_eq!(faults(&page, LAST, &tests_there_are()), Vec::<String>::new());
}

#[test]
fn a_page_that_leaves_something_out_is_refused() {
    let existing = BTreeSet::from(["domain::tests::it_holds".to_owned(), "LogTest.test_it_holds".to_owned()]);
    let good = "\
Of the 3 requirements 1 are met, 1 are partly met, and 1 are not yet met.

## Chapter

### R1 One

It must be one.

- Verdict: met
- Today: It
  holds.
- Tests:
  - `domain::tests::it_holds`
  - `LogTest.test_it_holds`

### R2 Two

It must be two.

- Verdict: partly
- Today: Half.
- Missing: The rest.
- Tests:
  - `domain::tests::it_holds`

## Another chapter

### R3 Three

It must be three.

- Verdict: not yet
- Missing: All.
";
    assert_eq!(faults(good, 3, &existing), Vec::<String>::new());
    for (right, wrong) in [
        ("### R2", "### R1"),
        ("### R2", "## R2"),
        ("### R3", "### R4"),
        ("It must be two.\n", ""),
        (": met", ": mostly"),
        ("- Verdict: met\n", ""),
        (
            "- Tests:\n  - `domain::tests::it_holds`\n  - `LogTest.test_it_holds`\n",
            "",
        ),
        ("  - `domain::tests::it_holds`\n  - `LogTest.test_it_holds`\n", ""),
        ("- Missing: The rest.\n", ""),
        ("- Missing: All.", "- Missing:"),
        ("- Missing: All.\n", ""),
        ("- Today: Half.", "- Today: "),
        ("`domain::tests::it_holds`", "`domain::it_holds`"),
        ("`LogTest.test_it_holds`", "`LogTest.test_it_held`"),
        (": not yet", ": met"),
        ("and 1 are not", "and 2 are not"),
    ] {
        let bad = good.replacen(right, wrong, 1);
        assert_ne!(bad, good, "{right}");
        assert!(!faults(&bad, 3, &existing).is_empty(), "{wrong:?} instead of {right:?}");
    }
}

#[test]
fn a_test_is_known_by_its_attribute_or_its_name_and_by_where_it_stands() {
    let rust = "\
#[test]
fn outside() {}
fn helper() {}
// #[test]
fn nothing() {}

mod tests {
    /// A comment.
    #[tokio::test(flavor = \"multi_thread\")]
    #[expect(clippy::panic)]
    async fn inside() {}

    #[test]
    #[ignore = \"it takes long\"]
    fn ignored() {}
}

#[actix_web::test]
pub async fn behind() {}
";
    assert_eq!(rust_tests(rust), ["outside", "tests::inside", "behind"]);
    let solidity = "\
contract LogTest is Base {
    function setUp() public {}
    function test_it_holds() public view {
    // function test_nothing() public {
    function testFuzz_it_holds(uint256 seed) public {
}
";
    assert_eq!(
        solidity_tests(solidity),
        ["LogTest.test_it_holds", "LogTest.testFuzz_it_holds"]
    );
}
