//! Files as FHIR has them: bundles, resources on their own, and several of either after one another.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::{BundleError, Lenient, TWICE, address, read};

/// What a file holds.
#[derive(Default)]
pub(crate) struct Contents<'a> {
    /// The resources, in the order of the file.
    pub(crate) items: Vec<Item<'a>>,
    /// What fails the file, though the rest of it may be read.
    pub(crate) failures: Vec<BundleError>,
    /// What is left out although it is data.
    pub(crate) lost: Vec<(String, &'static str)>,
    /// How many documents there are so far.
    documents: u32,
}

/// A resource, or what is left of one.
pub(crate) struct Item<'a> {
    /// Its place, as in `entry[3].resource`.
    pub(crate) path: String,
    /// Which of the file's documents it stands in.
    pub(crate) document: u32,
    /// Whether the document is this resource, and no bundle of several.
    pub(crate) is_alone: bool,
    /// `Bundle.entry.fullUrl`.
    pub(crate) full_url: Option<String>,
    /// The resource. None where one was deleted.
    pub(crate) resource: Option<&'a RawValue>,
    /// Where a resource was deleted: the address that it had.
    pub(crate) deleted: Option<String>,
    /// When the server stored this state (`Bundle.entry.response`), if that is told.
    pub(crate) stored: Option<String>,
    /// When the bundle was put together (`Bundle.timestamp`), if that is told: its states were these then. A history has older ones too.
    pub(crate) assembled: Option<String>,
    /// Whether what comes later in the file is older (a history, FHIR R4, `http.html#history`).
    pub(crate) newest_first: bool,
}

impl<'a> Item<'a> {
    /// A resource of which nothing else is told.
    const fn of(path: String, document: u32, resource: &'a RawValue) -> Self {
        Self {
            path,
            document,
            is_alone: false,
            full_url: None,
            resource: Some(resource),
            deleted: None,
            stored: None,
            assembled: None,
            newest_first: false,
        }
    }
}

/// In how many bundles a bundle may stand.
const DEEPEST: usize = 8;

#[derive(Deserialize)]
struct RawParameters<'a> {
    #[serde(borrow, default)]
    parameter: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct RawParameter<'a> {
    #[serde(borrow, default)]
    resource: Option<&'a RawValue>,
    #[serde(borrow, default)]
    part: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "resourceType")]
    resource_type: String,
}

/// What the files of a bulk export are (FHIR Bulk Data Access, "Response - Complete Status"). It stands beside them and is no data.
#[derive(Deserialize)]
struct Manifest {
    #[serde(rename = "transactionTime")]
    _transaction_time: String,
    #[serde(rename = "output")]
    _output: Vec<IgnoredAny>,
    #[serde(default)]
    error: Vec<IgnoredAny>,
    #[serde(default)]
    deleted: Vec<IgnoredAny>,
}

impl Manifest {
    fn read(json: &RawValue) -> Option<Self> {
        serde_json::from_str(json.get()).ok()
    }

    /// Whether the files beside it are all that there is.
    fn is_whole(&self) -> bool {
        self.error.is_empty() && self.deleted.is_empty()
    }
}

#[derive(Deserialize)]
struct RawBundle<'a> {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    timestamp: Lenient<String>,
    #[serde(borrow, default)]
    entry: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawEntry<'a> {
    #[serde(default, deserialize_with = "address::in_normal_form")]
    full_url: Option<String>,
    #[serde(borrow)]
    resource: Option<&'a RawValue>,
    request: Option<Request>,
    response: Option<Response>,
}

#[derive(Deserialize)]
struct Request {
    method: Option<String>,
    #[serde(default, deserialize_with = "address::in_normal_form")]
    url: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    last_modified: Option<String>,
}

/// Which bundles are read, and how.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// Every entry's resource stands.
    Stands,
    /// Every entry says what to do.
    Asks,
    /// As [`Self::Asks`], and the newest state stands first.
    History,
}

impl Reading {
    fn of(kind: Option<&str>) -> Result<Self, &'static str> {
        match kind {
            Some("collection" | "searchset" | "document" | "message") | None => Ok(Self::Stands),
            Some("transaction" | "batch") => Ok(Self::Asks),
            Some("history") => Ok(Self::History),
            Some("transaction-response" | "batch-response") => Err("is what a server answered, and not what there is"),
            Some(_) => Err("is no type of a bundle in FHIR R4"),
        }
    }
}

/// Reads a file. `lines` says that each of its lines is a document of its own, so that one that is damaged ends alone.
pub(crate) fn contents(json: &[u8], lines: bool) -> Contents<'_> {
    let mut contents = Contents::default();
    if lines {
        for (line, text) in json.split(|byte| *byte == b'\n').enumerate() {
            if !text.trim_ascii().is_empty() {
                let place = format!("line {}", line.saturating_add(1));
                match read::<&RawValue>(text, &place) {
                    Ok(document) => contents.document(document, &format!("{place}: ")),
                    Err(error) => contents.failures.push(error),
                }
            }
        }
    } else {
        let documents = serde_json::Deserializer::from_slice(json).into_iter::<&RawValue>();
        let mut number: u32 = 0;
        for document in documents {
            let place = if number == 0 {
                String::new()
            } else {
                format!("document[{number}].")
            };
            match document {
                Ok(document) => contents.document(document, &place),
                Err(error) if number == 0 => contents.failures.push(super::json_error("$", &error)),
                Err(error) => {
                    let error = super::json_error("$", &error);
                    let what = format!("after {number} documents that are taken, {}", error.what);
                    contents.failures.push(BundleError::new(error.path, what));
                }
            }
            number = number.saturating_add(1);
        }
    }
    // A bulk export has an empty file for a kind of which there is none.
    if !lines && contents.items.is_empty() && contents.failures.is_empty() && json.trim_ascii().is_empty() {
        contents.failures.push(BundleError::new("$", "the file is empty"));
    }
    contents
}

impl<'a> Contents<'a> {
    fn document(&mut self, json: &'a RawValue, place: &str) {
        self.documents = self.documents.saturating_add(1);
        let document = self.documents;
        let whole = if place.is_empty() {
            "$".to_owned()
        } else {
            place.trim_end_matches(['.', ':', ' ']).to_owned()
        };
        match read::<Kind>(json.get().as_bytes(), &whole) {
            Ok(Kind { resource_type }) if resource_type == "Bundle" => self.bundle(json, document, place, &whole, 0),
            Ok(Kind { resource_type }) if resource_type == "Parameters" => {
                self.parameters(json, document, place, &whole, 0);
            }
            Ok(_) => self.items.push(Item {
                is_alone: true,
                ..Item::of(whole, document, json)
            }),
            Err(error) if error.what.starts_with(TWICE) => self.failures.push(error),
            Err(_) if let Some(manifest) = Manifest::read(json) => {
                if !manifest.is_whole() {
                    let why = "is the list of a bulk export, and names what the source could not give, or what was deleted there: that is not read";
                    self.lost.push((whole, why));
                }
            }
            Err(_) => {
                let what = "neither a FHIR Bundle nor another resource of FHIR";
                self.failures.push(BundleError::new(whole, what));
            }
        }
    }

    /// Whatever stands in an entry or a parameter: a bundle in a bundle is a document of its own.
    fn inner(&mut self, item: Item<'a>, depth: usize) {
        let kind = item
            .resource
            .and_then(|json| read::<Kind>(json.get().as_bytes(), "").ok());
        let kind = kind.map(|kind| kind.resource_type);
        let (Some(json), Some("Bundle" | "Parameters")) = (item.resource, kind.as_deref()) else {
            return self.items.push(item);
        };
        if depth >= DEEPEST {
            return self.lost.push((item.path, "is a bundle in too many others"));
        }
        let from = self.items.len();
        let place = format!("{}.", item.path);
        if kind.as_deref() == Some("Parameters") {
            self.parameters(json, item.document, &place, &item.path, depth);
        } else {
            self.documents = self.documents.saturating_add(1);
            self.bundle(json, self.documents, &place, &item.path, depth);
        }
        for inner in self.items.iter_mut().skip(from) {
            inner.stored = inner.stored.take().or_else(|| item.stored.clone());
        }
    }

    /// What an operation takes or gives: resources, each under a name.
    fn parameters(&mut self, json: &'a RawValue, document: u32, place: &str, whole: &str, depth: usize) {
        let parameters: RawParameters<'a> = match read(json.get().as_bytes(), whole) {
            Ok(parameters) => parameters,
            Err(error) => return self.failures.push(error),
        };
        for (index, parameter) in parameters.parameter.into_iter().enumerate() {
            let path = format!("{place}parameter[{index}]");
            match read::<RawParameter<'a>>(parameter.get().as_bytes(), &path) {
                Ok(parameter) => self.parameter(parameter, document, &path, depth),
                Err(_) => self.lost.push((path, "cannot be read as a parameter")),
            }
        }
    }

    fn parameter(&mut self, parameter: RawParameter<'a>, document: u32, path: &str, depth: usize) {
        if let Some(resource) = parameter.resource {
            self.inner(
                Item::of(format!("{path}.resource"), document, resource),
                depth.saturating_add(1),
            );
        }
        for (index, part) in parameter.part.into_iter().enumerate() {
            let path = format!("{path}.part[{index}]");
            match read::<RawParameter<'a>>(part.get().as_bytes(), &path) {
                Ok(part) if depth < DEEPEST => self.parameter(part, document, &path, depth.saturating_add(1)),
                Ok(_) => self.lost.push((path, "stands in too many others")),
                Err(_) => self.lost.push((path, "cannot be read as a parameter")),
            }
        }
    }

    fn bundle(&mut self, json: &'a RawValue, document: u32, place: &str, whole: &str, depth: usize) {
        let bundle: RawBundle<'a> = match read(json.get().as_bytes(), whole) {
            Ok(bundle) => bundle,
            Err(error) => return self.failures.push(error),
        };
        let reading = match Reading::of(bundle.kind.as_deref()) {
            Ok(reading) => reading,
            Err(why) => return self.failures.push(BundleError::new(format!("{place}type"), why)),
        };
        let assembled = bundle.timestamp.0.filter(|_| reading != Reading::History);
        let from = self.items.len();
        for (index, entry) in bundle.entry.into_iter().enumerate() {
            let path = format!("{place}entry[{index}].resource");
            match read::<RawEntry<'a>>(entry.get().as_bytes(), &path) {
                Ok(entry) => self.entry(entry, reading, document, path, depth),
                Err(_) => self.lost.push((path, "cannot be read as an entry of a bundle")),
            }
        }
        for item in self.items.iter_mut().skip(from) {
            item.assembled = item.assembled.take().or_else(|| assembled.clone());
        }
    }

    fn entry(&mut self, entry: RawEntry<'a>, reading: Reading, document: u32, path: String, depth: usize) {
        let method = entry.request.as_ref().and_then(|request| request.method.as_deref());
        let deleted = match method {
            Some("DELETE") if reading != Reading::Stands => {
                let url = entry.request.as_ref().and_then(|request| request.url.clone());
                Some(url.or_else(|| entry.full_url.clone()).unwrap_or_default())
            }
            Some("PATCH") if reading != Reading::Stands => {
                return self.lost.push((path, "is a PATCH: a change to what is not told"));
            }
            // A question, which says nothing.
            Some("GET" | "HEAD") if reading == Reading::Asks => return,
            Some("POST" | "PUT") | None => None,
            Some(_) if reading == Reading::Stands => None,
            Some(_) => {
                return self
                    .lost
                    .push((path, "has a method that asks for no state (request.method)"));
            }
        };
        if entry.resource.is_none() && deleted.is_none() {
            // FHIR R4, invariant bdl-5: what is told stands in `resource`.
            return self.lost.push((path, "is an entry without a resource"));
        }
        let item = Item {
            path,
            document,
            is_alone: false,
            full_url: entry.full_url,
            resource: entry.resource.filter(|_| deleted.is_none()),
            deleted,
            stored: entry.response.and_then(|response| response.last_modified),
            assembled: None,
            newest_first: reading == Reading::History,
        };
        self.inner(item, depth.saturating_add(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(json: &str, lines: bool) -> (Vec<String>, Vec<String>) {
        let contents = contents(json.as_bytes(), lines);
        let failures = contents.failures.iter().map(ToString::to_string).collect();
        (contents.items.into_iter().map(|item| item.path).collect(), failures)
    }

    const PATIENT: &str = r#"{"resourceType":"Patient"}"#;

    fn bundle(kind: &str, request: &str) -> String {
        format!(r#"{{"resourceType":"Bundle","type":"{kind}","entry":[{{"resource":{PATIENT}{request}}}]}}"#)
    }

    #[test]
    fn bundles_and_resources_are_read_one_after_another() {
        let json = format!("{}\n{PATIENT} {}", bundle("collection", ""), bundle("batch", ""));
        let (found, failures) = paths(&json, false);
        assert_eq!(
            found,
            ["entry[0].resource", "document[1]", "document[2].entry[0].resource"]
        );
        assert!(failures.is_empty(), "{failures:?}");
    }

    #[test]
    fn what_follows_a_document_and_is_none_fails_the_file_and_the_document_stands() {
        let (found, failures) = paths(&format!("{}<html>", bundle("collection", "")), false);
        assert_eq!((found.len(), failures.len()), (1, 1), "{failures:?}");
        assert!(failures[0].contains("after 1 documents"), "{failures:?}");
    }

    #[test]
    fn the_list_of_a_bulk_export_is_no_data_and_what_it_says_is_missing_is_named() {
        let list =
            |errors: &str| format!(r#"{{"transactionTime":"2024-01-01T00:00:00Z","output":[],"error":[{errors}]}}"#);
        for (errors, lost) in [("", 0), (r#"{"type":"OperationOutcome","url":"https://a.test/1"}"#, 1)] {
            let list = list(errors);
            let contents = contents(list.as_bytes(), false);
            assert_eq!(
                (contents.items.len(), contents.failures.len(), contents.lost.len()),
                (0, 0, lost)
            );
        }
    }

    #[test]
    fn a_damaged_line_fails_alone() {
        let (found, failures) = paths(&format!("{PATIENT}\n{{\"resourceType\":\n\n{PATIENT}\r\n"), true);
        assert_eq!(found, ["line 1", "line 4"]);
        assert!(failures.len() == 1 && failures[0].starts_with("line 2"), "{failures:?}");
    }

    #[test]
    fn a_resource_that_stands_in_an_entry_itself_is_named() {
        let json = format!(r#"{{"resourceType":"Bundle","type":"collection","entry":[{PATIENT}]}}"#);
        let contents = contents(json.as_bytes(), false);
        assert_eq!((contents.items.len(), contents.lost.len()), (0, 1));
    }

    #[test]
    fn the_type_of_a_bundle_says_which_entries_are_there() {
        let method = |method| format!(r#","request":{{"method":"{method}","url":"Patient/7"}}"#);
        for (kind, request, items, failures, lost) in [
            ("transaction", method("PUT"), 1, 0, 0),
            ("batch", method("GET"), 0, 0, 0),
            ("batch", method("PATCH"), 0, 0, 1),
            ("history", method("DELETE"), 1, 0, 0),
            ("searchset", String::new(), 1, 0, 0),
            ("document", String::new(), 1, 0, 0),
            ("message", String::new(), 1, 0, 0),
            ("transaction-response", String::new(), 0, 1, 0),
            ("heap", String::new(), 0, 1, 0),
        ] {
            let json = bundle(kind, &request);
            let contents = contents(json.as_bytes(), false);
            let counts = (contents.items.len(), contents.failures.len(), contents.lost.len());
            assert_eq!(counts, (items, failures, lost), "{kind} {request}");
        }
        let json = bundle("history", &method("DELETE"));
        let contents = contents(json.as_bytes(), false);
        assert_eq!(contents.items[0].deleted.as_deref(), Some("Patient/7"));
        assert!(contents.items[0].resource.is_none());
    }

    #[test]
    fn bundles_in_bundles_and_in_parameters_are_documents_of_their_own() {
        let inner = bundle("document", "");
        let parameters = format!(
            r#"{{"resourceType":"Parameters","parameter":[{{"name":"return","resource":{inner}}},{{"name":"a","part":[{{"resource":{PATIENT}}}]}}]}}"#
        );
        let outer = format!(
            r#"{{"resourceType":"Bundle","type":"searchset","entry":[{{"resource":{inner}}},{{"resource":{PATIENT}}},{{"resource":{parameters}}}]}}"#
        );
        let found = contents(outer.as_bytes(), false);
        let places: Vec<_> = found.items.iter().map(|item| (&*item.path, item.document)).collect();
        assert_eq!(
            places,
            [
                ("entry[0].resource.entry[0].resource", 2),
                ("entry[1].resource", 1),
                ("entry[2].resource.parameter[0].resource.entry[0].resource", 3),
                ("entry[2].resource.parameter[1].part[0].resource", 1),
            ]
        );
        assert!(found.failures.is_empty() && found.lost.is_empty());
        let deep = (0..20).fold(inner, |inner, _| {
            format!(r#"{{"resourceType":"Bundle","type":"collection","entry":[{{"resource":{inner}}}]}}"#)
        });
        let found = contents(deep.as_bytes(), false);
        assert_eq!((found.items.len(), found.lost.len()), (0, 1));
    }

    #[test]
    fn a_key_that_is_there_twice_is_called_that() {
        let (_, failures) = paths(r#"{"resourceType":"Patient","resourceType":"Patient"}"#, false);
        assert!(failures[0].contains("has a key twice"), "{failures:?}");
    }

    #[test]
    fn what_is_no_resource_fails_by_its_place() {
        for (json, place) in [
            ("[]", "$"),
            ("", "$"),
            ("{}", "$"),
            ("nothing", "$"),
            ("{\"resourceType\":\"Bundle\"", "$"),
        ] {
            let (found, failures) = paths(json, false);
            assert!(
                found.is_empty() && failures.len() == 1 && failures[0].starts_with(place),
                "{json} {failures:?}"
            );
        }
    }

    #[test]
    fn nesting_that_never_ends_is_no_danger() {
        let deep = "[".repeat(200_000);
        let json = format!(r#"{{"resourceType":"Patient","a":{deep}{}}}"#, "]".repeat(200_000));
        let (found, failures) = paths(&json, false);
        assert_eq!((found.len(), failures.len()), (1, 0));
        assert_eq!(paths(&deep, false).1.len(), 1);
    }
}
