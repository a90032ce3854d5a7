//! Numbers in messages.

/// `x` as a person would write it: the shortest decimal that reads back as `x`, with an exponent from 1e16 on and below 1e-5,
/// and without one or a trailing `.0` between.
///
/// # Example
/// ```
/// use nnef::num::short;
/// assert_eq!([1e300, -2.0, 0.1, 3e-7, f64::INFINITY].map(short).join(" "), "1e300 -2 0.1 3e-7 inf");
/// ```
pub fn short(x: f64) -> String {
    let mut text = format!("{x:?}");
    if text.ends_with(".0") {
        text.truncate(text.len() - 2);
    }
    text
}
