//! Printing, JSON and help.

use super::{Entry, entries, functions, topics};
use crate::error::{Error, Result, nearest};
use crate::script::convert;
use crate::script::host::Host;
use rhai::{Dynamic, Engine};

/// The help of a name, or of the language; or what comes nearest to the name.
pub(in crate::script) fn help_text(name: &str) -> Result<String> {
    if name.is_empty() {
        let first = |e: &Entry| format!("  {:<18} {}", e.name, e.doc.lines().next().unwrap_or_default());
        let lines: Vec<String> = functions().map(first).collect();
        let topics: Vec<&str> = topics::DOCS.iter().map(|e| e.name).collect();
        let topics = topics.chunks(8).map(|c| format!("  {}", c.join("  "))).collect::<Vec<_>>().join("\n");
        return Ok(format!(
            "help(\"name\") explains one of\n{}\nand of the options, values and parts of a dataset\n{topics}",
            lines.join("\n")
        ));
    }
    let name = name.trim_end_matches("()");
    let bare = name.rsplit([':', '.']).next().unwrap_or(name);
    let shown = |e: &Entry| format!("{}\n\n{}\n\nexample\n  {}", e.signature, e.doc, e.example);
    let last = |e: &&Entry| e.name.rsplit('.').next() == Some(bare);
    let named = || crate::family::named::LIST.iter().find(|n| n.name == bare);
    if let Some(e) = entries().find(|e| e.name == name).or_else(|| entries().find(|e| e.name == bare)) {
        return Ok(shown(e));
    }
    if let Some(n) = named() {
        return Ok(format!("ef::{}({})\n\n{}", n.name, n.make.arguments(), n.doc));
    }
    // `data` is what the help calls a dataset; of another value the entry that gives it explains its parts.
    let dataset = name == bare || name.strip_suffix(bare).is_some_and(|p| matches!(p, "data." | "dataset." | "Dataset."));
    let explained = || entries().find(|e| mentions(e, bare));
    if let Some(e) = entries().find(last).filter(|_| dataset).or_else(explained) {
        return Ok(shown(e));
    }
    let error = Error::name(format!("no help for '{name}'"));
    let families = crate::family::named::LIST.iter().map(|n| n.name);
    let guess = nearest(bare, entries().map(|e| e.name).chain(families));
    let about: Vec<&str> = words(bare).into_iter().take(6).collect();
    Err(match (guess, &about[..]) {
        (Some(guess), _) => error.hint(format!("did you mean '{guess}'?")),
        (None, []) => error.hint("help() lists what there is"),
        (None, about) => error.hint(format!("it is mentioned in the help of {}", about.join(", "))),
    })
}

/// As [`help_text`], for people.
pub(in crate::script) fn help_or_guess(name: &str) -> String {
    help_text(name).unwrap_or_else(|e| e.hint_text().map_or(e.message().to_string(), |h| format!("{}; {h}", e.message())))
}

/// Names whose help mentions a word.
fn words(word: &str) -> Vec<&'static str> {
    let word = word.to_lowercase();
    let text = |e: &Entry| format!("{} {} {}", e.name, e.signature, e.doc).to_lowercase();
    entries().filter(|e| text(e).contains(&word)).map(|e| e.name).collect()
}

/// Whether an entry explains `name` along with its own: as a function `name(`, a field `.name` or an option `name:`.
fn mentions(entry: &Entry, name: &str) -> bool {
    let text = format!("{} {}", entry.signature, entry.doc);
    let word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name).any(|(at, _)| {
        let (before, after) = (text[..at].chars().next_back(), text[at + name.len()..].chars().next());
        let whole = !before.is_some_and(word) && !after.is_some_and(word);
        let option = after == Some(':') && at < entry.signature.len();
        let listed = text[..at].contains("likewise") || text[..at].contains("Likewise");
        whole && (before == Some('.') || after == Some('(') || option || listed)
    })
}

pub(super) fn register(engine: &mut Engine, host: &Host) {
    // Rhai has a to_json for maps of its own, which knows no tensors.
    engine.register_fn("to_json", |v: rhai::Map| convert::json(&Dynamic::from(v)).to_string());
    // What catch(e) finds.
    engine.register_type_with_name::<crate::error::Error>("Error");
    engine.register_fn("to_string", |e: &mut crate::error::Error| e.message().to_string());
    engine.register_fn("to_debug", |e: &mut crate::error::Error| e.to_string());
    engine.register_get("message", |e: &mut crate::error::Error| e.message().to_string());
    engine.register_get("hint", |e: &mut crate::error::Error| e.hint_text().unwrap_or_default().to_string());
    engine.register_fn("to_json", |v: Dynamic| convert::json(&v).to_string());
    engine.register_fn("to_json_pretty", |v: Dynamic| serde_json::to_string_pretty(&convert::json(&v)).unwrap_or_default());
    let h = host.clone();
    engine.register_fn("eprint", move |v: Dynamic| h.frontend().err(&v.to_string()));
    let h = host.clone();
    engine.register_fn("help", move || h.frontend().out(&help_or_guess("")));
    let h = host.clone();
    engine.register_fn("help", move |name: &str| h.frontend().out(&help_or_guess(name)));
    engine.register_fn("search", |word: &str| convert::names(words(word)));
    // A number to a few digits: reports read better.
    engine.register_fn("format", |v: Dynamic| convert::number(&v).map_or_else(|| v.to_string(), crate::script::tensor::number));
}

pub(super) const DOCS: &[Entry] = &[
    Entry {
        name: "to_json",
        signature: "to_json(value)",
        doc: "Any value as JSON text; to_json_pretty(value) in lines.",
        example: "to_json(#{a: [1, 2.5]})",
    },
    Entry {
        name: "help",
        signature: "help(), help(\"name\")",
        doc: "What the language has; what a name does.",
        example: "help(\"train\")",
    },
    Entry {
        name: "search",
        signature: "search(\"word\")",
        doc: "Names whose help mentions a word.",
        example: "search(\"network\")",
    },
    Entry {
        name: "format",
        signature: "format(x)",
        doc: "A number to six significant digits, as text.",
        example: "format(3.14159265)",
    },
    Entry {
        name: "eprint",
        signature: "eprint(value)",
        doc: "Print to the error stream; print(value) prints to the output.",
        example: "eprint(\"note\")",
    },
];
