//! The one integration-test binary: candle links once. One module a subject.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bad_input;
mod cavi;
mod certify;
mod cli;
mod controls;
mod domains;
mod double_double;
mod existence;
mod expr;
mod families;
mod fuzz;
mod hmc;
mod language;
mod layers;
mod quadrature;
mod regions;
mod round_trip;
mod sampling;
mod stable;
mod twins;
