//! What read models are made of beside the organisation's own namespace.

use std::collections::BTreeSet;
use std::fmt;

use crate::chain::Recorder;
use crate::log::Namespace;

/// The contracts that are believed and the namespaces that are shared, by their names: the same in whatever order they are configured.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct ReadBeside(pub(super) String);

impl ReadBeside {
    /// These contracts, and these namespaces with check values of their secrets ([`LogSecrets::shared`](crate::keys::LogSecrets::shared)).
    pub fn of(recorders: &[Recorder], shared: impl IntoIterator<Item = (Namespace, String)>) -> Self {
        let recorders: BTreeSet<_> = recorders.iter().collect();
        let recorders = recorders
            .into_iter()
            .map(|Recorder { contract, namespace }| format!("{contract} in namespace {namespace}"));
        let shared: BTreeSet<_> = shared.into_iter().collect();
        let shared = shared
            .into_iter()
            .map(|(namespace, check)| format!("the shared namespace {namespace} (check value {check})"));
        let names: Vec<_> = recorders.chain(shared).collect();
        Self(names.join(", "))
    }
}

impl fmt::Display for ReadBeside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_str() {
            "" => f.write_str("nothing"),
            names => f.write_str(names),
        }
    }
}
