//! The terminal as a front end: lines to stdout and stderr, a progress bar while something long runs.

use crate::num::observe::Observer;
use crate::plot::Figure;
use crate::script::Frontend;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// Standard streams; progress bars only where stderr is a terminal.
pub struct Terminal {
    bars: Arc<Bars>,
    pictures: bool,
    interactive: bool,
}

impl Terminal {
    /// The terminal of this process; `pictures` draws figures in characters where they are made (the prompt does).
    pub fn new(pictures: bool) -> Self {
        let visible = std::io::stderr().is_terminal();
        Terminal {
            bars: Arc::new(Bars { stack: Mutex::new(vec![]), visible }),
            pictures: pictures && std::io::stdout().is_terminal(),
            interactive: pictures,
        }
    }
}

impl Frontend for Terminal {
    fn out(&self, line: &str) {
        self.bars.aside(|| {
            // A closed pipe is the reader's choice, not an error.
            let _ = writeln!(std::io::stdout().lock(), "{line}");
        });
    }
    fn err(&self, line: &str) {
        self.bars.aside(|| {
            let _ = writeln!(std::io::stderr().lock(), "{line}");
        });
    }
    fn show(&self, figure: &Figure) {
        if self.pictures
            && let Ok(text) = figure.terminal(100)
        {
            self.out(&text);
        }
    }
    fn interactive(&self) -> bool {
        self.interactive
    }
    fn observer(&self) -> Arc<dyn Observer> {
        self.bars.clone()
    }
}

/// Progress bars of nested tasks; the innermost is drawn.
struct Bars {
    stack: Mutex<Vec<ProgressBar>>,
    visible: bool,
}

impl Bars {
    fn top(&self) -> Option<ProgressBar> {
        self.stack.lock().unwrap_or_else(PoisonError::into_inner).last().cloned()
    }
    /// Print without disturbing a bar.
    fn aside(&self, print: impl FnOnce()) {
        match self.top() {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }
}

impl Observer for Bars {
    fn begin(&self, task: &str, total: u64) {
        let target = if self.visible { ProgressDrawTarget::stderr_with_hz(10) } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        let template = "{prefix:>8} {wide_bar:.cyan/dim} {pos}/{len} {per_sec} left {eta} {msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_prefix(task.to_string());
        self.stack.lock().unwrap_or_else(PoisonError::into_inner).push(bar);
    }
    fn advance(&self, done: u64, note: &str) {
        if let Some(bar) = self.top() {
            bar.set_position(done);
            if self.visible && !note.is_empty() {
                bar.set_message(note.to_string());
            }
        }
    }
    fn end(&self) {
        if let Some(bar) = self.stack.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            bar.finish_and_clear();
        }
    }
}
