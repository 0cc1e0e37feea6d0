//! What is told of patients and of their visits, by whom, and how each is told from the others.

mod chapters;
mod charts;
mod held_back;
mod names;
mod patient_details;
mod sources;
mod visits;
