//! One array in numpy's npy format: magic, version, a header that is a Python dictionary, then the numbers.
//!
//! # Source
//! NEP 1 and `numpy.lib.format`: versions 1.0, 2.0 and 3.0.

use super::Array;
use crate::error::{Error, Result};

/// From bytes to numbers.
type Convert = fn(&[u8]) -> Vec<f64>;

const MAGIC: &[u8] = b"\x93NUMPY";

/// What comes before the numbers of a C-ordered float64 array, as `numpy.save` writes it.
pub(super) fn header(shape: &[usize]) -> Vec<u8> {
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    let tuple = if sizes.len() == 1 { format!("({},)", sizes[0]) } else { format!("({})", sizes.join(", ")) };
    let mut header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {tuple}, }}");
    let unpadded = MAGIC.len() + 4 + header.len() + 1;
    header.extend(std::iter::repeat_n(' ', unpadded.next_multiple_of(64) - unpadded));
    header.push('\n');
    let mut out = MAGIC.to_vec();
    out.extend([1, 0]);
    out.extend((header.len() as u16).to_le_bytes()); // three dimensions fit in 200 characters
    out.extend(header.as_bytes());
    out
}

/// The array called `name` from its npy bytes: float64 or float32, either byte order, C or Fortran order.
///
/// # Errors
/// A header that is not npy, another type, more or fewer bytes than the shape needs.
pub(super) fn decode(name: &str, bytes: &[u8]) -> Result<Array> {
    let damaged = |what: String| Error::file(format!("the array '{name}' is damaged: {what}")).hint("write the file again");
    let prefix = bytes.strip_prefix(MAGIC).and_then(|rest| rest.split_first_chunk::<2>());
    let Some(([major, _], rest)) = prefix else {
        return Err(damaged("it does not start as an npy array".to_string()));
    };
    let split = match major {
        1 => rest.split_first_chunk::<2>().map(|(l, rest)| (usize::from(u16::from_le_bytes(*l)), rest)),
        2 | 3 => rest.split_first_chunk::<4>().map(|(l, rest)| (u32::from_le_bytes(*l) as usize, rest)),
        other => return Err(damaged(format!("npy version {other}, expected 1, 2 or 3"))),
    };
    let Some((header, data)) = split.and_then(|(length, rest)| rest.split_at_checked(length)) else {
        return Err(damaged(format!("{} bytes end inside the header", bytes.len())));
    };
    let text = String::from_utf8_lossy(header);
    let (Some(descr), Some(order), Some(shape)) = (entry(&text, "descr"), entry(&text, "fortran_order"), entry(&text, "shape"))
    else {
        return Err(damaged(format!("no descr, fortran_order and shape in the header {}", text.trim_end())));
    };
    let Some(shape) = parse_shape(shape) else {
        return Err(damaged(format!("the shape {shape} is not a tuple of numbers")));
    };
    let fortran = match order {
        "True" => true,
        "False" => false,
        other => return Err(damaged(format!("fortran_order is {other}, expected True or False"))),
    };
    let (width, convert): (usize, Convert) = match descr.trim_matches(['\'', '"']) {
        "<f8" => (8, |d| d.as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b)).collect()),
        ">f8" => (8, |d| d.as_chunks::<8>().0.iter().map(|b| f64::from_be_bytes(*b)).collect()),
        "<f4" => (4, |d| d.as_chunks::<4>().0.iter().map(|b| f64::from(f32::from_le_bytes(*b))).collect()),
        ">f4" => (4, |d| d.as_chunks::<4>().0.iter().map(|b| f64::from(f32::from_be_bytes(*b))).collect()),
        _ => {
            let error = Error::file(format!(
                "the array '{name}' has the numpy type {descr}, expected float64 ('<f8') or float32 ('<f4')"
            ));
            return Err(error.hint(format!("{name} = {name}.astype(np.float64) before np.savez")));
        }
    };
    let expected = shape.iter().try_fold(width, |size, dim| size.checked_mul(*dim));
    if expected != Some(data.len()) {
        let message = format!("shape {shape:?} in {descr} does not fit {} bytes of numbers", data.len());
        return Err(damaged(message));
    }
    let values = convert(data);
    let values = if fortran { from_fortran(&values, &shape) } else { values };
    Ok(Array { shape, values })
}

/// The text of the value of `key` in a Python dictionary literal: up to the comma or brace that ends it.
fn entry<'a>(header: &'a str, key: &str) -> Option<&'a str> {
    let at =
        [format!("'{key}'"), format!("\"{key}\"")].iter().find_map(|quoted| header.find(quoted).map(|i| i + quoted.len()))?;
    let value = header[at..].trim_start().strip_prefix(':')?.trim_start();
    let closing = match value.chars().next()? {
        '(' => ')',
        quote @ ('\'' | '"') => quote,
        _ => return value.split([',', '}']).next().map(str::trim),
    };
    let end = value[1..].find(closing)?;
    Some(&value[..end + 2])
}

fn parse_shape(tuple: &str) -> Option<Vec<usize>> {
    let inner = tuple.strip_prefix('(')?.strip_suffix(')')?;
    let parts = inner.split(',').map(str::trim).filter(|p| !p.is_empty());
    let shape: Option<Vec<usize>> = parts.map(|p| p.trim_end_matches('L').parse().ok()).collect();
    shape.filter(|s| s.len() <= 8)
}

/// Row-major copy of `values`, which run fastest along the first axis.
fn from_fortran(values: &[f64], shape: &[usize]) -> Vec<f64> {
    let mut index = vec![0; shape.len()];
    let strides: Vec<usize> = shape.iter().scan(1, |stride, dim| Some(std::mem::replace(stride, *stride * *dim))).collect();
    let mut out = Vec::with_capacity(values.len());
    for _ in 0..values.len() {
        out.push(values[index.iter().zip(&strides).map(|(i, s)| i * s).sum::<usize>()]);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            if index[axis] < shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    out
}
