//! One session under all front ends: an engine, the variables and functions so far, and where each line came from.

use super::fault::{self, Spot};
use super::host::Host;
use super::stdlib::Library;
use super::{convert, modules};
use crate::error::Kind;
use rhai::module_resolvers::{FileModuleResolver, ModuleResolversCollection};
use rhai::{AST, Dynamic, Engine, ParseErrorType, Scope};
use std::fmt;
use std::path::Path;

/// Deepest nesting of script function calls; the same in every build.
const MOST_CALLS: usize = 128;
/// Deepest nesting of expressions, at the top and inside functions; the same in every build.
const DEEPEST: (usize, usize) = (200, 100);
/// Rhai counts lines in 16 bits; before they run out the session starts counting anew.
const MOST_LINES: usize = 60_000;

/// Whether a piece of code can run, wants more lines, or is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completeness {
    /// It parses.
    Complete,
    /// It ends too early.
    Incomplete,
    /// It cannot become right by going on.
    Invalid,
}

/// A place in a source: name, line and column from 1, and the text of the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// File, or cell.
    pub source: String,
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
    /// The line itself, where it is known.
    pub text: String,
}

/// Why a piece of code failed: what a front end shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The sort of failure.
    pub kind: Kind,
    /// What went wrong.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
    /// Where.
    pub place: Option<Frame>,
    /// The calls on the way there, outermost first: name of the callee and place of the call.
    pub calls: Vec<(String, Option<Frame>)>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(p) => {
                writeln!(f, "error: {}", self.message)?;
                write!(f, "  --> {}:{}:{}", p.source, p.line, p.column)?;
                if !p.text.trim().is_empty() {
                    let margin = p.line.to_string().len();
                    let before: String =
                        p.text.chars().take(p.column.saturating_sub(1)).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
                    write!(f, "\n{:margin$} |\n{} | {}\n{:margin$} | {before}^", "", p.line, p.text, "")?;
                }
            }
            None => write!(f, "error: {}", self.message)?,
        }
        for (name, place) in self.calls.iter().rev() {
            match place {
                Some(p) => write!(f, "\n  called as {name} at {}:{}:{}", p.source, p.line, p.column)?,
                None => write!(f, "\n  in {name}")?,
            }
        }
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

struct Cell {
    name: String,
    text: String,
    first: usize,
}

/// An engine with the variables and functions of everything run so far.
pub struct Session {
    engine: Engine,
    scope: Scope<'static>,
    functions: AST,
    cells: Vec<Cell>,
    lines: usize,
    host: Host,
}

impl Session {
    /// A session whose output and long work go to `host`.
    pub fn new(host: Host) -> Session {
        let mut engine = Engine::new();
        engine.set_fast_operators(false);
        engine.set_max_call_levels(MOST_CALLS);
        engine.set_max_expr_depths(DEEPEST.0, DEEPEST.1);
        let mut resolvers = ModuleResolversCollection::new();
        resolvers.push(Library);
        resolvers.push(FileModuleResolver::new());
        engine.set_module_resolver(resolvers);
        let h = host.clone();
        engine.on_print(move |text| h.frontend().out(text));
        let h = host.clone();
        engine.on_debug(move |text, _, position| h.frontend().err(&format!("{position:?}: {text}")));
        let h = host.clone();
        engine.on_progress(move |_| h.interrupted().then_some(Dynamic::UNIT));
        modules::register(&mut engine, &host);
        Session { engine, scope: Scope::new(), functions: AST::empty(), cells: vec![], lines: 0, host }
    }
    /// The host.
    pub fn host(&self) -> &Host {
        &self.host
    }
    /// Set a variable.
    pub fn set(&mut self, name: &str, value: Vec<String>) {
        self.scope.set_value(name.to_string(), convert::names(value));
    }
    /// Run `text`, known as `name` in errors; the value of its last expression.
    ///
    /// # Errors
    /// Whatever goes wrong, with its place; variables keep what was done before.
    pub fn run(&mut self, name: &str, text: &str) -> Result<Dynamic, Box<Failure>> {
        let count = text.lines().count() + 1;
        if self.lines + count > MOST_LINES {
            self.cells.clear();
            self.lines = 0;
        }
        let first = self.lines;
        self.cells.push(Cell { name: name.to_string(), text: text.to_string(), first });
        self.lines += count;
        // Each cell has lines of its own, so that a position names its cell, also in functions called later.
        let padded = "\n".repeat(first) + text;
        let ast = self.engine.compile(padded).map_err(|e| self.failure(e.into()))?;
        self.host.functions().note(&ast);
        let whole = self.functions.merge(&ast);
        let result = self.engine.eval_ast_with_scope::<Dynamic>(&mut self.scope, &whole);
        self.functions = self.functions.merge(&ast.clone_functions_only());
        // Variables that were declared again stay once; never while a cell is running.
        self.scope = self.scope.clone_visible();
        let result = result.map_err(|e| self.failure(*e));
        match result {
            Ok(value) if !value.is_unit() => {
                self.scope.set_value("ans", value.clone());
                Ok(value)
            }
            other => other,
        }
    }
    /// Run a file; relative imports start at the working directory.
    ///
    /// # Errors
    /// When the file cannot be read, or as [`Session::run`].
    pub fn run_file(&mut self, path: &Path) -> Result<Dynamic, Box<Failure>> {
        let text = crate::num::files::read(path).and_then(|bytes| {
            String::from_utf8(bytes).map_err(|_| crate::error::Error::file(format!("'{}' is not UTF-8 text", path.display())))
        });
        match text {
            Ok(text) => self.run(&path.display().to_string(), &text),
            Err(e) => Err(Box::new(Failure {
                kind: e.kind(),
                message: e.message().to_string(),
                hint: e.hint_text().map(str::to_string),
                place: None,
                calls: vec![],
            })),
        }
    }
    /// What a prompt shows of a value: nothing for nothing.
    pub fn display(&self, value: &Dynamic) -> Option<String> {
        if value.is_unit() {
            return None;
        }
        if value.is_map() || value.is_array() {
            return serde_json::to_string_pretty(&convert::json(value))
                .ok()
                .map(|t| if t.len() < 60 { convert::json(value).to_string() } else { t });
        }
        if let Ok(text) = value.clone().into_string() {
            return Some(text);
        }
        let mut scope = Scope::new();
        scope.push_dynamic("value", value.clone());
        self.engine.eval_with_scope::<String>(&mut scope, "value.to_string()").ok().or_else(|| Some(value.to_string()))
    }
    /// Whether `text` can run as it stands.
    pub fn completeness(&self, text: &str) -> Completeness {
        let text = text.trim_end();
        match self.engine.compile(text) {
            // An unterminated block comment parses; then nothing appended is seen by the parser.
            Ok(_) if !text.is_empty() && self.engine.compile(format!("{text}\n)")).is_ok() => Completeness::Incomplete,
            Ok(_) => Completeness::Complete,
            Err(e) => {
                // Errors of "ran out of input" sit one past the last character, whatever their kind.
                let (line, columns) = (text.lines().count().max(1), text.lines().last().unwrap_or("").chars().count());
                let at_end = e.1.line() == Some(line) && e.1.position().is_some_and(|c| c > columns);
                let open_text =
                    e.1.line()
                        .and_then(|l| text.lines().nth(l - 1))
                        .is_some_and(|l| e.1.position().is_some_and(|c| l.chars().nth(c.saturating_sub(1)) == Some('`')));
                if at_end || open_text || *e.0 == ParseErrorType::UnexpectedEOF {
                    Completeness::Incomplete
                } else {
                    Completeness::Invalid
                }
            }
        }
    }
    /// Names of variables, for completion.
    pub fn variables(&self) -> Vec<String> {
        self.scope.iter().map(|(name, ..)| name.to_string()).collect()
    }
    /// Names of all functions, ours and the script's.
    pub fn functions(&self) -> Vec<String> {
        let ours = modules::functions().map(|e| e.name.to_string());
        let operations = crate::expr::op::TABLE
            .iter()
            .map(|i| i.name.to_string())
            .filter(|n| n.starts_with(|c: char| c.is_ascii_alphabetic()));
        let script = self.functions.iter_functions().map(|f| f.name.to_string()).filter(|n| !n.starts_with("anon$"));
        let mut all: Vec<String> = ours
            .chain(operations)
            .chain(script)
            .chain(["print", "debug", "type_of", "len", "push", "keys"].map(String::from))
            .collect();
        all.sort();
        all.dedup();
        all
    }
    /// The help of a name; where there is none, what comes nearest.
    pub fn help(&self, name: &str) -> String {
        modules::help_or_guess(name)
    }
    /// The help of a name.
    ///
    /// # Errors
    /// A name that is not explained, with what comes nearest.
    pub fn find_help(&self, name: &str) -> crate::error::Result<String> {
        modules::help_text(name)
    }

    fn frame(&self, spot: Spot) -> Option<Frame> {
        let cell = self.cells.iter().rev().find(|c| c.first < spot.line)?;
        let line = spot.line - cell.first;
        let text = cell.text.lines().nth(line - 1).unwrap_or_default().to_string();
        Some(Frame { source: cell.name.clone(), line, column: spot.column, text })
    }

    fn failure(&self, error: rhai::EvalAltResult) -> Box<Failure> {
        let found = fault::unwind(error, &|| self.functions());
        let place = match &found.source {
            // Inside an imported module lines are the module's own.
            Some(source) if self.cells.iter().all(|c| c.name != *source) => found.spot.map(|s| Frame {
                source: source.clone(),
                line: s.line,
                column: s.column,
                text: std::fs::read_to_string(source)
                    .ok()
                    .and_then(|t| t.lines().nth(s.line - 1).map(str::to_string))
                    .unwrap_or_default(),
            }),
            _ => found.spot.and_then(|s| self.frame(s)),
        };
        let calls = found.calls.into_iter().map(|(name, s)| (name, s.and_then(|s| self.frame(s)))).collect();
        Box::new(Failure { kind: found.kind, message: found.message, hint: found.hint, place, calls })
    }
}
