//! The pictures of a run: learning curves, and predictions over truth.

use super::TrainedNet;
use crate::error::Result;
use crate::plot::{self, Figure};
use std::path::Path;

impl TrainedNet {
    /// Training and validation loss over the epochs.
    pub fn learning_curves(&self) -> Figure {
        let h = self.history();
        let epochs: Vec<f64> = h.epoch.iter().map(|e| *e as f64).collect();
        let validated = epochs.iter().zip(&h.val_loss).filter(|(_, v)| !v.is_nan()).map(|(e, v)| (*e, *v)).collect::<Vec<_>>();
        plot::learning_curves(&epochs, &h.train_loss, &validated)
    }
    /// Predicted over true mean parameters of the test rows (over labels, where truth could not be had); `None` for a
    /// network that was loaded.
    pub fn predictions(&self) -> Option<Figure> {
        let p = self.test_predictions()?;
        let truth = p.mu_truth.as_ref().unwrap_or(&p.mu_label);
        Some(plot::predictions(self.stat_names(), truth, &p.mu_predicted))
    }
    /// Both figures.
    pub fn figure(&self) -> Figure {
        match self.predictions() {
            Some(p) => Figure::grid(vec![self.learning_curves(), p], 2),
            None => self.learning_curves(),
        }
    }
    /// Write `learning_curves.svg`, `learning_curves.png` and `predictions.svg` into a folder.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn draw(&self, directory: &Path) -> Result<()> {
        let curves = self.learning_curves();
        curves.save(directory.join("learning_curves.svg"))?;
        curves.save(directory.join("learning_curves.png"))?;
        self.predictions().map_or(Ok(()), |p| p.save(directory.join("predictions.svg")))
    }
}
