//! The end-to-end suites, in one binary so that they share one Postgres.

mod tooling;
