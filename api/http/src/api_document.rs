//! The OpenAPI document, as it is handed out.

use utoipa::openapi::OpenApi;

/// What describes the interface, made once for all who ask.
pub struct ApiDocument {
    /// The document.
    pub openapi: OpenApi,
    /// The same in YAML.
    pub yaml: String,
}
