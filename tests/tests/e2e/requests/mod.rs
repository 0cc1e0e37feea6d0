//! What a request gets: through the whole system, repeated, in bad form, or with ill will.

mod bad_input;
mod hostile;
mod races;
mod retries;
mod spine;
