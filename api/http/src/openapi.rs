//! The OpenAPI document: gathered from the handlers, so that it says what the program does.
//!
//! `openapi.yaml` at the root of the repository is [`yaml()`] of [`document`]; a test fails when it drifts. What holds for
//! every operation (problems, the headers of every answer, the headers that every command takes) is added here, once.

mod examples;
mod kinds;
mod pages;
mod texts;
mod yaml;

use std::sync::{Arc, LazyLock};

use api_wire::problem::ProblemBody;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, SchemaType, Type};
use utoipa::openapi::security::SecurityScheme;
use utoipa::openapi::{ContentBuilder, OpenApi as Document, PathItem, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{Modify, OpenApi};

use crate::access::{Access, Endpoint, Kind};
use crate::api_document::ApiDocument;
use crate::endpoints;
use crate::routes::auth;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Medconnect",
        description = "Patients, practitioners, appointments: every change is a sealed event on an Ethereum log.\n\n\
            **Answers.** Every answer carries `Medconnect-Position` (the answer shows everything in the log up to that \
            position), `Medconnect-Finality` and `X-Request-Id`. Errors are RFC 9457 problems; the type of a problem is the address of \
            its description.\n\n\
            **Commands.** A command that is acknowledged is on the chain and in what you read. With `Idempotency-Key` a \
            request can be repeated without harm: the same key and the same request give the same answer. With `Prefer: \
            respond-async` the answer is 202 as soon as the command cannot be lost, and `/v1/commands/{id}` tells the rest; \
            `Prefer: wait=5` waits that many seconds.\n\n\
            **Persons.** A service that asks for a person names them in `On-Behalf-Of`, and then does what both may. What is clinical it reads and writes for a \
            person alone, and so it enters what patients say on paper.\n\n\
            **Times.** An instant names its offset. A day is a day of the calendar's time zone: the practitioner's, or UTC where several organisations share the calendar.\n\n\
            **Texts.** A text of the format `line` is one line with at least one visible character, and without characters \
            that control how it is shown; `prose` may have lines; a `token` stands for something as a whole, has nothing invisible in \
            it, and does not begin or end with a space. An `ethereum-address` with letters in both cases has the checksum of EIP-55.\n\n\
            **Ids.** What is not yours to know is answered like what does not exist.",
        license(name = "Apache-2.0", url = "https://www.apache.org/licenses/LICENSE-2.0"),
        contact(name = "Whoever runs the server that this document comes from"),
    ),
    servers((url = "/", description = "The server that this document comes from")),
    components(schemas(ProblemBody)),
    security(("bearer" = [])),
)]
struct Medconnect;

static DOCUMENT: LazyLock<Document> = LazyLock::new(|| {
    let mut document = Medconnect::openapi().merge_from(endpoints::described());
    Everywhere.modify(&mut document);
    document
});

/// The document. It is made once.
pub fn document() -> &'static Document {
    &DOCUMENT
}

/// The document as it stands in `openapi.yaml`.
///
/// # Errors
/// When it cannot be written, which is a mistake in a schema.
pub fn yaml() -> Result<String, impl std::error::Error> {
    yaml::write(document())
}

static API_DOCUMENT: LazyLock<Result<Arc<ApiDocument>, String>> = LazyLock::new(|| {
    let yaml = yaml().map_err(|error| error.to_string())?;
    let openapi = document().clone();
    Ok(Arc::new(ApiDocument { openapi, yaml }))
});

/// The document, as servers hand it out. It is made once.
///
/// # Errors
/// As [`yaml()`], in words.
pub fn api_document() -> Result<Arc<ApiDocument>, String> {
    API_DOCUMENT.clone()
}

/// The operations of a path, by method.
pub fn operations(item: &PathItem) -> impl Iterator<Item = (&'static str, &Operation)> {
    let all = [
        ("GET", &item.get),
        ("PUT", &item.put),
        ("POST", &item.post),
        ("DELETE", &item.delete),
    ];
    all.into_iter()
        .filter_map(|(method, operation)| Some((method, operation.as_ref()?)))
}

/// What holds for every operation.
struct Everywhere;

impl Modify for Everywhere {
    fn modify(&self, document: &mut Document) {
        let bearer = SecurityScheme::Http(auth::bearer_scheme());
        document
            .components
            .get_or_insert_default()
            .add_security_scheme("bearer", bearer);
        let components = document.components.get_or_insert_default();
        components.responses.insert("Problem".to_owned(), problem().into());
        for (path, item) in &mut document.paths.paths {
            for (method, operation) in [
                ("GET", &mut item.get),
                ("PUT", &mut item.put),
                ("POST", &mut item.post),
                ("DELETE", &mut item.delete),
            ] {
                let Some(operation) = operation else { continue };
                name(operation);
                let method = method.parse().unwrap_or_default();
                let Some(endpoint) = endpoints::all().find(&method, path) else {
                    continue;
                };
                if endpoint.access != Access::Public {
                    describe_person(operation);
                }
                if endpoint.kind == Kind::Command {
                    describe_command(operation);
                }
                constrain_cursor(operation);
                if operation.responses.responses.contains_key("304") {
                    describe_known_version(operation);
                }
                describe_answers(endpoint, operation);
            }
        }
        pages::refer_to_items(document);
        texts::describe(document);
        kinds::close(document);
        examples::add(document);
    }
}

/// Handlers of several resources have the same name: `read` of `patients` is `patientsRead`.
fn name(operation: &mut Operation) {
    let tag = operation.tags.iter().flatten().next().cloned().unwrap_or_default();
    let words = operation.operation_id.iter().flat_map(|name| name.split('_'));
    operation.operation_id = Some(words.fold(tag, |mut name, word| {
        let mut letters = word.chars();
        name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(letters.as_str());
        name
    }));
}

/// What every answer carries, and which problems the operation can end in. Whatever else goes wrong is a problem too.
fn describe_answers(endpoint: &Endpoint, operation: &mut Operation) {
    for status in problems(endpoint, operation) {
        let problem = Ref::from_response_name("Problem").into();
        operation.responses.responses.insert(status.to_string(), problem);
    }
    let problem = Ref::from_response_name("Problem").into();
    operation.responses.responses.insert("default".to_owned(), problem);
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response {
            describe_headers(response);
        }
    }
}

fn describe_headers(response: &mut Response) {
    for (name, kind, description) in [
        (
            "Medconnect-Position",
            Type::Integer,
            "The position in the log up to which the answer shows all events",
        ),
        (
            "Medconnect-Finality",
            Type::String,
            "How sure it is that the chain keeps the log up to `Medconnect-Position`: `included` or `final`",
        ),
        (
            "X-Request-Id",
            Type::String,
            "The id under which the server's logs name the request",
        ),
    ] {
        let schema = ObjectBuilder::new().schema_type(SchemaType::Type(kind));
        let header = HeaderBuilder::new()
            .schema(Some(schema))
            .description(Some(description))
            .build();
        response.headers.insert(name.to_owned(), header.into());
    }
}

/// The answer of whatever is wrong.
fn problem() -> Response {
    let body = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("Problem")))
        .build();
    let response = ResponseBuilder::new()
        .description("A problem (RFC 9457) that says what is wrong")
        .content("application/problem+json", body);
    let mut response = response.build();
    describe_headers(&mut response);
    response
}

/// The client's mistakes that an operation can be asked with. They follow from what it takes; a test against a running
/// system asks every operation every way, and fails when it answers with another one.
fn problems(endpoint: &Endpoint, operation: &Operation) -> Vec<u16> {
    let (path, method) = (endpoint.path.as_str(), endpoint.method.as_str());
    let (signs_in, versioned) = (path.starts_with("/v1/auth/"), path.starts_with("/v1/"));
    let open = endpoint.access == Access::Public;
    let parameters = operation
        .parameters
        .iter()
        .flatten()
        .filter_map(|parameter| match parameter {
            RefOr::T(parameter) => Some(parameter),
            RefOr::Ref(_) => None,
        });
    let parameters: Vec<&Parameter> = parameters.collect();
    let named = parameters
        .iter()
        .any(|parameter| matches!(parameter.parameter_in, ParameterIn::Path));
    let queried = parameters
        .iter()
        .any(|parameter| matches!(parameter.parameter_in, ParameterIn::Query));
    let conditional = parameters.iter().any(|parameter| parameter.name == "If-Match");
    let command = endpoint.kind == Kind::Command;
    let body = command || operation.request_body.is_some();
    let all = [
        (400, body || queried || !open),
        (401, !open || path == "/v1/auth/login"),
        (403, !open && !matches!(path, "/v1/me" | "/v1/commands/{id}")),
        (
            404,
            named
                || matches!(
                    (method, path),
                    ("GET", "/v1/me/registration-request") | ("POST", "/v1/me/access-requests")
                ),
        ),
        (406, true),
        (408, body),
        (
            409,
            command || signs_in || (path.ends_with("/invitation") && method == "POST"),
        ),
        (412, conditional),
        (413, body),
        (415, body),
        (422, body),
        (429, signs_in || command || path == "/v1/me/export"),
        (503, versioned),
    ];
    all.into_iter()
        .filter_map(|(status, may)| may.then_some(status))
        .collect()
}

/// A cursor is never empty: who sends an empty one for the page after the last would read the list again from its beginning.
fn constrain_cursor(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter
            && parameter.name == "cursor"
        {
            let schema = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String));
            let schema = schema.min_length(Some(1)).pattern(Some("^[A-Za-z0-9_-]+$"));
            parameter.schema = Some(schema.into());
        }
    }
}

fn describe_known_version(operation: &mut Operation) {
    let parameter = ParameterBuilder::new()
        .name("If-None-Match")
        .parameter_in(ParameterIn::Header)
        .schema(Some(ObjectBuilder::new().schema_type(SchemaType::Type(Type::String))))
        .description(Some(
            "Entity tags of versions that the caller has, or `*`: if the current one is among them, the answer is 304",
        ));
    operation
        .parameters
        .get_or_insert_default()
        .push(parameter.build().into());
}

fn describe_person(operation: &mut Operation) {
    let id = "[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}";
    let schema = ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .pattern(Some(format!("^(staff|practitioner)/{id}$")));
    let parameter = ParameterBuilder::new()
        .name("On-Behalf-Of")
        .parameter_in(ParameterIn::Header)
        .schema(Some(schema))
        .description(Some(
            "Of services: the person for whom the service asks, `staff/` and the id of their account, or `practitioner/` and their id. The service \
             then does what both may",
        ));
    operation
        .parameters
        .get_or_insert_default()
        .push(parameter.build().into());
}

fn describe_command(operation: &mut Operation) {
    let parameters = operation.parameters.get_or_insert_default();
    let text = || ObjectBuilder::new().schema_type(SchemaType::Type(Type::String));
    for (name, description, schema) in [
        (
            "Idempotency-Key",
            "Makes the request safe to repeat, for a day: 1 to 255 printable ASCII characters. Two requests are the same if their \
             JSON has the same content, whatever the order of members, the white space and the notation of numbers",
            // What blanks surround a header's value are not part of it.
            text()
                .min_length(Some(1))
                .max_length(Some(255))
                .pattern(Some("^[!-~]([ -~]*[!-~])?$")),
        ),
        (
            "Prefer",
            "How to wait for the command (RFC 7240): `respond-async`, or `wait=` and a number of seconds",
            text(),
        ),
        (
            "X-Correlation-Id",
            "The id of the conversation that the command belongs to: a UUID, which is kept with its events",
            text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid))),
        ),
    ] {
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Header)
            .schema(Some(schema));
        parameters.push(parameter.description(Some(description)).build().into());
    }
    let pending = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("Command")))
        .build();
    let response = ResponseBuilder::new()
        .description(
            "The command is accepted and not waited for; `Location` is the address at which to ask for its state",
        )
        .content("application/json", pending);
    operation
        .responses
        .responses
        .insert("202".to_owned(), response.build().into());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_document_is_the_one_that_the_program_describes() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../openapi.yaml");
        let today = yaml().unwrap();
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(path, &today).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap();
        assert!(
            committed == today,
            "openapi.yaml has drifted: write it anew by a run with `UPDATE_GOLDEN=1`, or by `cargo run -- openapi > openapi.yaml`"
        );
    }

    #[test]
    fn every_operation_says_what_it_does_and_what_is_wrong() {
        let document = document();
        let mut names = std::collections::HashSet::new();
        for (path, item) in &document.paths.paths {
            for (method, operation) in operations(item) {
                assert!(operation.summary.is_some(), "{method} {path}");
                assert!(
                    operation.description.as_ref().is_some_and(|text| !text.is_empty()),
                    "{method} {path} has no description: below the first line of the handler's comment, say what the caller \
                     gets and what it does not do"
                );
                assert!(names.insert(operation.operation_id.clone()), "{method} {path}");
                assert!(operation.responses.responses.contains_key("default"), "{method} {path}");
                for (status, response) in &operation.responses.responses {
                    if let RefOr::T(response) = response {
                        let position = response.headers.contains_key("Medconnect-Position");
                        assert!(position, "{method} {path}: {status}");
                    }
                }
            }
        }
    }
}
