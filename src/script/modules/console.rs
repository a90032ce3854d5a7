//! Printing, JSON and help.

use super::{Entry, entries};
use crate::error::nearest;
use crate::script::convert;
use crate::script::host::Host;
use rhai::{Dynamic, Engine};

/// The help of a name, or of the language.
pub(in crate::script) fn help_text(name: &str) -> String {
    if name.is_empty() {
        let lines: Vec<String> =
            entries().map(|e| format!("  {:<18} {}", e.name, e.doc.lines().next().unwrap_or_default())).collect();
        return format!("help(\"name\") explains one of\n{}", lines.join("\n"));
    }
    let bare = name.trim_end_matches("()").rsplit("::").next().unwrap_or(name);
    match entries().find(|e| e.name == name || e.name == bare) {
        Some(e) => format!("{}\n\n{}\n\nexample\n  {}", e.signature, e.doc, e.example),
        None => {
            let named = crate::family::named::LIST.iter().find(|n| n.name == bare);
            if let Some(n) = named {
                return format!("ef::{}({})\n\n{}", n.name, n.make.arguments(), n.doc);
            }
            if let Some(e) = entries().find(|e| mentions(e, bare)) {
                return help_text(e.name);
            }
            let guess = nearest(bare, entries().map(|e| e.name));
            format!("no help for '{name}'{}", guess.map_or(String::new(), |g| format!("; did you mean '{g}'?")))
        }
    }
}

/// Whether an entry explains `name` along with its own: as a function `name(` or a field `.name`.
fn mentions(entry: &Entry, name: &str) -> bool {
    let text = format!("{} {}", entry.signature, entry.doc);
    let word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name).any(|(at, _)| {
        let (before, after) = (text[..at].chars().next_back(), text[at + name.len()..].chars().next());
        let whole = !before.is_some_and(word) && !after.is_some_and(word);
        whole
            && (before == Some('.') || after == Some('(') || text[..at].contains("likewise") || text[..at].contains("Likewise"))
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
    engine.register_fn("help", move || h.frontend().out(&help_text("")));
    let h = host.clone();
    engine.register_fn("help", move |name: &str| h.frontend().out(&help_text(name)));
    engine.register_fn("search", |word: &str| {
        let word = word.to_lowercase();
        convert::names(
            entries()
                .filter(|e| format!("{} {} {}", e.name, e.signature, e.doc).to_lowercase().contains(&word))
                .map(|e| e.name),
        )
    });
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
