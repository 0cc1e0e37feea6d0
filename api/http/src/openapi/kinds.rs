//! Values of several kinds: an object whose one member names the kind. What is derived leaves open whether it may have others; the
//! server takes none.

use utoipa::openapi::schema::{AdditionalProperties, Schema};
use utoipa::openapi::{OpenApi as Document, RefOr};

/// Says of every such object that it has one member.
pub(super) fn close(document: &mut Document) {
    let schemas = document.components.iter_mut().flat_map(|all| all.schemas.values_mut());
    for schema in schemas {
        let RefOr::T(Schema::OneOf(kinds)) = schema else {
            continue;
        };
        for kind in &mut kinds.items {
            if let RefOr::T(Schema::Object(object)) = kind
                && object.properties.len() == 1
            {
                object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
            }
        }
    }
}
