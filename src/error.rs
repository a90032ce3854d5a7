//! The one error of the library: what went wrong, on which side, and what to do next.
//!
//! An [`Error`] carries a [`Kind`], a message that names both sides of a mismatch, and an optional hint. The script
//! layer adds the position in the user's source; the front ends draw the caret.

use std::fmt;

/// What sort of failure an [`Error`] is. Front ends choose exit codes by it, callers decide whether to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Two shapes or lengths do not fit.
    Shape,
    /// A value lies outside the set where the operation is defined.
    Domain,
    /// An unknown name or an option that is not understood.
    Name,
    /// A closure cannot be traced into an expression graph.
    Trace,
    /// A file is missing, unreadable, truncated or of another kind.
    File,
    /// A computation did not converge or produced a value that is not a number.
    Numeric,
    /// The user asked to stop.
    Interrupted,
}

/// Kind, message and hint of a failure.
///
/// # Example
/// ```
/// use nnef::error::{Error, Kind};
/// let e = Error::shape("eta has 3 components, the family has 5").hint("print(family.stat_names)");
/// assert_eq!(e.kind(), Kind::Shape);
/// assert!(e.to_string().contains("eta has 3"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: Kind,
    message: String,
    hint: Option<String>,
}

/// A result whose failure is the library's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Make an error of `kind` with a message and no hint.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Error { kind, message: message.into(), hint: None }
    }
    /// Two shapes or lengths do not fit.
    pub fn shape(message: impl Into<String>) -> Self {
        Self::new(Kind::Shape, message)
    }
    /// A value lies outside the domain.
    pub fn domain(message: impl Into<String>) -> Self {
        Self::new(Kind::Domain, message)
    }
    /// A name or option is unknown.
    pub fn name(message: impl Into<String>) -> Self {
        Self::new(Kind::Name, message)
    }
    /// A closure cannot be traced.
    pub fn trace(message: impl Into<String>) -> Self {
        Self::new(Kind::Trace, message)
    }
    /// A file cannot be used.
    pub fn file(message: impl Into<String>) -> Self {
        Self::new(Kind::File, message)
    }
    /// A computation failed.
    pub fn numeric(message: impl Into<String>) -> Self {
        Self::new(Kind::Numeric, message)
    }
    /// The user asked to stop.
    pub fn interrupted() -> Self {
        Self::new(Kind::Interrupted, "interrupted")
    }
    /// Add what to do next.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
    /// Put `what` before the message: the task that failed.
    pub fn context(mut self, what: impl fmt::Display) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }
    /// Say which row of a batch failed, unless the message says so.
    pub fn in_row(self, row: usize) -> Self {
        if self.message.starts_with("row ") { self } else { self.context(format_args!("row {row}")) }
    }
    /// The sort of failure.
    pub fn kind(&self) -> Kind {
        self.kind
    }
    /// The message without the hint.
    pub fn message(&self) -> &str {
        &self.message
    }
    /// What to do next, where it is known.
    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " (hint: {hint})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

impl From<std::io::Error> for Error {
    fn from(e: std::io::Error) -> Self {
        Error::file(e.to_string())
    }
}

impl From<candle_core::Error> for Error {
    fn from(e: candle_core::Error) -> Self {
        Error::numeric(format!("candle: {e}"))
    }
}

/// The candidate nearest to `name`, where one is near enough to be a likely misspelling.
///
/// # Example
/// ```
/// assert_eq!(nnef::error::nearest("epocs", ["epochs", "seed"]), Some("epochs"));
/// assert_eq!(nnef::error::nearest("epohcs", ["epochs", "seed"]), Some("epochs"));
/// assert_eq!(nnef::error::nearest("foo", ["cos", "floor"]), None);
/// ```
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = name.chars().count();
    let name = name.to_lowercase();
    // Of a word of three or four letters little is left when the first one is wrong.
    let near = |c: &str| length > 4 || c.chars().next() == name.chars().next();
    let scored = candidates.into_iter().map(|c| (c.to_lowercase(), c)).filter(|(low, _)| near(low));
    // A beginning counts as a word with few letters missing.
    let begins = |low: &str| (length > 1 && low.starts_with(&name)) || (low.len() > 1 && name.starts_with(low));
    let most = |low: &str| if begins(low) { 2 } else { length / 3 };
    let scored = scored.map(|(low, c)| (edit_distance(&name, &low), most(&low), c));
    scored.filter(|(d, most, _)| d <= most).min_by_key(|(d, ..)| *d).map(|(.., c)| c)
}

/// Error for an unknown `name` among `valid`, with the likely meant one.
pub fn unknown(what: &str, name: &str, valid: &[&str]) -> Error {
    let list = valid.join(", ");
    let error = Error::name(format!("unknown {what} '{name}'; valid: {list}"));
    match nearest(name, valid.iter().copied()) {
        Some(guess) => error.hint(format!("did you mean '{guess}'?")),
        None => error,
    }
}

/// Insertions, deletions, substitutions and swaps of neighbours.
fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 0..a.len() {
        let mut row = vec![i + 1];
        for j in 0..b.len() {
            let least = (rows[i][j] + usize::from(a[i] != b[j])).min(rows[i][j + 1] + 1).min(row[j] + 1);
            let swapped = i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j];
            row.push(if swapped { least.min(rows[i - 1][j - 1] + 1) } else { least });
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}
