//! Errors at the edge of the script language: into Rhai with the position of the call, and out of it as a report.

use crate::error::{Error, Kind, nearest};
use rhai::{Dynamic, EvalAltResult, NativeCallContext, Position};

/// Result of a native function.
pub(super) type Native<T> = Result<T, Box<EvalAltResult>>;

/// Raise a library error at the position of the call.
pub(super) fn raise(ctx: &NativeCallContext, error: Error) -> Box<EvalAltResult> {
    at(ctx.call_position(), error)
}

fn at(position: Position, error: Error) -> Box<EvalAltResult> {
    match error.kind() {
        Kind::Interrupted => Box::new(EvalAltResult::ErrorTerminated(Dynamic::from(error), position)),
        _ => Box::new(EvalAltResult::ErrorRuntime(Dynamic::from(error), position)),
    }
}

/// Attach the position of the call to a library result.
pub(super) trait AtCall<T> {
    fn at(self, ctx: &NativeCallContext) -> Native<T>;
}

impl<T> AtCall<T> for crate::error::Result<T> {
    fn at(self, ctx: &NativeCallContext) -> Native<T> {
        self.map_err(|e| raise(ctx, e))
    }
}

/// Where in the session's text something is: line (over all cells) and column, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    pub line: usize,
    pub column: usize,
}

/// An error as the session reports it, before lines are mapped to cells.
pub(super) struct Fault {
    pub kind: Kind,
    pub message: String,
    pub hint: Option<String>,
    pub spot: Option<Spot>,
    /// File of the innermost frame, where it is an imported module.
    pub source: Option<String>,
    /// Calls on the way, outermost first: name and place of the call.
    pub calls: Vec<(String, Option<Spot>)>,
}

fn spot(position: Position) -> Option<Spot> {
    position.line().map(|line| Spot { line, column: position.position().unwrap_or(1) })
}

/// Unwind a Rhai error. `known` are the names of all functions, for guesses.
pub(super) fn unwind(error: EvalAltResult, known: &dyn Fn() -> Vec<String>) -> Fault {
    let mut calls = Vec::new();
    let mut source = None;
    let mut error = error;
    loop {
        match error {
            EvalAltResult::ErrorInFunctionCall(name, from, inner, position) => {
                let name = if name.starts_with("anon$") || name.is_empty() { "closure".to_string() } else { name };
                calls.push((name, spot(position)));
                if !from.is_empty() {
                    source = Some(from);
                }
                error = *inner;
            }
            EvalAltResult::ErrorInModule(name, inner, position) => {
                calls.push((format!("import \"{name}\""), spot(position)));
                source = Some(name);
                error = *inner;
            }
            other => {
                error = other;
                break;
            }
        }
    }
    let spot_of = spot(error.position()).or_else(|| calls.iter().rev().find_map(|(_, s)| *s));
    let (kind, message, hint) = describe(&error, known);
    Fault { kind, message, hint, spot: spot_of, source, calls }
}

const TRACED: &str = "T(x) is traced once: use select(cond, a, b)";

fn describe(error: &EvalAltResult, known: &dyn Fn() -> Vec<String>) -> (Kind, String, Option<String>) {
    let plain = |message: String| (Kind::Name, message, None);
    match error {
        EvalAltResult::ErrorRuntime(value, _) => match value.clone().try_cast::<Error>() {
            Some(e) => (e.kind(), e.message().to_string(), e.hint_text().map(str::to_string)),
            None => plain(value.to_string()),
        },
        EvalAltResult::ErrorTerminated(token, _) => match token.clone().try_cast::<Error>() {
            Some(e) => (Kind::Interrupted, e.message().to_string(), e.hint_text().map(str::to_string)),
            None => (Kind::Interrupted, "interrupted".to_string(), None),
        },
        EvalAltResult::ErrorMismatchDataType(_, actual, _) if actual.ends_with("Expr") => (
            Kind::Trace,
            "a branch on a traced value: the closure runs once, before x has a value".to_string(),
            Some(TRACED.to_string()),
        ),
        EvalAltResult::ErrorFunctionNotFound(signature, _) => {
            let name = signature.split([' ', '(']).next().unwrap_or_default();
            let mut names = known();
            names.extend(crate::family::named::LIST.iter().map(|n| format!("ef::{}", n.name)));
            let wordy = |n: &&str| n.chars().all(|c| c.is_alphanumeric() || "_:".contains(c));
            let guess = Some(name).filter(wordy).and_then(|n| nearest(n, names.iter().map(String::as_str)));
            let hint = match guess {
                Some(guess) if guess == name => {
                    Some(format!("'{name}' exists, but not for these arguments; see help(\"{name}\")"))
                }
                Some(guess) => Some(format!("did you mean '{guess}'?")),
                None => None,
            };
            (Kind::Name, format!("unknown function {signature}"), hint)
        }
        EvalAltResult::ErrorVariableNotFound(name, _) => {
            let hint = "functions see their arguments only; pass the value, or write a closure |x| ...".to_string();
            (Kind::Name, format!("unknown variable '{name}'"), Some(hint))
        }
        EvalAltResult::ErrorStackOverflow(_) => (
            Kind::Numeric,
            "functions call each other too deeply".to_string(),
            Some("a recursion without end, or deeper than 128 calls".to_string()),
        ),
        EvalAltResult::ErrorParsing(kind, _) => plain(format!("syntax error: {kind}")),
        other => {
            let text = other.to_string();
            plain(text.rfind(" (line ").map_or(text.clone(), |i| text[..i].to_string()))
        }
    }
}
