//! The one way in and out: script values to numbers, tensors and options, and back.

use super::fault::{AtCall, Native};
use super::tensor::Tensor;
use crate::error::{Error, Result};
use crate::num::options::parse_options;
use rhai::{Array, Dynamic, Map, NativeCallContext};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A number, from an int or a float.
pub(super) fn number(value: &Dynamic) -> Option<f64> {
    value.as_float().ok().or_else(|| value.as_int().ok().map(|i| i as f64))
}

/// A tensor from a tensor, a number, or nested arrays of numbers.
pub(super) fn tensor(value: &Dynamic, what: &str) -> Result<Tensor> {
    if let Some(t) = value.clone().try_cast::<Tensor>() {
        return Ok(t);
    }
    if let Some(x) = number(value) {
        return Tensor::new(vec![], vec![x]);
    }
    let Ok(items) = value.as_array_ref() else {
        return Err(Error::shape(format!("{what} must be a vector of numbers, got {}", type_name(value))));
    };
    let parts: Vec<Tensor> = items.iter().map(|i| tensor(i, what)).collect::<Result<_>>()?;
    let shape = parts.first().map(|p| p.shape().to_vec()).unwrap_or_default();
    if let Some(odd) = parts.iter().find(|p| p.shape() != shape) {
        return Err(Error::shape(format!(
            "{what} has entries of shapes {shape:?} and {:?}: rows must be equally long",
            odd.shape()
        )));
    }
    let data = parts.iter().flat_map(|p| p.data().iter().copied()).collect();
    Tensor::new(std::iter::once(parts.len()).chain(shape).collect(), data)
}

/// One vector of `width` or a batch [n, width]: the numbers, n, and whether it was a single vector.
pub(super) fn rows(value: &Dynamic, width: usize, what: &str) -> Result<(Vec<f64>, usize, bool)> {
    let t = tensor(value, what)?;
    let (n, single) = match t.shape() {
        [] if width == 1 => (1, true),
        [m] if *m == width => (1, true),
        [n, m] if *m == width && *n > 0 => (*n, false),
        [0] | [0, ..] => return Err(Error::shape(format!("{what} is empty, {width} numbers are needed"))),
        shape => return Err(Error::shape(format!("{what} has shape {shape:?}, expected [{width}] or [n, {width}]"))),
    };
    if let Some(i) = t.data().iter().position(|x| !x.is_finite()) {
        let text = format!("{what} has {} at position {}: it must be finite", t.data()[i], i % width);
        return Err(if single { Error::domain(text) } else { Error::domain(text).in_row(i / width) });
    }
    Ok((t.data().to_vec(), n, single))
}

/// `[n, width]` numbers as a vector for a single row, else as a matrix.
pub(super) fn shaped(data: Vec<f64>, width: usize, single: bool) -> Dynamic {
    Dynamic::from(if single { Tensor::vector(data) } else { Tensor::matrix(width, data) })
}

/// One number a row: a plain number for a single row, else a vector.
pub(super) fn column(data: Vec<f64>, single: bool) -> Dynamic {
    match data.first() {
        Some(x) if single => Dynamic::from(*x),
        _ => Dynamic::from(Tensor::vector(data)),
    }
}

/// What a script calls the type of a value.
pub(super) fn type_name(value: &Dynamic) -> String {
    match value.type_name() {
        "i64" => "an int".into(),
        "f64" => "a float".into(),
        "()" => "nothing".into(),
        "string" | "alloc::string::String" => "a string".into(),
        "array" => "an array".into(),
        "map" => "a map".into(),
        "Fn" => "a closure".into(),
        other => other.rsplit("::").next().unwrap_or(other).trim_end_matches('>').to_string(),
    }
}

/// A script value as JSON; tensors become nested arrays, other values what they print.
pub(super) fn json(value: &Dynamic) -> Value {
    if let Some(t) = value.clone().try_cast::<Tensor>() {
        return nested(t.shape(), t.data());
    }
    if let Ok(items) = value.as_array_ref() {
        return Value::Array(items.iter().map(json).collect());
    }
    if let Ok(map) = value.as_map_ref() {
        return Value::Object(map.iter().map(|(k, v)| (k.to_string(), json(v))).collect());
    }
    if value.is_unit() {
        return Value::Null;
    }
    if let Ok(b) = value.as_bool() {
        return Value::Bool(b);
    }
    if let Ok(i) = value.as_int() {
        return Value::from(i);
    }
    if let Ok(x) = value.as_float() {
        return float(x);
    }
    super::modules::describe(value).map_or_else(|| Value::String(value.to_string()), |map| json(&Dynamic::from(map)))
}

fn float(x: f64) -> Value {
    // JSON has no infinities and no NaN.
    serde_json::Number::from_f64(x).map_or_else(|| Value::String(x.to_string()), Value::Number)
}

fn nested(shape: &[usize], data: &[f64]) -> Value {
    match shape.split_first() {
        None => data.first().map_or(Value::Null, |x| float(*x)),
        Some((n, rest)) => {
            let width: usize = rest.iter().product();
            Value::Array((0..*n).map(|i| nested(rest, &data[i * width..(i + 1) * width])).collect())
        }
    }
}

/// A script map as a JSON map.
pub(super) fn object(map: &Map) -> serde_json::Map<String, Value> {
    map.iter().map(|(k, v)| (k.to_string(), json(v))).collect()
}

/// An options struct from a script map; unknown keys are errors with the likely meant one.
pub(super) fn options<T: Default + Serialize + DeserializeOwned>(ctx: &NativeCallContext, what: &str, map: &Map) -> Native<T> {
    parse_options(what, &object(map)).at(ctx)
}

/// The keys of an options struct.
pub(super) fn keys<T: Default + Serialize>() -> Vec<String> {
    let defaults = serde_json::to_value(T::default()).unwrap_or_default();
    defaults.as_object().map(|m| m.keys().cloned().collect()).unwrap_or_default()
}

/// A serialisable value as a script value.
pub(super) fn dynamic(value: impl Serialize) -> Dynamic {
    rhai::serde::to_dynamic(value).unwrap_or(Dynamic::UNIT)
}

/// Names as a script array.
pub(super) fn names<S: Into<String>>(items: impl IntoIterator<Item = S>) -> Array {
    items.into_iter().map(|s| Dynamic::from(s.into())).collect()
}
