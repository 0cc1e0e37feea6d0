//! Accounts: who may sign in, and the keys of services.

mod fold;
mod query;
mod rows;

pub(crate) use fold::fold;
pub(crate) use query::{list, of_key, of_wallet, one};
pub(crate) use rows::{Account, AccountRow, KeyRow, load, write};
