//! What stands in bodies: types of their own, apart from the domain's, so that neither binds the other.
//!
//! A type that comes in implements [`Checked`](super::check::Checked): it becomes a domain value, or says everything that is wrong with it, each
//! at its JSON pointer.

mod abated;
mod access_log;
mod access_request;
mod account;
mod attestation;
mod calendar;
mod chart;
mod clinical;
mod deceased;
mod emergency;
mod engagement;
mod entry;
mod export;
mod finality;
mod findings;
mod grant;
mod patient;
mod practitioner;
mod request;
mod source;
mod status;
mod text;
mod time;
mod treatment;
mod typed_data;
mod wallet;
mod wire_enum;

pub use abated::Abated;
pub use access_log::*;
pub use access_request::*;
pub use account::*;
pub use attestation::*;
pub use calendar::*;
pub use chart::*;
pub use clinical::*;
pub use deceased::{Days, Deceased};
pub use emergency::*;
pub use engagement::*;
pub use entry::*;
pub use export::Export;
pub use finality::Finality;
pub use findings::{Absent, Findings};
pub use grant::*;
pub use patient::*;
pub use practitioner::*;
pub use request::*;
pub use source::SourceId;
pub use status::*;
pub use time::{Day, Instant, query_instant};
pub use treatment::*;
pub use typed_data::TypedData;
pub use wallet::*;
use wire_enum::wire_enum;
