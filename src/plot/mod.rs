//! Figures from plain slices. Layer 1: knows numbers and names, nothing of families, data or networks.
//!
//! A [`Figure`] keeps its data and draws when asked: [`Figure::svg`], [`Figure::png`], [`Figure::terminal`],
//! [`Figure::save`]. The contract: every input gives a figure or an error, never a panic. Values that cannot be drawn
//! (NaN, infinite, not positive on a logarithmic axis) are left out, and the figure says how many; a figure without any
//! value says so in its middle.
//!
//! [`figure`] is the public value; `axis` maps numbers to what is drawn, `draw` and `legend` speak to the plotting crate;
//! [`curves`] has the figures that a run directory holds, [`chains`] those of a sampler.

mod axis;
pub mod chains;
pub mod curves;
mod draw;
pub mod figure;
mod legend;
#[cfg(test)]
mod tests;

pub use chains::{ranks, traces};
pub use curves::{eta_histograms, learning_curves, predictions};
pub use figure::{Figure, LogY, Series};
