//! The arrows between the layers, read from `cargo metadata` so that no list can go stale, and those between modules, read from the sources.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what must hold by panicking when it does not"
)]

mod modules;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// What each member may depend on among the members. A member that is not listed fails the test.
const ARROWS: [(&str, &[&str]); 16] = [
    ("domain", &[]),
    ("application", &["domain"]),
    ("infrastructure", &["application", "domain"]),
    ("projections", &["application", "domain"]),
    ("api-wire", &["application", "domain"]),
    ("api-config", &["application", "infrastructure"]),
    ("api-http", &["api-wire", "application", "domain"]),
    ("api-import", &["api-wire", "domain", "infrastructure"]),
    ("api-dev", &["api-config", "api-wire", "domain", "infrastructure"]),
    (
        "api-server",
        &[
            "api-config",
            "api-http",
            "application",
            "domain",
            "infrastructure",
            "projections",
        ],
    ),
    (
        "api-bench",
        &[
            "api-dev",
            "api-server",
            "api-wire",
            "application",
            "domain",
            "infrastructure",
            "projections",
        ],
    ),
    ("api-audit", &["application", "infrastructure"]),
    ("api-check-node", &["infrastructure"]),
    (
        "api",
        &[
            "api-audit",
            "api-bench",
            "api-check-node",
            "api-config",
            "api-dev",
            "api-http",
            "api-import",
            "api-server",
            "application",
            "infrastructure",
            "projections",
        ],
    ),
    (
        "fixtures",
        &["api-dev", "application", "domain", "infrastructure", "projections"],
    ),
    (
        "tests",
        &[
            "api",
            "api-config",
            "api-dev",
            "api-http",
            "api-import",
            "api-server",
            "api-wire",
            "application",
            "domain",
            "fixtures",
            "infrastructure",
            "projections",
        ],
    ),
];

/// Libraries that one layer keeps to itself, so that replacing one is a change to one folder.
const KEPT: [(&str, &[&str]); 10] = [
    ("alloy-primitives", &["api-audit"]),
    ("alloy-rlp", &["api-audit"]),
    ("alloy-trie", &["api-audit"]),
    ("ethers-core", &["infrastructure"]),
    ("ethers-signers", &["infrastructure"]),
    ("ring", &["infrastructure"]),
    ("postgres-es", &["api-bench", "infrastructure"]),
    ("actix-web", &["api-dev", "api-http", "tests"]),
    ("utoipa", &["api-http", "api-wire"]),
    (
        "sqlx",
        &[
            "infrastructure",
            "projections",
            "api",
            "api-bench",
            "api-config",
            "api-dev",
            "api-server",
            "fixtures",
            "tests",
        ],
    ),
];

/// What would bring a clock, randomness or I/O into the domain.
const NOT_IN_THE_DOMAIN: [&str; 7] = [
    "tokio",
    "sqlx",
    "reqwest",
    "rand",
    "getrandom",
    "tracing",
    "async-trait",
];

/// A workspace member.
struct Member {
    /// Its folder, from the workspace.
    folder: String,
    /// Its normal and build dependencies.
    dependencies: BTreeSet<String>,
}

/// The workspace members, by name.
fn members() -> BTreeMap<String, Member> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo answers JSON");
    let text = |value: &Value| value.as_str().expect("a string").to_owned();
    let root = text(&metadata["workspace_root"]);
    metadata["packages"]
        .as_array()
        .expect("packages")
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().expect("dependencies").iter();
            let names = dependencies
                .filter(|dependency| dependency["kind"] != "dev")
                .map(|one| text(&one["name"]));
            let manifest = text(&package["manifest_path"]);
            let folder = Path::new(&manifest).parent().expect("a folder");
            let folder = folder.strip_prefix(&root).expect("a folder of the workspace");
            let member = Member {
                folder: folder.to_str().expect("UTF-8").to_owned(),
                dependencies: names.collect(),
            };
            (text(&package["name"]), member)
        })
        .collect()
}

#[test]
fn the_members_depend_on_each_other_only_along_the_arrows() {
    let members = members();
    let names: BTreeSet<&str> = members.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        ARROWS.iter().map(|(member, _)| *member).collect(),
        "every member has its arrows"
    );
    for (member, allowed) in ARROWS {
        let dependencies = members[member].dependencies.iter();
        for dependency in dependencies.filter(|name| names.contains(name.as_str())) {
            assert!(
                allowed.contains(&dependency.as_str()),
                "{member} must not depend on {dependency}"
            );
        }
    }
}

#[test]
fn libraries_that_belong_to_one_layer_stay_there() {
    for (name, member) in members() {
        for (library, homes) in KEPT {
            assert!(
                !member.dependencies.contains(library) || homes.contains(&name.as_str()),
                "{library} is for {homes:?}, not for {name}"
            );
        }
    }
}

#[test]
fn the_domain_has_no_clock_no_randomness_and_no_io() {
    let members = members();
    for library in NOT_IN_THE_DOMAIN {
        assert!(
            !members["domain"].dependencies.contains(library),
            "{library} has no place in the domain"
        );
    }
}

#[test]
fn no_modules_use_each_other_in_a_circle() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let mut found: BTreeSet<Vec<String>> = BTreeSet::new();
    for (_, Member { folder, .. }) in members().iter().filter(|(name, _)| *name != "tests") {
        found.extend(modules::circles(&workspace.join(folder).join("src"), folder));
    }
    assert_eq!(found, BTreeSet::new(), "what they share belongs in a file of its own");
}
