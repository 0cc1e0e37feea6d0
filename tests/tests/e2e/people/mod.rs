//! Who signs in, who may do what, and whose wallet is whose.

mod access_requests;
mod administrators;
mod attestations;
mod auth;
mod authorization;
mod emergencies;
mod engagements;
mod erasing_oneself;
mod exporting;
mod first_visit;
mod grants;
mod notifications;
mod quotas;
mod reads;
mod registration;
mod revocations;
mod treatments;
mod visits;
mod wallets;
