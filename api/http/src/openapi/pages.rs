//! Pages: what is derived for a page of something repeats that thing's schema; here it refers to it.

use utoipa::openapi::schema::{ArrayItems, Schema};
use utoipa::openapi::{OpenApi as Document, Ref, RefOr};

/// How the schemas of pages are named, before the name of what is on them.
const PAGE: &str = "Page_";

/// Lets every page refer to the schema of its items.
pub(super) fn refer_to_items(document: &mut Document) {
    let Some(components) = &mut document.components else {
        return;
    };
    let mut items = Vec::new();
    for (name, page) in &mut components.schemas {
        let Some(item) = name.strip_prefix(PAGE) else { continue };
        if let RefOr::T(Schema::Object(page)) = page
            && let Some(RefOr::T(Schema::Array(list))) = page.properties.get_mut("items")
            && let ArrayItems::RefOrSchema(schema) = &mut list.items
        {
            let reference = RefOr::Ref(Ref::from_schema_name(item));
            items.push((item.to_owned(), std::mem::replace(&mut **schema, reference)));
        }
    }
    for (name, schema) in items {
        components.schemas.entry(name).or_insert(schema);
    }
}
