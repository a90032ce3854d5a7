//! Stan's warm-up: windows over which the metric is learned, and the metric.

/// Iterations for the step size alone at the start, for the same at the end, and of the first window between.
const START: usize = 75;
const END: usize = 50;
const BASE: usize = 25;

/// When the windows of a warm-up end.
///
/// # Source
/// Stan reference manual, "Automatic parameter tuning"; Carpenter et al., Journal of Statistical Software 76 (2017).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Windows {
    /// First iteration that counts.
    start: usize,
    /// Last iterations of the windows.
    ends: Vec<usize>,
}

impl Windows {
    /// Windows that double, the last one drawn out to the end; buffers of 15 % and 10 % where 150 iterations are not there;
    /// none below 20 iterations.
    pub(super) fn new(warmup: usize) -> Windows {
        if warmup < 20 {
            return Windows { start: warmup, ends: vec![] };
        }
        let (start, base, end) = match warmup {
            w if w < START + BASE + END => {
                let (start, end) = ((0.15 * w as f64) as usize, (0.1 * w as f64) as usize);
                (start, w - start - end, end)
            }
            _ => (START, BASE, END),
        };
        let (mut ends, mut size, mut from) = (Vec::new(), base, start);
        let last = warmup - end;
        while from < last {
            let next = from + size;
            // A window after which no twice as long one fits takes the rest.
            let to = if next + 2 * size > last { last } else { next };
            ends.push(to - 1);
            (from, size) = (to, 2 * size);
        }
        Windows { start, ends }
    }
    pub(super) fn holds(&self, iteration: usize) -> bool {
        iteration >= self.start && self.ends.last().is_some_and(|e| iteration <= *e)
    }
    pub(super) fn ends(&self, iteration: usize) -> bool {
        self.ends.contains(&iteration)
    }
}

/// Running mean and variance of positions, `[m]` (Welford 1962).
#[derive(Debug, Clone)]
pub(super) struct Spread {
    count: f64,
    mean: Vec<f64>,
    squares: Vec<f64>,
}

impl Spread {
    pub(super) fn new(m: usize) -> Spread {
        Spread { count: 0.0, mean: vec![0.0; m], squares: vec![0.0; m] }
    }
    pub(super) fn add(&mut self, z: &[f64]) {
        self.count += 1.0;
        for j in 0..z.len() {
            let away = z[j] - self.mean[j];
            self.mean[j] += away / self.count;
            self.squares[j] += away * (z[j] - self.mean[j]);
        }
    }
    /// Variances, drawn towards a small number as if five draws had said so (Stan's regularisation).
    pub(super) fn inverse_mass(&self) -> Vec<f64> {
        let n = self.count;
        let variance = |s: &f64| s / (n - 1.0) * (n / (n + 5.0)) + 1e-3 * (5.0 / (n + 5.0));
        self.squares.iter().map(variance).map(|v| if v.is_finite() && v > 0.0 { v } else { 1.0 }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Windows;

    #[test]
    fn windows_are_those_of_stan() {
        // 75 | 25, 50, 100, 200, 500 | 50, as the manual has it; and the shorter schedules of its rules.
        assert_eq!(Windows::new(1000).ends, [99, 149, 249, 449, 949]);
        assert_eq!(Windows::new(1000).start, 75);
        assert_eq!(Windows::new(150).ends, [99]);
        assert_eq!((Windows::new(100).start, Windows::new(100).ends), (15, vec![89]));
        assert_eq!((Windows::new(20).start, Windows::new(20).ends), (3, vec![17]));
        assert!(Windows::new(10).ends.is_empty() && !Windows::new(10).holds(3));
        let w = Windows::new(200);
        assert!(!w.holds(74) && w.holds(75) && w.holds(149) && !w.holds(150));
    }
}
