//! Small dense linear algebra on row-major slices: what moments and variational updates need.

use super::double::Number;

/// Sum of the products of `pairs`.
pub fn products<T: Number>(pairs: impl Iterator<Item = (T, T)>) -> T {
    pairs.fold(T::from(0.0), |sum, (a, b)| sum + a * b)
}

/// Lower Cholesky factor of the symmetric `n` x `n` matrix `a` (row-major), or `None` where it is not positive definite.
pub fn cholesky<T: Number>(a: &[T], n: usize) -> Option<Vec<T>> {
    let mut l = vec![T::from(0.0); n * n];
    for i in 0..n {
        for j in 0..=i {
            let rest = a[i * n + j] - products((0..j).map(|k| (l[i * n + k], l[j * n + k])));
            if i == j {
                let pivot: f64 = rest.into();
                if pivot.is_nan() || pivot <= 0.0 {
                    return None;
                }
                l[i * n + i] = rest.sqrt();
            } else {
                l[i * n + j] = rest / l[j * n + j];
            }
        }
    }
    Some(l)
}

/// Solve `L L' x = b` with the lower factor of [`cholesky`].
pub fn cholesky_solve<T: Number>(l: &[T], n: usize, b: &[T]) -> Vec<T> {
    let mut x = b.to_vec();
    for i in 0..n {
        x[i] = (x[i] - products((0..i).map(|k| (l[i * n + k], x[k])))) / l[i * n + i];
    }
    for i in (0..n).rev() {
        x[i] = (x[i] - products((i + 1..n).map(|k| (l[k * n + i], x[k])))) / l[i * n + i];
    }
    x
}

/// Inverse of `L L'` with the lower factor of [`cholesky`].
pub fn cholesky_inverse<T: Number>(l: &[T], n: usize) -> Vec<T> {
    let mut inverse = vec![T::from(0.0); n * n];
    for j in 0..n {
        let mut unit = vec![T::from(0.0); n];
        unit[j] = T::from(1.0);
        for (i, value) in cholesky_solve(l, n, &unit).into_iter().enumerate() {
            inverse[i * n + j] = value;
        }
    }
    inverse
}

/// Dot product in eight partial sums, which the compiler keeps in vector registers.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (a8, b8) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = a8.remainder().iter().zip(b8.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a8.zip(b8) {
        for i in 0..8 {
            sums[i] += x[i] * y[i];
        }
    }
    sums.iter().sum::<f64>() + rest
}

/// Product of `a` [n, k] and `b` [k, m].
pub fn matmul(a: &[f64], b: &[f64], n: usize, k: usize, m: usize) -> Vec<f64> {
    let mut out = vec![0.0; n * m];
    for i in 0..n {
        for l in 0..k {
            let scale = a[i * k + l];
            for j in 0..m {
                out[i * m + j] += scale * b[l * m + j];
            }
        }
    }
    out
}

/// Transpose of `a` [n, m].
pub fn transpose(a: &[f64], n: usize, m: usize) -> Vec<f64> {
    let mut out = vec![0.0; n * m];
    for i in 0..n {
        for j in 0..m {
            out[j * n + i] = a[i * m + j];
        }
    }
    out
}

/// Largest absolute eigenvalue of the square matrix `a` by power iteration on its square, for non-negative spectra such
/// as products of two positive semi-definite matrices. Relative error about 1e-6.
pub fn spectral_radius(a: &[f64], n: usize) -> f64 {
    let mut v: Vec<f64> = (0..n).map(|i| 1.0 + 0.01 * i as f64).collect();
    let mut radius = 0.0;
    for _ in 0..500 {
        let w = matmul(a, &v, n, n, 1);
        let norm = w.iter().map(|x| x * x).sum::<f64>().sqrt();
        let before = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        if norm == 0.0 || !norm.is_finite() {
            return norm;
        }
        let next = norm / before;
        v = w.iter().map(|x| x / norm).collect();
        if (next - radius).abs() <= 1e-9 * next {
            return next;
        }
        radius = next;
    }
    radius
}

/// Eigenvalues of a symmetric matrix, ascending.
pub fn symmetric_eigenvalues(a: &[f64], n: usize) -> Vec<f64> {
    let (mut values, _) = symmetric_eigen(a, n);
    values.sort_by(f64::total_cmp);
    values
}

/// Eigenvalues of a symmetric matrix, unordered, and its eigenvectors in the columns of the second matrix, by cyclic Jacobi
/// rotations.
///
/// # Example
/// ```
/// let (values, vectors) = nnef::num::linalg::symmetric_eigen(&[1.0, 2.0, 2.0, 1.0], 2);
/// let top = if values[0] > values[1] { 0 } else { 1 };
/// assert!((values[top] - 3.0).abs() < 1e-14 && (vectors[top] - vectors[2 + top]).abs() < 1e-14);
/// ```
pub fn symmetric_eigen(a: &[f64], n: usize) -> (Vec<f64>, Vec<f64>) {
    let mut a = a.to_vec();
    let mut vectors = vec![0.0; n * n];
    (0..n).for_each(|i| vectors[i * n + i] = 1.0);
    let scale = a.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    let turn = |m: &mut f64, o: &mut f64, c: f64, s: f64| (*m, *o) = (c * *m - s * *o, s * *m + c * *o);
    for _ in 0..60 {
        let off: f64 = (0..n).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| a[i * n + j].abs()).sum();
        if off <= 1e-15 * scale * n as f64 {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                if a[p * n + q] == 0.0 {
                    continue;
                }
                let theta = (a[q * n + q] - a[p * n + p]) / (2.0 * a[p * n + q]);
                let t = if theta == 0.0 { 1.0 } else { theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt()) };
                let c = 1.0 / (t * t + 1.0).sqrt();
                let s = t * c;
                for k in 0..n {
                    let (mut x, mut y) = (a[k * n + p], a[k * n + q]);
                    turn(&mut x, &mut y, c, s);
                    (a[k * n + p], a[k * n + q]) = (x, y);
                }
                for k in 0..n {
                    let (mut x, mut y) = (a[p * n + k], a[q * n + k]);
                    turn(&mut x, &mut y, c, s);
                    (a[p * n + k], a[q * n + k]) = (x, y);
                    let (mut x, mut y) = (vectors[k * n + p], vectors[k * n + q]);
                    turn(&mut x, &mut y, c, s);
                    (vectors[k * n + p], vectors[k * n + q]) = (x, y);
                }
            }
        }
    }
    ((0..n).map(|i| a[i * n + i]).collect(), vectors)
}
