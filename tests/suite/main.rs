//! The one integration-test binary: candle links once. One module a subject.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bad_input;
mod cavi;
mod certify;
mod claims;
mod cli;
mod conformance;
mod controls;
mod diagnostics;
mod domains;
mod double_double;
mod existence;
mod existence_coupled;
mod existence_proofs;
mod existence_random;
mod existence_rational;
mod existence_regions;
mod expr;
mod families;
mod finite_moments;
mod fuzz;
mod hard;
mod hmc;
mod importance;
mod language;
mod layers;
mod modes;
mod nuts;
mod pipeline;
mod quadrature;
mod regions;
mod round_trip;
mod samplers;
mod sampling;
mod stable;
mod twins;
