//! The script's vocabulary, one file a subject. Each file registers its functions and documents them in `DOCS`.

mod arrays;
mod chains;
mod checks;
mod console;
mod datasets;
mod definition;
mod expressions;
mod families;
mod figures;
mod inference;
mod networks;
mod samplers;
mod supports;
mod topics;
mod training;

pub(super) use console::{help_or_guess, help_text};
pub(super) use expressions::tracing;

use super::host::Host;
use rhai::{Dynamic, Engine, Map};

/// One documented name of the language.
pub struct Entry {
    /// Name, with its module where it has one.
    pub name: &'static str,
    /// How it is called.
    pub signature: &'static str,
    /// What it does: first line a sentence, then shapes, options, errors.
    pub doc: &'static str,
    /// A piece of script that runs.
    pub example: &'static str,
}

/// Everything that is documented, subject by subject: functions first, then options, values and the parts of a dataset.
pub fn entries() -> impl Iterator<Item = &'static Entry> {
    functions().chain(topics::DOCS)
}

/// What can be called.
pub(super) fn functions() -> impl Iterator<Item = &'static Entry> {
    [
        arrays::DOCS,
        expressions::DOCS,
        supports::DOCS,
        families::DOCS,
        chains::DOCS,
        samplers::DOCS,
        checks::DOCS,
        datasets::DOCS,
        training::DOCS,
        networks::DOCS,
        inference::DOCS,
        figures::DOCS,
        console::DOCS,
    ]
    .into_iter()
    .flatten()
}

pub(super) fn register(engine: &mut Engine, host: &Host) {
    arrays::register(engine);
    expressions::register(engine);
    supports::register(engine);
    families::register(engine, host);
    chains::register(engine, host);
    samplers::register(engine, host);
    checks::register(engine, host);
    datasets::register(engine, host);
    training::register(engine, host);
    networks::register(engine);
    inference::register(engine, host);
    figures::register(engine, host);
    console::register(engine, host);
}

/// The fields of a value of ours, for printing and JSON; `None` for plain values.
pub(super) fn describe(value: &Dynamic) -> Option<Map> {
    families::describe(value)
        .or_else(|| chains::describe(value))
        .or_else(|| samplers::describe(value))
        .or_else(|| checks::describe(value))
        .or_else(|| datasets::describe(value))
        .or_else(|| training::describe(value))
        .or_else(|| networks::describe(value))
        .or_else(|| inference::describe(value))
        .or_else(|| expressions::describe(value))
        .or_else(|| figures::describe(value))
}
