//! What was found, for people and for machines.

use serde::Serialize;
use serde_json::Value;

/// What a finding means for the program.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// All is there.
    Good,
    /// The program works with it; something is worth knowing or doing.
    Limited,
    /// The program does not work without it.
    Missing,
    /// It could not be found out, and the program may need it.
    Unknown,
}

/// One thing that was looked at.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Finding {
    /// What.
    pub check: &'static str,
    /// What it means for the program.
    pub verdict: Verdict,
    /// What was found, in a sentence.
    pub found: String,
    /// What to do about it, if there is something to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// What was found, for machines: numbers of blocks, bytes, units of gas, wei; null where there is nothing to count.
    pub value: Value,
}

impl Finding {
    /// All is there.
    pub(super) fn good(check: &'static str, found: impl Into<String>) -> Self {
        Self::new(check, Verdict::Good, found)
    }

    /// The program works with it.
    pub(super) fn limited(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(check, Verdict::Limited, found).advised(advice)
    }

    /// The program does not work without it.
    pub(super) fn missing(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(check, Verdict::Missing, found).advised(advice)
    }

    /// It could not be found out.
    pub(super) fn unknown(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(check, Verdict::Unknown, found).advised(advice)
    }

    fn new(check: &'static str, verdict: Verdict, found: impl Into<String>) -> Self {
        Self {
            check,
            verdict,
            found: found.into(),
            advice: None,
            value: Value::Null,
        }
    }

    /// With what to do about it.
    pub(super) fn advised(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// With its value for machines.
    pub(super) fn valued(mut self, value: impl Into<Value>) -> Self {
        self.value = value.into();
        self
    }
}

/// Everything that was found.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Report {
    /// Whether all that the program needs is there.
    pub usable: bool,
    /// In the order in which it was looked at.
    pub findings: Vec<Finding>,
}

impl Report {
    pub(super) fn of(findings: Vec<Finding>) -> Self {
        let stops = |finding: &Finding| matches!(finding.verdict, Verdict::Missing | Verdict::Unknown);
        Self {
            usable: !findings.iter().any(stops),
            findings,
        }
    }

    /// For people.
    pub fn table(&self) -> String {
        let mut table = String::new();
        for finding in &self.findings {
            let mark = match finding.verdict {
                Verdict::Good => "good",
                Verdict::Limited => "limited",
                Verdict::Missing => "MISSING",
                Verdict::Unknown => "UNKNOWN",
            };
            table += &format!("{mark:<8} {:<14} {}\n", finding.check, finding.found);
            if let Some(advice) = &finding.advice {
                table += &format!("{:<23} -> {advice}\n", "");
            }
        }
        table += if self.usable {
            "\nMedconnect can use this node."
        } else {
            "\nMedconnect cannot use this node as it is: see MISSING and UNKNOWN above."
        };
        table
    }
}
