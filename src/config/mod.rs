//! Jobs from YAML: a file names a family and says how its labels are made (the reference system's schema).
//!
//! A family may come from a script; scripts are above this layer, so who runs a job hands down how to run one: [`Resolve`].

mod data_job;
mod family_choice;
mod place;

pub use data_job::{DataJob, Grid, Optim, Sampling};
pub use family_choice::{FamilyChoice, Resolve};
