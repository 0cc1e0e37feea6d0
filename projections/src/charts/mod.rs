//! Charts: what each says now, of the patients whose key is held here.

mod query;
mod rows;

pub(crate) use query::one;
pub(crate) use rows::ChartRow;
