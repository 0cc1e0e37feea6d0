//! Resources that stand inside another one, which alone can refer to them (`#id`).

use serde::de::DeserializeOwned;
use serde_json::Value;

/// All of a kind that can be read.
pub(super) fn all<'a, R: DeserializeOwned>(contained: &'a [Value], kind: &'a str) -> impl Iterator<Item = R> + 'a {
    let of_kind = move |one: &&Value| one.get("resourceType").and_then(Value::as_str) == Some(kind);
    let read = |one: &Value| serde_json::from_value(one.clone()).ok();
    contained.iter().filter(of_kind).filter_map(read)
}

/// The one of a kind behind a reference, if it is one to a contained resource.
pub(super) fn behind<R: DeserializeOwned>(contained: &[Value], kind: &str, reference: &str) -> Option<R> {
    let id = reference.strip_prefix('#')?;
    let own: Vec<Value> = contained
        .iter()
        .filter(|one| one.get("id").and_then(Value::as_str) == Some(id))
        .cloned()
        .collect();
    all(&own, kind).next()
}
