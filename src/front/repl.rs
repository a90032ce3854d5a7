//! The prompt: multi-line input, history, completion, help with `?name`.

use crate::error::Kind;
use crate::script::{Completeness, Session};
use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::hint::HistoryHinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Config, Context, Editor, Helper, Highlighter, Hinter};
use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;

type Shared = Rc<RefCell<Session>>;

#[derive(Helper, Hinter, Highlighter)]
struct Prompt {
    session: Shared,
    #[rustyline(Hinter)]
    hinter: HistoryHinter,
}

impl Validator for Prompt {
    fn validate(&self, context: &mut ValidationContext) -> rustyline::Result<ValidationResult> {
        let input = context.input();
        let help = input.starts_with('?') || input.starts_with(':');
        Ok(match self.session.borrow().completeness(input) {
            Completeness::Incomplete if !help && !input.trim().is_empty() => ValidationResult::Incomplete,
            _ => ValidationResult::Valid(None),
        })
    }
}

impl Completer for Prompt {
    type Candidate = Pair;
    fn complete(&self, line: &str, position: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let before = &line[..position];
        let start = before
            .rfind(|c: char| !(c.is_alphanumeric() || c == '_'))
            .map_or(0, |i| i + before[i..].chars().next().map_or(1, char::len_utf8));
        let word = &before[start..];
        if word.is_empty() {
            return Ok((position, vec![]));
        }
        let session = self.session.borrow();
        let mut names: Vec<String> =
            session.variables().into_iter().chain(session.functions()).filter(|n| n.starts_with(word)).collect();
        names.sort();
        names.dedup();
        Ok((start, names.into_iter().map(|n| Pair { display: n.clone(), replacement: n }).collect()))
    }
}

/// Where the history of the prompt is kept: `NNEF_HISTORY`, or a file in the user's state folder.
fn history() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("NNEF_HISTORY") {
        return Some(PathBuf::from(path));
    }
    let state = std::env::var_os("XDG_STATE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|h| PathBuf::from(h).join(".local/state")))?;
    Some(state.join("nnef").join("history"))
}

const WELCOME: &str = "nnef: type T(x). ?name explains a name, help() lists them, Ctrl-C stops what runs, Ctrl-D leaves.";

/// Read, run and print until the end of input; the exit code.
pub(super) fn run(session: Session) -> i32 {
    let host = session.host().clone();
    let shared: Shared = Rc::new(RefCell::new(session));
    let config =
        Config::builder().auto_add_history(true).max_history_size(5000).map_or_else(|_| Config::default(), |b| b.build());
    let mut editor: Editor<Prompt, FileHistory> = match Editor::with_config(config) {
        Ok(editor) => editor,
        Err(e) => {
            host.frontend().err(&format!("error: no prompt here: {e}"));
            return 1;
        }
    };
    editor.set_helper(Some(Prompt { session: shared.clone(), hinter: HistoryHinter::new() }));
    let history = history();
    if let Some(path) = &history {
        // A first session has none.
        let _ = editor.load_history(path);
    }
    host.frontend().out(WELCOME);
    let mut number = 0;
    loop {
        host.reset();
        match editor.readline("nnef> ") {
            Ok(line) if line.trim().is_empty() => {}
            Ok(line) if matches!(line.trim(), ":quit" | ":q" | "exit" | "quit") => break,
            Ok(line) if line.starts_with('?') => host.frontend().out(&shared.borrow().help(line[1..].trim())),
            Ok(line) => {
                number += 1;
                let result = shared.borrow_mut().run(&format!("In[{number}]"), &line);
                match result {
                    Ok(value) => {
                        if let Some(text) = shared.borrow().display(&value) {
                            host.frontend().out(&text);
                        }
                    }
                    Err(failure) if failure.kind == Kind::Interrupted => {
                        host.frontend().err("interrupted; variables are as they were")
                    }
                    Err(failure) => host.frontend().err(&failure.to_string()),
                }
            }
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => break,
            Err(ReadlineError::Io(e)) if e.kind() == std::io::ErrorKind::InvalidData => {
                host.frontend().err("error: the line is not UTF-8 text");
            }
            Err(e) => {
                host.frontend().err(&format!("error: {e}"));
                return 1;
            }
        }
    }
    if let Some(path) = &history {
        let folder = path.parent().map(std::fs::create_dir_all);
        let saved = editor.save_history(path);
        if matches!(folder, Some(Err(_))) || saved.is_err() {
            host.frontend().err(&format!("the history could not be saved in {}", path.display()));
        }
    }
    0
}
