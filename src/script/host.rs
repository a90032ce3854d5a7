//! What the script layer asks of the world around it: where output goes, who watches long work, when to stop.

use super::traps::Functions;
use crate::num::observe::{Monitor, Observer};
use crate::plot::Figure;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Where a session's output goes. Terminal, notebook and tests implement it.
pub trait Frontend: Send + Sync {
    /// A line that the script printed.
    fn out(&self, line: &str);
    /// A line for the error stream.
    fn err(&self, line: &str);
    /// A figure to show at the call, where figures can be shown.
    fn show(&self, figure: &Figure);
    /// Whether someone is at a prompt: an interrupted verb then gives what it has, where a script stops.
    fn interactive(&self) -> bool {
        false
    }
    /// Who watches long work.
    fn observer(&self) -> Arc<dyn Observer>;
}

/// A front end and the flag that stops the running computation. Cheap to clone.
#[derive(Clone)]
pub struct Host {
    frontend: Arc<dyn Frontend>,
    cancel: Arc<AtomicBool>,
    functions: Functions,
}

impl Host {
    /// Output to `frontend`; setting `cancel` interrupts what runs.
    pub fn new(frontend: Arc<dyn Frontend>, cancel: Arc<AtomicBool>) -> Self {
        Host { frontend, cancel, functions: Functions::default() }
    }
    /// What is known of the session's functions.
    pub(super) fn functions(&self) -> &Functions {
        &self.functions
    }
    /// The front end.
    pub fn frontend(&self) -> &dyn Frontend {
        self.frontend.as_ref()
    }
    /// Observer and cancel flag for long work.
    pub fn monitor(&self) -> Monitor {
        Monitor::new(self.frontend.observer(), self.cancel.clone())
    }
    /// Whether an interrupt is pending.
    pub fn interrupted(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }
    /// Forget a pending interrupt.
    pub fn reset(&self) {
        self.cancel.store(false, Ordering::Relaxed);
    }
}
