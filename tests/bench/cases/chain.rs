//! Moments of the chain x_i, x_i^2, x_i^4, x_i x_{i+1} by sums over a grid for each coordinate, forwards and backwards.

const LENGTH: usize = 10;
const NODES: usize = 161;
const REACH: f64 = 4.5;

/// Means and standard deviations at `eta`: x, x^2, x^4 (ten each), then the nine products of neighbours.
pub fn moments(eta: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let x: Vec<f64> = (0..NODES).map(|i| REACH * (2.0 * i as f64 / (NODES - 1) as f64 - 1.0)).collect();
    let own = |i: usize, x: f64| (eta[i] * x + eta[10 + i] * x * x + eta[20 + i] * x.powi(4)).exp();
    let tie = |i: usize, a: f64, b: f64| (eta[30 + i] * a * b).exp();
    let (mut forward, mut backward) = (vec![vec![1.0; NODES]; LENGTH], vec![vec![1.0; NODES]; LENGTH]);
    for i in 1..LENGTH {
        let j = LENGTH - i;
        let left: Vec<f64> = (0..NODES)
            .map(|b| (0..NODES).map(|a| forward[i - 1][a] * own(i - 1, x[a]) * tie(i - 1, x[a], x[b])).sum())
            .collect();
        let right: Vec<f64> =
            (0..NODES).map(|a| (0..NODES).map(|b| backward[j][b] * own(j, x[b]) * tie(j - 1, x[a], x[b])).sum()).collect();
        forward[i] = scaled(left);
        backward[j - 1] = scaled(right);
    }
    let (mut mean, mut sd) = (vec![], vec![]);
    let mut add = |m: f64, s: f64| {
        mean.push(m);
        sd.push((s - m * m).sqrt());
    };
    for power in [1, 2, 4] {
        for i in 0..LENGTH {
            let p: Vec<f64> = (0..NODES).map(|a| forward[i][a] * own(i, x[a]) * backward[i][a]).collect();
            let moment = |n: i32| p.iter().zip(&x).map(|(p, x)| p * x.powi(n)).sum::<f64>() / p.iter().sum::<f64>();
            add(moment(power), moment(2 * power));
        }
    }
    for i in 0..LENGTH - 1 {
        let (mut total, mut first, mut second) = (0.0, 0.0, 0.0);
        for a in 0..NODES {
            for b in 0..NODES {
                let p = forward[i][a] * own(i, x[a]) * tie(i, x[a], x[b]) * own(i + 1, x[b]) * backward[i + 1][b];
                total += p;
                first += p * x[a] * x[b];
                second += p * (x[a] * x[b]).powi(2);
            }
        }
        add(first / total, second / total);
    }
    (mean, sd)
}

fn scaled(values: Vec<f64>) -> Vec<f64> {
    let most = values.iter().copied().fold(0.0, f64::max);
    values.iter().map(|v| v / most).collect()
}
