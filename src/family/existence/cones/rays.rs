//! Directions that hyperplanes through the origin have in common, and the rank of vectors.

/// What counts as zero beside numbers of size 1.
const ZERO: f64 = 1e-10;
/// Most choices of hyperplanes.
const CHOICES: usize = 40_000;

/// Rows brought to echelon form, and the columns of the pivots.
pub(super) fn echelon(mut rows: Vec<Vec<f64>>) -> (Vec<Vec<f64>>, Vec<usize>) {
    let n = rows.first().map_or(0, Vec::len);
    for row in &mut rows {
        let size = row.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        if size > 0.0 {
            row.iter_mut().for_each(|v| *v /= size);
        }
    }
    let (mut pivots, mut r) = (Vec::new(), 0);
    for column in 0..n {
        let Some(best) = (r..rows.len()).max_by(|a, b| rows[*a][column].abs().total_cmp(&rows[*b][column].abs())) else {
            break;
        };
        if rows[best][column].abs() <= ZERO {
            continue;
        }
        rows.swap(r, best);
        let pivot = rows[r].clone();
        for (i, row) in rows.iter_mut().enumerate().filter(|(i, _)| *i != r) {
            let factor = row[column] / pivot[column];
            if factor != 0.0 && i != r {
                row.iter_mut().zip(&pivot).for_each(|(v, p)| *v -= factor * p);
                row[column] = 0.0;
            }
        }
        pivots.push(column);
        r += 1;
    }
    rows.truncate(r);
    (rows, pivots)
}

pub(super) fn rank(rows: Vec<Vec<f64>>) -> usize {
    echelon(rows).1.len()
}

/// The vector that is orthogonal to `rows`, the largest entry 1 or -1, where there is one only.
pub(in super::super) fn orthogonal(rows: Vec<Vec<f64>>, n: usize) -> Option<Vec<f64>> {
    let (rows, pivots) = echelon(rows);
    if pivots.len() + 1 != n {
        return None;
    }
    let free = (0..n).find(|k| !pivots.contains(k))?;
    let mut v = vec![0.0; n];
    v[free] = 1.0;
    for (row, k) in rows.iter().zip(&pivots) {
        v[*k] = -row[free] / row[*k];
    }
    let size = v.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    v.iter_mut().for_each(|v| *v = if v.abs() <= ZERO * size { 0.0 } else { *v / size });
    Some(v)
}

/// Calls `each` with all choices of `k` of `n`; false where they are too many.
pub(in super::super) fn choices(n: usize, k: usize, each: &mut dyn FnMut(&[usize])) -> bool {
    let count = (0..k).fold(1.0, |c, i| c * (n as f64 - i as f64) / (i as f64 + 1.0));
    if count > CHOICES as f64 {
        return false;
    }
    if k > n {
        return true;
    }
    let mut at: Vec<usize> = (0..k).collect();
    loop {
        each(&at);
        let Some(i) = (0..k).rev().find(|i| at[*i] + k < n + *i) else { return true };
        at[i] += 1;
        (i + 1..k).for_each(|j| at[j] = at[j - 1] + 1);
    }
}

/// Both directions of every line in which n - 1 of the hyperplanes with these normals meet.
pub(super) fn rays(normals: &[Vec<f64>], n: usize) -> Option<Vec<Vec<f64>>> {
    let mut planes: Vec<Vec<f64>> = Vec::new();
    for normal in normals {
        let size = normal.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        if size > 0.0 {
            let plane: Vec<f64> = normal.iter().map(|v| v / size).collect();
            note(&mut planes, plane);
        }
    }
    let mut found: Vec<Vec<f64>> = Vec::new();
    let complete = choices(planes.len(), n - 1, &mut |chosen| {
        if let Some(v) = orthogonal(chosen.iter().map(|i| planes[*i].clone()).collect(), n) {
            note(&mut found, v);
        }
    });
    let back: Vec<Vec<f64>> = found.iter().map(|v| v.iter().map(|v| -v).collect()).collect();
    found.extend(back);
    complete.then_some(found)
}

/// Adds what is new up to its sign.
fn note(known: &mut Vec<Vec<f64>>, v: Vec<f64>) {
    let same = |s: f64| move |w: &Vec<f64>, v: &Vec<f64>| w.iter().zip(v).all(|(w, v)| (w - s * v).abs() <= ZERO);
    if !known.iter().any(|w| same(1.0)(w, &v) || same(-1.0)(w, &v)) {
        known.push(v);
    }
}
