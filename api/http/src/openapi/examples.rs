//! The examples of requests and answers, composed from those of their parts.
//!
//! A type's example is the one that it is given (`#[schema(example = json!(…))]`). Otherwise it consists of the members that
//! must be there and of those that have an example of their own; a day, an instant and an id need none. So an example
//! cannot fall behind its schema, and whoever adds an endpoint gives examples to new members only.

use serde_json::{Map, Value, json};
use utoipa::openapi::{Content, OpenApi as Document, RefOr, Response};

/// An id in examples.
const ID: &str = "3fa85f64-5717-4562-b3fc-2c963f66afa6";

/// Gives every request and every answer an example, unless it has one. What has none, because a member lacks one, stays
/// without: a test tells which member.
pub(super) fn add(document: &mut Document) {
    let schemas = schemas(document);
    let paths = document.paths.paths.values_mut();
    let operations = paths.flat_map(|item| [&mut item.get, &mut item.put, &mut item.post, &mut item.delete]);
    for operation in operations.flatten() {
        if let Some(RefOr::T(request)) = &mut operation.request_body {
            illustrate(&schemas, request.content.values_mut());
        }
        for response in operation.responses.responses.values_mut() {
            illustrate_answer(&schemas, response);
        }
    }
    let common = document
        .components
        .iter_mut()
        .flat_map(|all| all.responses.values_mut());
    common.for_each(|response| illustrate_answer(&schemas, response));
}

fn illustrate_answer(schemas: &Value, response: &mut RefOr<Response>) {
    if let RefOr::T(response) = response {
        illustrate(schemas, response.content.values_mut());
    }
}

fn schemas(document: &Document) -> Value {
    let schemas = document.components.as_ref().map(|components| &components.schemas);
    serde_json::to_value(schemas).unwrap_or_default()
}

fn illustrate<'a>(schemas: &Value, contents: impl Iterator<Item = &'a mut RefOr<Content>>) {
    for content in contents {
        if let RefOr::T(content) = content
            && content.example.is_none()
            && content.examples.is_empty()
        {
            let schema = serde_json::to_value(&content.schema).unwrap_or_default();
            content.example = compose(schemas, &schema).ok();
        }
    }
}

/// An example of a schema.
///
/// # Errors
/// Which member of it has none.
fn compose(schemas: &Value, schema: &Value) -> Result<Value, String> {
    if let Some(name) = name_of(schema) {
        let named = schemas.get(name).ok_or_else(|| name.to_owned())?;
        return compose(schemas, named).map_err(|missing| format!("{name}{missing}"));
    }
    if let Some(example) = own(schema) {
        return Ok(example.clone());
    }
    if let Some(kinds) = schema.get("oneOf").and_then(Value::as_array) {
        let not_null = kinds.iter().find(|kind| kind.get("type") != Some(&json!("null")));
        return compose(schemas, not_null.unwrap_or(&Value::Null));
    }
    if let Some(first) = schema.pointer("/enum/0") {
        return Ok(first.clone());
    }
    let format = schema.get("format").and_then(Value::as_str);
    match (kind(schema), format) {
        ("object", _) => members(schemas, schema),
        ("array", _) => {
            let items = schema.get("items").unwrap_or(&Value::Null);
            let item = compose(schemas, items).map_err(|missing| format!("/items{missing}"))?;
            Ok(json!([item]))
        }
        ("string", Some("uuid")) => Ok(json!(ID)),
        ("string", Some("date-time")) => Ok(json!("2026-03-01T08:00:00Z")),
        ("string", Some("date")) => Ok(json!("2026-03-01")),
        ("boolean", _) => Ok(json!(false)),
        _ => Err(String::new()),
    }
}

/// The object of those members that must be there or have an example.
fn members(schemas: &Value, schema: &Value) -> Result<Value, String> {
    let required = |name: &str| {
        let all = schema.get("required").and_then(Value::as_array);
        all.is_some_and(|all| all.iter().any(|one| one == name))
    };
    let mut object = Map::new();
    for (name, member) in schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        if required(name) || own(member).is_some() {
            let example = compose(schemas, member).map_err(|missing| format!("/{name}{missing}"))?;
            object.insert(name.clone(), example);
        }
    }
    Ok(Value::Object(object))
}

/// The example that a schema itself is given.
fn own(schema: &Value) -> Option<&Value> {
    schema.get("example").or_else(|| schema.pointer("/examples/0"))
}

/// The name of the schema that is meant.
fn name_of(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.strip_prefix("#/components/schemas/")
}

/// The type, where null is one of two.
fn kind(schema: &Value) -> &str {
    let kind = schema.get("type").unwrap_or(&Value::Null);
    let kinds = kind.as_array().map_or(std::slice::from_ref(kind), Vec::as_slice);
    kinds
        .iter()
        .filter_map(Value::as_str)
        .find(|kind| *kind != "null")
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openapi::document;

    #[test]
    fn an_example_has_what_must_be_there_and_what_has_an_example() {
        let schemas = json!({
            "Outer": {
                "type": "object", "required": ["id", "inner", "kind", "days"],
                "properties": {
                    "id": { "type": "string", "format": "uuid" },
                    "inner": { "oneOf": [{ "type": "null" }, { "$ref": "#/components/schemas/Inner" }] },
                    "kind": { "type": ["string", "null"], "enum": ["plain", "other"] },
                    "days": { "type": "array", "items": { "type": "string", "format": "date" } },
                    "left_out": { "type": "string" },
                    "shown": { "type": "string", "example": "seen" },
                },
            },
            "Inner": { "type": "integer", "examples": [7] },
            "Bare": { "type": "object", "required": ["of"], "properties": { "of": { "$ref": "#/components/schemas/Text" } } },
            "Text": { "type": "string" },
        });
        let of = |name: &str| compose(&schemas, &json!({ "$ref": format!("#/components/schemas/{name}") }));
        let expected = json!({ "id": ID, "inner": 7, "kind": "plain", "days": ["2026-03-01"], "shown": "seen" });
        assert_eq!(of("Outer"), Ok(expected));
        assert_eq!(of("Bare"), Err("Bare/ofText".to_owned()));
    }

    /// Every request and every answer of the document: whose it is, its schema and its example.
    fn contents(document: &Value) -> Vec<(String, Value, Option<Value>)> {
        let mut all = Vec::new();
        let mut add = |place: String, of: &Value| {
            for (kind, content) in of["content"].as_object().into_iter().flatten() {
                let example = content.get("example").cloned();
                all.push((format!("{place} in {kind}"), content["schema"].clone(), example));
            }
        };
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                add(format!("{method} {path}, request"), &operation["requestBody"]);
                for (status, response) in operation["responses"].as_object().unwrap() {
                    add(format!("{method} {path}, {status}"), response);
                }
            }
        }
        add("a problem".to_owned(), &document["components"]["responses"]["Problem"]);
        all
    }

    fn written() -> Value {
        serde_json::to_value(document()).unwrap()
    }

    #[test]
    fn every_request_and_every_answer_has_an_example() {
        let document = written();
        for (place, schema, example) in contents(&document) {
            let missing = compose(&document["components"]["schemas"], &schema).err();
            assert!(
                example.is_some(),
                "{place}: no example, for {missing:?} has none. Give that member `#[schema(example = …)]`, or the whole type \
                 `#[schema(example = json!({{…}}))]`"
            );
        }
    }

    #[test]
    fn every_example_is_valid() {
        let document = written();
        for (place, mut schema, example) in contents(&document) {
            schema["components"] = document["components"].clone();
            let options = jsonschema::options().should_validate_formats(true);
            let validator = options.build(&schema).unwrap();
            let example = example.unwrap_or_default();
            let errors: Vec<_> = validator.iter_errors(&example).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{place}: {errors:?} in {example}");
        }
    }
}
