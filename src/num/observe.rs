//! How long work reports and how it is stopped: an observer that sees progress, and a cancel flag that work polls.
//!
//! Nothing below the front ends prints. A front end hands down a [`Monitor`]; a library user may use
//! [`Monitor::silent`].

use crate::error::{Error, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Sees the progress of long work. Calls come from any thread.
pub trait Observer: Send + Sync {
    /// A task of `total` units of work starts.
    fn begin(&self, task: &str, total: u64);
    /// `done` units are finished in all; `note` is a short state such as a loss or a rate.
    fn advance(&self, done: u64, note: &str);
    /// The task has ended, finished or not.
    fn end(&self);
}

struct Silent;

impl Observer for Silent {
    fn begin(&self, _: &str, _: u64) {}
    fn advance(&self, _: u64, _: &str) {}
    fn end(&self) {}
}

/// An observer and a cancel flag, cheap to clone.
#[derive(Clone)]
pub struct Monitor {
    observer: Arc<dyn Observer>,
    cancel: Arc<AtomicBool>,
}

impl Default for Monitor {
    fn default() -> Self {
        Self::silent()
    }
}

impl Monitor {
    /// Report to `observer`, stop when `cancel` is set.
    pub fn new(observer: Arc<dyn Observer>, cancel: Arc<AtomicBool>) -> Self {
        Monitor { observer, cancel }
    }
    /// Report to nobody; never cancelled from outside.
    pub fn silent() -> Self {
        Self::new(Arc::new(Silent), Arc::new(AtomicBool::new(false)))
    }
    /// Stopped by the same flag, reporting to nobody.
    pub fn quiet(&self) -> Self {
        Self::new(Arc::new(Silent), self.cancel.clone())
    }
    /// Whether the user asked to stop.
    pub fn cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }
    /// An interruption error when the user asked to stop.
    ///
    /// # Errors
    /// [`crate::error::Kind::Interrupted`].
    pub fn check(&self) -> Result<()> {
        if self.cancelled() { Err(Error::interrupted()) } else { Ok(()) }
    }
    /// Begin a task of `total` units; it ends when the returned value is dropped.
    pub fn task(&self, name: &str, total: u64) -> Task<'_> {
        self.observer.begin(name, total);
        Task { monitor: self, done: AtomicU64::new(0) }
    }
}

/// A task in progress.
pub struct Task<'a> {
    monitor: &'a Monitor,
    done: AtomicU64,
}

impl Task<'_> {
    /// Report `units` more of work done.
    pub fn add(&self, units: u64, note: &str) {
        let done = self.done.fetch_add(units, Ordering::Relaxed) + units;
        self.monitor.observer.advance(done, note);
    }
}

impl Drop for Task<'_> {
    fn drop(&mut self) {
        self.monitor.observer.end();
    }
}
