//! Pages: every list gives what the document says of its items.

use actix_web::http::Method;
use actix_web::test::{TestRequest, call_service, init_service, read_body_json};
use serde_json::{Value, json};

use super::fakes::{OWN, World, token};
use crate::app;

/// The name of the schema that a schema refers to.
fn referred(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.strip_prefix("#/components/schemas/")
}

/// What is wrong with a value by a schema: enough of JSON Schema for what the document says of items.
fn flaw(document: &Value, schema: &Value, value: &Value) -> Option<String> {
    if let Some(name) = referred(schema) {
        return flaw(document, &document["components"]["schemas"][name], value);
    }
    if let Some(forms) = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array()) {
        let fits = forms.iter().any(|form| flaw(document, form, value).is_none());
        return (!fits).then(|| format!("{value} has none of the forms {forms:?}"));
    }
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        kind => Vec::from_iter(kind.as_str()),
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if !kinds.contains(&kind) {
        return Some(format!("{value} is none of {kinds:?}"));
    }
    match value {
        Value::Array(items) => items.iter().find_map(|item| flaw(document, &schema["items"], item)),
        Value::Object(members) => {
            let required = schema["required"].as_array().into_iter().flatten();
            let missing = required
                .filter_map(Value::as_str)
                .find(|name| !members.contains_key(*name));
            missing.map(|name| format!("{name} is missing")).or_else(|| {
                members
                    .iter()
                    .find_map(|(name, value)| match &schema["properties"][name] {
                        Value::Null => Some(format!("{name} is not known")),
                        schema => flaw(document, schema, value),
                    })
            })
        }
        _ => None,
    }
}

#[actix_web::test]
async fn every_page_refers_to_its_items_and_the_server_gives_what_they_are_said_to_be() {
    let world = World::new();
    let service = init_service(app(world.state())).await;
    let document = serde_json::to_value(crate::openapi::document()).unwrap();
    let mut looked_at = std::collections::BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let answer = &operation["responses"]["200"]["content"]["application/json"]["schema"];
            let Some(page) = referred(answer).filter(|name| name.starts_with("Page_")) else {
                continue;
            };
            let item = page.trim_start_matches("Page_");
            let items = &document["components"]["schemas"][page]["properties"]["items"];
            assert_eq!(referred(&items["items"]), Some(item), "{page}");
            assert_eq!(document["components"]["schemas"][item]["type"], "object", "{item}");

            let role = match item {
                "Account" | "Engagement" => "administrator",
                "AccessLogEntry" if path.starts_with("/v1/engagements/") => "auditor",
                "LogEntry" => "auditor",
                "Grant" | "AccessLogEntry" | "AccessRequest" => "patient",
                "Emergency" if path.starts_with("/v1/me/") => "patient",
                "Emergency" => "registrar",
                "Relationship" | "Appointment" if path.starts_with("/v1/patients/") => "nurse",
                _ => "hospital",
            };
            let method: Method = method.to_uppercase().parse().unwrap();
            let request = TestRequest::with_uri(&path.replace("{id}", &OWN.to_string()))
                .method(method)
                .insert_header(("authorization", format!("Bearer {}", token(role))));
            let body = &operation["requestBody"]["content"]["application/json"]["example"];
            let request = if body.is_null() {
                request
            } else {
                request.set_json(body)
            };
            let response = call_service(&service, request.to_request()).await;
            assert_eq!(response.status(), 200, "{path}");
            let page: Value = read_body_json(response).await;
            assert_eq!(flaw(&document, answer, &page), None, "{path}");
            if !page["items"].as_array().unwrap().is_empty() {
                looked_at.insert(item.to_owned());
            }
        }
    }
    let all = document["components"]["schemas"].as_object().unwrap();
    let pages = all.keys().filter_map(|name| name.strip_prefix("Page_"));
    assert_eq!(
        looked_at,
        pages.map(str::to_owned).collect(),
        "of each an item was given"
    );
}

#[test]
fn what_is_not_as_the_document_says_is_seen() {
    let document = serde_json::to_value(crate::openapi::document()).unwrap();
    let page = json!({ "$ref": "#/components/schemas/Page_Relationship" });
    let good = json!({
        "patient": OWN, "practitioner": OWN, "since": "2026-03-01T00:00:00Z", "latest": "2026-03-01T00:00:00Z",
        "appointments": 1,
    });
    let of = |item: &Value| flaw(&document, &page, &json!({ "items": [item] }));
    assert_eq!(of(&good), None);
    for (member, value) in [("patient", json!(5)), ("appointments", json!("1")), ("other", json!(1))] {
        let mut item = good.clone();
        item[member] = value;
        assert!(of(&item).is_some(), "{member}");
    }
    let mut item = good.clone();
    item.as_object_mut().unwrap().remove("since");
    assert!(of(&item).is_some());
}
