//! Members that are texts by a rule: what is derived puts the rule and the member's description side by side, as if a value
//! were a text and an object at once; here they are one schema.

use utoipa::openapi::schema::Schema;
use utoipa::openapi::{OpenApi as Document, RefOr};

/// Makes one schema of each such member.
pub(super) fn describe(document: &mut Document) {
    let schemas = document.components.iter_mut().flat_map(|all| all.schemas.values_mut());
    for schema in schemas {
        if let RefOr::T(Schema::Object(object)) = schema {
            object.properties.values_mut().for_each(unite);
        }
    }
}

fn unite(member: &mut RefOr<Schema>) {
    let RefOr::T(Schema::AllOf(both)) = member else { return };
    let [RefOr::T(Schema::Object(text)), RefOr::T(Schema::Object(said))] = both.items.as_mut_slice() else {
        return;
    };
    let mut text = text.clone();
    text.description = said.description.take();
    *member = RefOr::T(Schema::Object(text));
}
