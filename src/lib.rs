//! Exponential families without a name.
pub mod error;
pub mod num;
pub mod expr;
pub mod plot;
pub mod domain;
pub mod family;
pub mod data;
