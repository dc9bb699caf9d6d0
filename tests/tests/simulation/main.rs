//! Histories with seeded failures. What is stored must be right in each, and an application with a fault must be caught.

mod bank;
mod endless;
mod faults;
mod read_models;
mod workers;
