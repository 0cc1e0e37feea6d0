//! What a request gets: through the whole system, repeated, in bad form, or with ill will.

mod bad_input;
mod booking_and_reading_back;
mod hostile;
mod hostile_writer;
mod log_entries;
mod races;
mod retries;
mod shared_calendars;
mod shared_on_replicas;
