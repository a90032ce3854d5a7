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
            return Err(Error::domain(format!("option '{key}' of {what}: {e}")));
        }
    }
    serde_json::from_value(Value::Object(map.clone())).map_err(|e| Error::domain(format!("options of {what}: {e}")))
}
