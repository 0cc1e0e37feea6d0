//! Values of the domain that stand in JSON by their names, as the domain names them.

/// Makes the type that stands in JSON for an enum of the domain: with its names in the document, and nothing said twice.
macro_rules! wire_enum {
    ($(#[doc = $doc:literal])* $Name:ident = $domain:path) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $Name(pub $domain);

        impl utoipa::PartialSchema for $Name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                let lines = [$($doc),*].map(str::trim).join("\n");
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .description(Some(lines))
                    .enum_values(Some(<$domain as strum::VariantNames>::VARIANTS.iter().copied()))
                    .into()
            }
        }

        impl utoipa::ToSchema for $Name {}

        impl From<$Name> for $domain {
            fn from($Name(value): $Name) -> Self {
                value
            }
        }

        impl From<$domain> for $Name {
            fn from(value: $domain) -> Self {
                Self(value)
            }
        }
    };
}
pub(crate) use wire_enum;
