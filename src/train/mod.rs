//! Training networks eta -> mu_T on labelled data, and what comes out: a [`TrainedNet`], which is an
//! [`crate::family::ExpectationMap`].
//!
//! [`train`] runs a [`Trainer`] to its end; the trainer can also be stepped. A run directory holds all that is needed to
//! load the network again.

mod evaluation;
mod history;
mod learned;
mod options;
mod pictures;
mod run_directory;
mod scaling;
#[cfg(test)]
mod tests;
mod trainer;

pub use evaluation::{Predictions, TestMetrics};
pub use history::{EpochInfo, History};
pub use learned::TrainedNet;
pub use options::{LossType, TrainOptions};
pub use scaling::Scaling;
pub use trainer::Trainer;

use crate::data::Dataset;
use crate::error::{Error, Kind, Result};
use crate::family::ExpectationMap;
use crate::num::observe::Monitor;
use std::path::Path;

/// Train a network on `data` and, when the options name a folder, write the run there.
///
/// `truth` gives exact moments for scoring the test rows. When the user interrupts, the network as trained so far is
/// returned (and written), marked as [`TrainedNet::interrupted`].
///
/// # Errors
/// Options out of range, data with fewer than three rows or numbers that are not finite, a `truth` that fails on a test row,
/// a loss that is not finite, an output folder that cannot be written.
pub fn train(
    data: &Dataset,
    options: &TrainOptions,
    truth: Option<&dyn ExpectationMap>,
    monitor: &Monitor,
) -> Result<TrainedNet> {
    if let Some(folder) = &options.output_dir {
        std::fs::create_dir_all(folder).map_err(|e| Error::file(format!("cannot make the output folder {folder}: {e}")))?;
    }
    let mut trainer = Trainer::new(data, options, truth)?;
    let task = monitor.task("train", options.epochs as u64);
    while !trainer.done() {
        match trainer.step(monitor) {
            Ok(info) => task.add(1, &info.to_string()),
            Err(e) if e.kind() == Kind::Interrupted => break,
            Err(e) => return Err(e),
        }
    }
    let net = trainer.finish()?.with_family(data.family().cloned());
    if let Some(folder) = &options.output_dir {
        net.save(Path::new(folder))?;
        net.draw(Path::new(folder))?;
    }
    Ok(net)
}
