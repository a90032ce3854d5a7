//! Exponential families without a name.
pub mod error;
pub mod num;
#[macro_use]
pub mod expr;
pub mod plot;
pub mod domain;
pub mod nn;
pub mod family;
pub mod sample;
pub mod data;
pub mod train;
