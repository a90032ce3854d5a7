//! Options from plain values, with errors that name the option.

use crate::error::{Error, Result, unknown};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The options struct `T` of `what` from a map; keys that are left out keep their defaults.
///
/// # Errors
/// An unknown key, with the valid ones and the likely meant one; or a value of the wrong type, with the name of its key.
///
/// # Example
/// ```
/// use nnef::{nn::mlp_et::MlpEtOptions, num::options::parse_options};
/// let map = serde_json::json!({"hiden": [8]}).as_object().cloned().unwrap();
/// let error = parse_options::<MlpEtOptions>("mlp_et", &map).unwrap_err();
/// assert_eq!(error.hint_text(), Some("did you mean 'hidden'?"));
/// ```
pub fn parse_options<T: Default + Serialize + DeserializeOwned>(what: &str, map: &Map<String, Value>) -> Result<T> {
    let defaults = serde_json::to_value(T::default()).unwrap_or(Value::Null);
    let valid: Vec<&str> = defaults.as_object().map(|m| m.keys().map(String::as_str).collect()).unwrap_or_default();
    if let Some(key) = map.keys().find(|key| !valid.contains(&key.as_str())) {
        return Err(unknown(&format!("option of {what}"), key, &valid));
    }
    for (key, value) in map {
        let alone = Value::Object(Map::from_iter([(key.clone(), value.clone())]));
        if let Err(e) = serde_json::from_value::<T>(alone) {
            return Err(misfit(what, key, value, &e.to_string()));
        }
    }
    serde_json::from_value(Value::Object(map.clone())).map_err(|e| Error::domain(format!("options of {what}: {e}")))
}

/// A value that is not of its option's type, from what serde says of it.
fn misfit(what: &str, key: &str, value: &Value, text: &str) -> Error {
    if text.starts_with("unknown variant") {
        let quoted: Vec<&str> = text.split('`').skip(1).step_by(2).collect();
        if let [given, valid @ ..] = &quoted[..] {
            return unknown(&format!("{key} of {what}"), given, valid);
        }
    }
    let expected = text.rsplit("expected ").next().unwrap_or_default();
    let kind = match expected.split(' ').next().unwrap_or_default() {
        "usize" | "u64" | "u32" => "a whole number of at least 0",
        "f64" => "a number",
        "a" | "an" => expected,
        _ => return Error::domain(format!("option '{key}' of {what}: {text}")),
    };
    Error::domain(format!("option '{key}' of {what} is {value}; {kind} is needed"))
}
