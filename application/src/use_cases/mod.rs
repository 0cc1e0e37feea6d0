//! The use cases: methods of [`clinic::Clinic`], one module per aggregate or per kind of thing that is asked for.

pub mod access_log;
pub mod access_requests;
pub mod accounts;
mod administering;
pub mod attestations;
pub mod calendars;
pub mod charts;
pub mod clinic;
pub mod consented;
pub mod emergencies;
pub mod encounters;
pub mod erasing;
pub mod exporting;
pub mod grants;
pub mod log_entries;
mod names;
mod names_under_way;
mod newcomers;
pub mod notifying;
mod patient_records;
pub mod patients;
pub mod practitioners;
pub mod registration_requests;
mod revoking;
pub mod status;
pub mod treatments;
pub mod wallets;
