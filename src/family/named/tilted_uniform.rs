//! The uniform distribution on [-1, 1], tilted by an exponential.

/// log integral of exp(h x) over [-1, 1], and mean and variance of x under it.
pub(super) fn tilted_uniform(h: f64) -> (f64, f64, f64) {
    if h.abs() < 0.3 {
        // log(2 sinh(h) / h) and its derivatives: series in h^2 of log(sinh(h) / h), Bernoulli numbers.
        let q = h * h;
        let c = [
            1.0 / 6.0,
            -1.0 / 180.0,
            1.0 / 2835.0,
            -1.0 / 37800.0,
            1.0 / 467775.0,
            -691.0 / 3831077250.0,
            2.0 / 127702575.0,
            -3617.0 / 2605132530000.0,
        ];
        let (mut value, mut slope, mut curvature, mut power) = (0.0, 0.0, 0.0, 1.0);
        for (i, c) in c.iter().enumerate() {
            let n = 2.0 * (i + 1) as f64;
            slope += c * n * power * h;
            curvature += c * n * (n - 1.0) * power;
            power *= q;
            value += c * power;
        }
        return (value + 2.0_f64.ln(), slope, curvature);
    }
    let a = h.abs();
    let value = a + (-(-2.0 * a).exp_m1() / a).ln();
    let coth = -1.0 - 2.0 / (-2.0 * a).exp_m1();
    let csch2 = coth * coth - 1.0;
    (value, h.signum() * (coth - 1.0 / a), 1.0 / (a * a) - csch2)
}
