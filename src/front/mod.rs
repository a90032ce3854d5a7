//! Front ends: the command line, the prompt, the terminal. Everything that prints is here.

pub mod cli;
mod generate;
mod repl;
mod terminal;

pub use terminal::Terminal;
