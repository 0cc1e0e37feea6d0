//! Why nothing is added to the log of who has read.

use std::borrow::Cow;

use super::event::Reads;
use crate::kernel::{DomainError, RefusalKind};

/// A refusal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AccessLogError {
    /// There is no room for so many in one event.
    #[error("at most {} reads are logged at once", Reads::MOST)]
    TooMany,
}

impl DomainError for AccessLogError {
    fn kind(&self) -> RefusalKind {
        match self {
            Self::TooMany => RefusalKind::Full,
        }
    }

    fn field(&self) -> Cow<'static, str> {
        "".into()
    }
}
