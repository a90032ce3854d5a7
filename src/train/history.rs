//! What happened, epoch by epoch.

use crate::error::{Error, Result};
use std::fmt::{self, Write};

/// One epoch. Losses are mean squared residuals in the units of the loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EpochInfo {
    /// Number of the epoch, from 1.
    pub epoch: usize,
    /// Learning rate of its last step.
    pub learning_rate: f64,
    /// Mean loss over its batches, with dropout where that was on.
    pub train_loss: f64,
    /// Loss of the validation rows after it, when they were looked at.
    pub val_loss: Option<f64>,
    /// Mean norm of the gradient before clipping.
    pub gradient_norm: f64,
    /// Whether dropout was on.
    pub dropout: bool,
}

impl fmt::Display for EpochInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "loss {:.2e}", self.train_loss)?;
        if let Some(loss) = self.val_loss {
            write!(f, " val {loss:.2e}")?;
        }
        write!(f, " lr {:.1e}", self.learning_rate)
    }
}

/// Epochs as columns of equal length.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Number of the epoch, from 1.
    pub epoch: Vec<usize>,
    /// Learning rate of its last step.
    pub learning_rate: Vec<f64>,
    /// Mean training loss.
    pub train_loss: Vec<f64>,
    /// Validation loss; NaN where the validation rows were not looked at.
    pub val_loss: Vec<f64>,
    /// Mean norm of the gradient before clipping.
    pub gradient_norm: Vec<f64>,
}

const HEADER: &str = "epoch,learning_rate,train_loss,val_loss,gradient_norm";

impl History {
    /// Number of epochs.
    pub fn len(&self) -> usize {
        self.epoch.len()
    }
    /// Whether no epoch was finished.
    pub fn is_empty(&self) -> bool {
        self.epoch.is_empty()
    }
    /// Append an epoch.
    pub fn push(&mut self, info: &EpochInfo) {
        self.epoch.push(info.epoch);
        self.learning_rate.push(info.learning_rate);
        self.train_loss.push(info.train_loss);
        self.val_loss.push(info.val_loss.unwrap_or(f64::NAN));
        self.gradient_norm.push(info.gradient_norm);
    }
    /// As a table with a header; an epoch without validation leaves that field empty.
    pub fn to_csv(&self) -> String {
        let mut out = format!("{HEADER}\n");
        for i in 0..self.len() {
            let val = if self.val_loss[i].is_nan() { String::new() } else { format!("{:e}", self.val_loss[i]) };
            let (epoch, lr, loss, norm) = (self.epoch[i], self.learning_rate[i], self.train_loss[i], self.gradient_norm[i]);
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{epoch},{lr:e},{loss:e},{val},{norm:e}");
        }
        out
    }
    /// The inverse of [`History::to_csv`], exact to the bit.
    ///
    /// # Errors
    /// [`crate::error::Kind::File`] with the line that is not understood.
    pub fn from_csv(text: &str) -> Result<Self> {
        let mut lines = text.lines();
        if lines.next() != Some(HEADER) {
            return Err(Error::file(format!("a history starts with the line {HEADER}")));
        }
        let mut history = History::default();
        for (at, line) in lines.enumerate() {
            let info = parse(line).ok_or_else(|| Error::file(format!("line {} of a history is '{line}'", at + 2)))?;
            history.push(&info);
        }
        Ok(history)
    }
}

fn parse(line: &str) -> Option<EpochInfo> {
    let fields: Vec<&str> = line.split(',').collect();
    let [epoch, learning_rate, train_loss, val_loss, gradient_norm] = fields.as_slice() else { return None };
    Some(EpochInfo {
        epoch: epoch.parse().ok()?,
        learning_rate: learning_rate.parse().ok()?,
        train_loss: train_loss.parse().ok()?,
        val_loss: if val_loss.is_empty() { None } else { Some(val_loss.parse().ok()?) },
        gradient_norm: gradient_norm.parse().ok()?,
        dropout: false,
    })
}
