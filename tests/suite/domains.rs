//! Every bijector: inverse round trip, log-Jacobian against differences, the edges.

use nnef::domain::{Bijector, Interval, Positive, Real};
use nnef::expr::{Graph, NodeId};
use nnef::num::close::{DIFFERENCE, EXACT, close};

fn all() -> Vec<Box<dyn Bijector>> {
    vec![
        Box::new(Real::new(3).unwrap()),
        Box::new(Positive::new(2).unwrap()),
        Box::new(Interval::new(-1.0, 4.0, 2).unwrap()),
        Box::new(Interval::new(2.0, f64::INFINITY, 1).unwrap()),
    ]
}

/// x and log |dx/dz| at z.
fn forward(b: &dyn Bijector, z: &[f64]) -> (Vec<f64>, f64) {
    let mut g = Graph::new();
    let nodes: Vec<NodeId> = (0..z.len()).map(|j| g.var(j)).collect();
    let (x, log_jacobian) = b.forward(&mut g, &nodes);
    let roots: Vec<NodeId> = x.into_iter().chain([log_jacobian]).collect();
    let mut values = g.evaluate(&roots, z, &[]);
    let log_jacobian = values.pop().unwrap();
    (values, log_jacobian)
}

#[test]
fn the_inverse_undoes_the_map_and_the_jacobian_agrees_with_differences() {
    for b in all() {
        for z0 in [-2.3, -0.4, 0.0, 1.1, 3.0] {
            let z: Vec<f64> = (0..b.free()).map(|j| z0 + 0.3 * j as f64).collect();
            let (x, log_jacobian) = forward(b.as_ref(), &z);
            assert!(b.contains(&x), "{} gives {x:?}", b.describe());
            for (a, e) in b.inverse(&x).unwrap().iter().zip(&z) {
                assert!(close(*a, *e, EXACT), "{}: {a} for {e}", b.describe());
            }
            // These maps act on each coordinate by itself: the determinant is a product.
            let h = 1e-5;
            let mut difference = 0.0;
            for j in 0..b.dim() {
                let moved = |s: f64| {
                    let mut z = z.clone();
                    z[j] += s;
                    forward(b.as_ref(), &z).0[j]
                };
                difference += ((moved(h) - moved(-h)) / (2.0 * h)).ln();
            }
            assert!(close(log_jacobian, difference, DIFFERENCE), "{} at {z:?}: {log_jacobian} and {difference}", b.describe());
        }
    }
}

#[test]
fn nothing_is_nan_far_out_and_points_outside_are_refused() {
    for b in all() {
        for z0 in [-700.0, -40.0, 40.0, 700.0] {
            let (x, log_jacobian) = forward(b.as_ref(), &vec![z0; b.free()]);
            assert!(x.iter().all(|v| !v.is_nan()) && !log_jacobian.is_nan(), "{} at {z0}", b.describe());
        }
        assert!(b.inverse(&vec![f64::NAN; b.dim()]).is_err(), "{}", b.describe());
        assert!(!b.contains(&vec![f64::INFINITY; b.dim()]), "{}", b.describe());
    }
    assert!(Positive::new(2).unwrap().inverse(&[1.0, -1.0]).is_err());
    assert!(Interval::new(0.0, 1.0, 1).unwrap().inverse(&[1.0]).is_err());
    assert!(Interval::new(1.0, 1.0, 1).is_err() && Interval::new(f64::NAN, 1.0, 1).is_err());
}
