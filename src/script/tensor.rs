//! The script's dense array of doubles.

use crate::error::{Error, Result};
use std::fmt;
use std::sync::Arc;

/// A dense f64 array on the CPU, row-major; the shape of a scalar is []. Cheap to clone.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    shape: Vec<usize>,
    data: Arc<[f64]>,
}

impl Tensor {
    /// An array of `shape` with `data` in row-major order.
    ///
    /// # Errors
    /// When the numbers do not fill the shape.
    pub fn new(shape: Vec<usize>, data: Vec<f64>) -> Result<Self> {
        if shape.iter().product::<usize>() != data.len() {
            return Err(Error::shape(format!("{} numbers do not fill the shape {shape:?}", data.len())));
        }
        Ok(Tensor { shape, data: data.into() })
    }
    /// A vector.
    pub fn vector(data: Vec<f64>) -> Self {
        Tensor { shape: vec![data.len()], data: data.into() }
    }
    /// A matrix of `columns` columns; the length of `data` must be a multiple.
    pub fn matrix(columns: usize, data: Vec<f64>) -> Self {
        Tensor { shape: vec![data.len().checked_div(columns).unwrap_or(0), columns], data: data.into() }
    }
    /// The shape.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }
    /// The numbers, row-major.
    pub fn data(&self) -> &[f64] {
        &self.data
    }
    /// Apply `f` to each entry.
    pub fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        Tensor { shape: self.shape.clone(), data: self.data.iter().map(|x| f(*x)).collect() }
    }
    /// Combine entry by entry; shapes are equal, or one is a single number.
    ///
    /// # Errors
    /// When they are not.
    pub fn zip(&self, other: &Tensor, what: &str, f: impl Fn(f64, f64) -> f64) -> Result<Self> {
        if other.data.len() == 1 && other.shape.len() <= 1 && self.shape != other.shape {
            let b = other.data[0];
            return Ok(self.map(|a| f(a, b)));
        }
        if self.data.len() == 1 && self.shape.len() <= 1 && self.shape != other.shape {
            let a = self.data[0];
            return Ok(other.map(|b| f(a, b)));
        }
        if self.shape != other.shape {
            return Err(Error::shape(format!("shapes {:?} and {:?} do not fit in {what}", self.shape, other.shape)));
        }
        Ok(Tensor {
            shape: self.shape.clone(),
            data: self.data.iter().zip(other.data.iter()).map(|(a, b)| f(*a, *b)).collect(),
        })
    }
    /// Entry `i` of the first axis; negative counts from the end. An entry of a vector has the shape [].
    ///
    /// # Errors
    /// When the index is out of range.
    pub fn index(&self, i: i64) -> Result<Self> {
        let Some((&n, rest)) = self.shape.split_first() else { return Err(Error::shape("a single number has no entries")) };
        let at = if i < 0 { i + n as i64 } else { i };
        if at < 0 || at >= n as i64 {
            return Err(Error::shape(format!("index {i} out of range for length {n}")));
        }
        let width: usize = rest.iter().product();
        let at = at as usize * width;
        Ok(Tensor { shape: rest.to_vec(), data: self.data[at..at + width].into() })
    }
    /// Transpose of a matrix.
    ///
    /// # Errors
    /// When the array is not a matrix.
    pub fn transpose(&self) -> Result<Self> {
        let [n, m] = self.shape[..] else {
            return Err(Error::shape(format!("transpose of shape {:?}: a matrix is needed", self.shape)));
        };
        Tensor::new(vec![m, n], crate::num::linalg::transpose(&self.data, n, m))
    }
    /// Matrix product; a vector is a column on the right and a row on the left.
    ///
    /// # Errors
    /// When the inner lengths differ.
    pub fn matmul(&self, other: &Tensor) -> Result<Self> {
        let misfit =
            || Error::shape(format!("matmul of shapes {:?} and {:?}: inner lengths must be equal", self.shape, other.shape));
        let (n, k, left) = match self.shape[..] {
            [n, k] => (n, k, true),
            [k] => (1, k, false),
            _ => return Err(misfit()),
        };
        let (l, m, right) = match other.shape[..] {
            [l, m] => (l, m, true),
            [l] => (l, 1, false),
            _ => return Err(misfit()),
        };
        if k != l {
            return Err(misfit());
        }
        let shape = [(n, left), (m, right)].iter().filter(|(_, keep)| *keep).map(|(s, _)| *s).collect();
        Tensor::new(shape, crate::num::linalg::matmul(&self.data, &other.data, n, k, m))
    }
}

impl fmt::Display for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, &self.shape, &self.data, 0)
    }
}

/// Rows shown at each end of a long axis.
const ENDS: usize = 5;

fn write(f: &mut fmt::Formatter<'_>, shape: &[usize], data: &[f64], depth: usize) -> fmt::Result {
    let Some((&n, rest)) = shape.split_first() else { return f.write_str(&number(data[0])) };
    let width: usize = rest.iter().product();
    let inner = !rest.is_empty();
    f.write_str("[")?;
    for i in 0..n {
        if n > 4 * ENDS && (ENDS..n - ENDS).contains(&i) {
            if i == ENDS {
                write!(f, "{}...", if inner { format!(",\n{}", " ".repeat(depth + 1)) } else { ", ".to_string() })?;
            }
            continue;
        }
        if i > 0 {
            if inner {
                write!(f, ",\n{}", " ".repeat(depth + 1))?;
            } else {
                f.write_str(", ")?;
            }
        }
        write(f, rest, &data[i * width..(i + 1) * width], depth + 1)?;
    }
    f.write_str("]")
}

/// A number to six significant digits.
pub fn number(x: f64) -> String {
    if x == 0.0 {
        return "0".to_string();
    }
    if !x.is_finite() {
        return format!("{x}");
    }
    let magnitude = x.abs().log10().floor() as i32;
    if !(-4..7).contains(&magnitude) {
        return format!("{x:.5e}");
    }
    let text = format!("{x:.*}", (5 - magnitude).max(0) as usize);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
}
