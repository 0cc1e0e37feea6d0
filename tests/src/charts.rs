//! Charts of patients, as callers fill and read them.

use serde_json::{Value, json};

use crate::system::TestSystem;

/// What the chart of a patient says, by the path of the patient's record.
pub async fn chart_of(system: &TestSystem, key: &str, record: &str) -> Value {
    let (status, chart) = system.get(&format!("{record}/chart"), key).await;
    assert_eq!(status, 200, "{chart}");
    chart
}

/// Enters for a nurse that a patient has agreed on paper to be treated, by the path of the patient's record. Answers with the key as it is used for her: see [`TestSystem::send`].
pub async fn treated(system: &TestSystem, key: &str, record: &str) -> String {
    let nurse = system.for_a_nurse(key).await;
    agree_on_paper(system, &nurse, record).await;
    nurse
}

/// Enters that a patient has agreed on paper to be treated.
pub async fn agree_on_paper(system: &TestSystem, nurse: &str, record: &str) {
    let path = format!("{record}/treatment/agreement");
    let (status, agreed) = system.post(&path, nurse, &paper()).await;
    assert_eq!(status, 200, "{agreed}");
}

/// A paper that somebody has signed, as it stands in bodies.
pub fn paper() -> Value {
    json!({ "paper": { "sha256": format!("0x{}", "5a".repeat(32)), "signedOn": "2026-03-01" } })
}

/// Notes a finding in the chart of a patient, and answers with the path of the finding.
pub async fn note(system: &TestSystem, key: &str, record: &str, finding: &Value) -> String {
    let path = format!("{record}/chart/findings");
    let (status, noted) = system.post(&path, key, finding).await;
    assert_eq!(status, 201, "{noted}");
    noted["resource"].as_str().expect("a path").to_owned()
}

/// The findings of a list of a chart, without what stands beside them. There are none where the list says why.
pub fn findings(list: &Value) -> Vec<&Value> {
    let entries = list.as_array().into_iter().flatten();
    entries.map(|entry| &entry["finding"]).collect()
}

/// The texts of the findings of a list of a chart.
pub fn texts(list: &Value) -> Vec<&str> {
    let all = findings(list).into_iter().map(|finding| {
        let text = finding["concept"]["text"].as_str();
        text.or_else(|| finding["text"].as_str()).expect("a text")
    });
    all.collect()
}
