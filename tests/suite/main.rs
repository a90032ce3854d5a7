//! The one integration-test binary: candle links once. One module a subject.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bad_input;
mod cavi;
mod cli;
mod domains;
mod existence;
mod expr;
mod fuzz;
mod language;
mod layers;
mod quadrature;
mod sampling;
mod stable;
