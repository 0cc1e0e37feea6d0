//! What an audit with keys comes to beside the proof: what was opened, whether the decisions followed the rules, and whether what is live is what the log
//! gives. It says nothing of what entries hold.

use std::fmt::Write as _;

use infrastructure::follower::{Contradicted, Fate, Refold};
use infrastructure::log::LogHead;
use serde::Serialize;

use crate::report::{Head, Report, Verdict};
use crate::text::{self, Hex};

/// An event that its aggregate could not have decided.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ContradictionReport {
    /// Its place in the log.
    pub position: u64,
    /// Its stream.
    #[serde(serialize_with = "text::hash")]
    pub stream: [u8; 32],
    /// Its place in its stream.
    pub version: u64,
    /// Of which kind its aggregate is.
    pub aggregate: &'static str,
    /// The rule.
    pub rule: &'static str,
}

/// A table that is live, against what the log gives.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TableReport {
    /// Its name.
    pub name: &'static str,
    /// How many rows the log gives.
    pub rows: u64,
    /// Whether what is live is the same.
    pub equal: bool,
    /// The first position at which it is not, where that can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_difference: Option<u64>,
}

/// How the database that is configured compares.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Comparison {
    /// At this position.
    #[serde(rename_all = "camelCase")]
    At {
        /// Where both stood.
        position: u64,
        /// Table by table.
        tables: Vec<TableReport>,
    },
    /// It could not be compared; why.
    Not(String),
}

/// What the keys tell.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WithKeys {
    /// The head of what was opened. It must be the one that is proved.
    pub head: Head,
    /// How many entries were opened, and count. Those with an unreadable section are among them.
    pub opened: u64,
    /// How many of them count without their personal section, which its key does not open.
    pub unreadable: u64,
    /// How many are not authentic, and mean nothing.
    pub void: u64,
    /// How many are authentic, in a namespace that is shared, against the rules there, and mean nothing.
    pub overruled: u64,
    /// How many are under keys that are destroyed.
    pub sealed: u64,
    /// How many cannot be read now: a key is missing, or an earlier entry of the stream cannot be read.
    pub parked: u64,
    /// How many other contracts recorded that are believed.
    pub recorded: u64,
    /// How many stand in streams of others.
    pub foreign: u64,
    /// How many aggregates were folded.
    pub aggregates: u64,
    /// How many events contradict the rules.
    pub contradictions: u64,
    /// The first of them.
    pub contradicted: Vec<ContradictionReport>,
    /// The database that is configured.
    pub comparison: Comparison,
}

/// Why a log that is proved was not opened and folded.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Unfolded {
    /// What the node showed to be opened is not what it proved.
    NotAsProved(String),
    /// It failed on the way.
    Failed(String),
}

/// A proof of the log, and what the keys tell; nothing of that where the proof found a fault.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyedReport {
    /// The proof. Its verdict is that of both.
    #[serde(flatten)]
    pub proof: Report,
    /// What the keys tell.
    pub with_keys: Option<WithKeys>,
    /// Why they tell nothing of what is proved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unfolded: Option<Unfolded>,
}

impl From<&Contradicted> for ContradictionReport {
    fn from(contradicted: &Contradicted) -> Self {
        Self {
            position: contradicted.position,
            stream: contradicted.stream.0,
            version: contradicted.version,
            aggregate: contradicted.aggregate,
            rule: contradicted.rule.into(),
        }
    }
}

impl WithKeys {
    /// Of what was folded.
    pub fn of(refold: &Refold, head: LogHead, comparison: Comparison) -> Self {
        let unreadable = refold.count(Fate::Unreadable);
        Self {
            head: head.into(),
            opened: refold.count(Fate::Counted).saturating_add(unreadable),
            unreadable,
            void: refold.count(Fate::Void),
            overruled: refold.count(Fate::Overruled),
            sealed: refold.count(Fate::Sealed),
            parked: refold.count(Fate::Parked),
            recorded: refold.count(Fate::Recorded),
            foreign: refold.count(Fate::Foreign),
            aggregates: refold.aggregates() as u64,
            contradictions: refold.contradictions(),
            contradicted: refold.contradicted().iter().map(ContradictionReport::from).collect(),
            comparison,
        }
    }

    /// What it comes to, apart from the proof. What is parked was not held against the rules, and what was not compared may be anything.
    fn verdict(&self, proven: Option<Head>) -> Verdict {
        let differs = match &self.comparison {
            Comparison::At { tables, .. } => tables.iter().any(|table| !table.equal),
            Comparison::Not(_) => false,
        };
        if proven != Some(self.head) || self.contradictions > 0 || differs {
            Verdict::Fault
        } else if self.parked > 0 || matches!(self.comparison, Comparison::Not(_)) {
            Verdict::InPart
        } else {
            Verdict::Proved
        }
    }
}

impl KeyedReport {
    /// Of both.
    pub fn new(mut proof: Report, with_keys: Option<WithKeys>) -> Self {
        let keyed = with_keys.as_ref().map(|keyed| keyed.verdict(proof.head));
        proof.verdict = of_both(proof.verdict, keyed.unwrap_or(Verdict::Proved));
        Self {
            proof,
            with_keys,
            unfolded: None,
        }
    }

    /// Of a proof from which it was not gone on.
    pub fn unfolded(mut proof: Report, why: Unfolded) -> Self {
        let unfolded = match why {
            Unfolded::NotAsProved(_) => Verdict::Fault,
            Unfolded::Failed(_) => Verdict::InPart,
        };
        proof.verdict = of_both(proof.verdict, unfolded);
        Self {
            proof,
            with_keys: None,
            unfolded: Some(why),
        }
    }

    /// For people.
    pub fn told(&self) -> String {
        let mut text = self.proof.told();
        match &self.unfolded {
            Some(Unfolded::NotAsProved(why)) => {
                let _ = write!(
                    text,
                    "\n\nFAULT: what the node showed to be opened is not what it proved: {why}"
                );
            }
            Some(Unfolded::Failed(why)) => {
                let _ = write!(
                    text,
                    "\n\nIN PART: what is proved was not opened and folded to its end: {why}"
                );
            }
            None => {}
        }
        let Some(keyed) = &self.with_keys else { return text };
        let _ = write!(
            text,
            "\n\nwith the keys: {} entries opened ({} of them without their personal section, which cannot be read), {} void, {} overruled, {} sealed, {} parked, \
             {} recorded by other contracts, {} of others\n{} aggregates folded; {} events contradict the rules\n",
            keyed.opened,
            keyed.unreadable,
            keyed.void,
            keyed.overruled,
            keyed.sealed,
            keyed.parked,
            keyed.recorded,
            keyed.foreign,
            keyed.aggregates,
            keyed.contradictions
        );
        for one in &keyed.contradicted {
            let _ = writeln!(
                text,
                "  position {}, stream {}, version {}, {}: {}",
                one.position,
                Hex(one.stream),
                one.version,
                one.aggregate,
                one.rule
            );
        }
        match &keyed.comparison {
            Comparison::At { position, tables } => {
                let _ = writeln!(text, "the database at position {position}, against what the log gives:");
                for table in tables {
                    let said = if table.equal { "equal" } else { "DIFFERENT" };
                    let first = table.first_difference;
                    let first = first.map_or_else(String::new, |position| format!(", from position {position} on"));
                    let _ = writeln!(text, "  {:16} {:>9} rows  {said}{first}", table.name, table.rows);
                }
            }
            Comparison::Not(why) => {
                let _ = writeln!(text, "the database is not compared: {why}");
            }
        }
        text += match self.proof.verdict {
            Verdict::Fault if self.proof.head != Some(keyed.head) => {
                "\nFAULT: what the node showed to be opened is not what it proved."
            }
            Verdict::Fault if keyed.parked > 0 => {
                "\nFAULT: what is told above could not come of this log by the rules; or tables differ because of what is parked here: are all keys in the database?"
            }
            Verdict::Fault => "\nFAULT: what is told above could not come of this log by the rules.",
            Verdict::InPart if keyed.opened == 0 => {
                "\nIN PART: nothing was opened. Are `chain.namespace` and `keys.master_secret` those of the organisation?"
            }
            Verdict::InPart => {
                "\nIN PART: as far as the log is proved, and can be opened and compared, all of it follows the rules."
            }
            Verdict::Proved => {
                "\nFOLDED AFRESH: every decision could be made, and the read models, the journal's entries and the erasures are what the log gives."
            }
        };
        text
    }
}

fn of_both(one: Verdict, other: Verdict) -> Verdict {
    match (one, other) {
        (Verdict::Fault, _) | (_, Verdict::Fault) => Verdict::Fault,
        (Verdict::InPart, _) | (_, Verdict::InPart) => Verdict::InPart,
        (Verdict::Proved, Verdict::Proved) => Verdict::Proved,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use infrastructure::chain::Address;

    const HEAD: LogHead = LogHead {
        position: 7,
        running_hash: [7; 32],
    };

    fn proof(verdict: Verdict) -> Report {
        Report {
            verdict,
            chain_id: 1,
            contract: Address([1; 20]),
            block: None,
            head: Some(HEAD.into()),
            proved: None,
            unproved: None,
            fault: None,
        }
    }

    fn equal(equal: bool) -> Comparison {
        Comparison::At {
            position: 9,
            tables: vec![TableReport {
                name: "patients",
                rows: 3,
                equal,
                first_difference: None,
            }],
        }
    }

    fn keyed(comparison: Comparison) -> WithKeys {
        WithKeys::of(&Refold::default(), HEAD, comparison)
    }

    #[test]
    fn a_verdict_is_that_of_the_proof_and_of_the_keys() {
        let (not, parked) = (Comparison::Not("it stands before".to_owned()), |parked| WithKeys {
            parked,
            ..keyed(equal(true))
        });
        let contradicted = WithKeys {
            contradictions: 1,
            ..keyed(equal(true))
        };
        let elsewhere = WithKeys {
            head: LogHead { position: 6, ..HEAD }.into(),
            ..keyed(equal(true))
        };
        for (proved, with_keys, expected) in [
            (Verdict::Proved, Some(keyed(equal(true))), Verdict::Proved),
            (Verdict::InPart, Some(keyed(equal(true))), Verdict::InPart),
            (Verdict::Fault, None, Verdict::Fault),
            (Verdict::Proved, Some(keyed(not)), Verdict::InPart),
            (Verdict::Proved, Some(parked(1)), Verdict::InPart),
            (Verdict::InPart, Some(keyed(equal(false))), Verdict::Fault),
            (Verdict::Proved, Some(contradicted), Verdict::Fault),
            (Verdict::Proved, Some(elsewhere), Verdict::Fault),
        ] {
            let report = KeyedReport::new(proof(proved), with_keys);
            assert_eq!(report.proof.verdict, expected, "{}", report.told());
        }
    }

    #[test]
    fn what_was_not_folded_to_its_end_is_not_proved() {
        let why = || "why".to_owned();
        for (proved, unfolded, expected, word) in [
            (Verdict::Proved, Unfolded::Failed(why()), Verdict::InPart, "IN PART"),
            (Verdict::InPart, Unfolded::Failed(why()), Verdict::InPart, "IN PART"),
            (Verdict::Proved, Unfolded::NotAsProved(why()), Verdict::Fault, "FAULT"),
        ] {
            let report = KeyedReport::unfolded(proof(proved), unfolded);
            let told = report.told();
            assert_eq!(report.proof.verdict, expected, "{told}");
            let last = told.lines().last().unwrap();
            assert!(last.starts_with(word) && last.ends_with("why"), "{told}");
        }
    }
}
