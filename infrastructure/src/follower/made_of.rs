//! What read models are made of.

use std::collections::BTreeSet;
use std::fmt;

use crate::chain::Recorder;
use crate::keys::CheckValues;

/// The secrets under which events were opened, by their check values, and the contracts that are believed: the same in whatever order they are configured.
/// Of others other read models are made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MadeOf(pub(super) String);

impl MadeOf {
    /// What these secrets open, and what these contracts record.
    pub fn of(secrets: &CheckValues, recorders: &[Recorder]) -> Self {
        let own = format!("the organisation's namespace (check value {})", secrets.own);
        let recorders: BTreeSet<_> = recorders.iter().collect();
        let recorders = recorders.into_iter().map(|recorder| {
            format!(
                "{}{} in namespace {}",
                what(recorder),
                recorder.contract,
                recorder.namespace
            )
        });
        let shared: BTreeSet<_> = secrets.shared.iter().collect();
        let shared = shared
            .into_iter()
            .map(|(namespace, check)| format!("the shared namespace {namespace} (check value {check})"));
        let names: Vec<_> = std::iter::once(own).chain(recorders).chain(shared).collect();
        Self(names.join(", "))
    }
}

/// What a contract is believed to be.
fn what(recorder: &Recorder) -> String {
    let registry = recorder.registry.map(<&str>::from);
    registry.map_or_else(String::new, |registry| format!("the registry of {registry} "))
}

impl fmt::Display for MadeOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
