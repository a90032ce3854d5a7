//! Sectors of a cone, in each of which one term of every denominator, and of every sum within a product of logarithms, is the
//! largest: quotients as signomials, such products as quadratic forms and [`super::rests`].
//!
//! Where u^b is the largest monomial of D = sum c_a u^a, all c positive, D u^-b is between c_b and the sum of all c. Let Q be
//! the product of the denominators and u^b that of their largest monomials. A sum E of signomials and quotients is N / Q with
//! a signomial N, so that E has the sign of N u^-b and is that up to a factor between two positive numbers: where N u^-b is
//! bounded, below -delta sum exp(a . y) or grows, so is E. To a sector u^(a - b) is what a bounded power is to a part that a
//! condition leaves; the sectors cover the cone.

use super::ratios::Sum;
use super::rests::Rest;
use super::signomial::{Power, Signomial, numbers};
use super::walk::Content;
use std::rc::Rc;

/// Most sectors of one cone.
const SECTORS: usize = 24;

pub(super) struct Sector {
    /// Each piece without its logarithms; nothing where it has no such form.
    pub terms: Vec<Option<Signomial>>,
    /// Powers that are bounded.
    pub bounds: Vec<Vec<f64>>,
    /// Products of sums of logarithms in each piece.
    pub products: Vec<Content>,
    pub rests: Vec<Rest>,
}

/// The sectors of the pieces in `contents` over `n` coordinates.
pub(super) fn sectors(contents: &[Option<Content>], n: usize) -> Vec<Sector> {
    let mut all: Vec<&Signomial> = Vec::new();
    for (_, down) in contents.iter().flatten().flat_map(|c| &c.quotients) {
        if !all.contains(&down) {
            all.push(down);
        }
    }
    let down = all.clone();
    for (a, b, _) in contents.iter().flatten().flat_map(|c| &c.sums) {
        for (p, _) in a.logs.iter().chain(&b.logs) {
            if !all.contains(&p) {
                all.push(p);
            }
        }
    }
    if all.iter().map(|d| d.0.len()).product::<usize>() > SECTORS {
        all.clear();
    }
    let down = &down[..down.len().min(all.len())];
    let numerators: Vec<Option<Signomial>> = contents.iter().map(|c| numerator(c.as_ref()?, down, n)).collect();
    let mut chosen: Vec<Vec<&Power>> = vec![vec![]];
    for p in &all {
        chosen = chosen.iter().flat_map(|made| p.0.keys().map(move |power| [&made[..], &[power]].concat())).collect();
    }
    let sector = |largest: &Vec<&Power>| {
        let total: Power = (0..n).map(|k| -down.iter().zip(largest).map(|(_, b)| b[k]).sum::<i64>()).collect();
        let back = Signomial::term(total, 1.0);
        let below =
            all.iter().zip(largest).flat_map(|(d, b)| d.0.keys().filter(move |a| a != b).map(move |a| difference(a, b)));
        let (mut products, mut rests) = (Vec::new(), Vec::new());
        let mut terms: Vec<Option<Signomial>> = numerators.iter().map(|n| n.as_ref()?.mul(&back)).collect();
        for (i, content) in contents.iter().enumerate() {
            let mut made = Content { slope: vec![0.0; n], ..Content::default() };
            let all_told = content
                .iter()
                .flat_map(|c| &c.sums)
                .all(|sum| multiply(i, sum, (&all, largest), &mut made, &mut rests).is_some());
            if !all_told {
                terms[i] = None;
            }
            products.push(made);
        }
        Sector { terms, bounds: below.collect(), products, rests }
    };
    chosen.iter().map(sector).collect()
}

/// c A B on a sector: a quadratic form, and rests.
fn multiply(
    piece: usize,
    (a, b, c): &(Rc<Sum>, Rc<Sum>, f64),
    (all, largest): (&[&Signomial], &[&Power]),
    made: &mut Content,
    rests: &mut Vec<Rest>,
) -> Option<()> {
    let (left, right) = (a.leading(all, largest)?, b.leading(all, largest)?);
    made.add_product((&left.0, left.1), (&right.0, right.1), *c);
    for (sum, along) in [(a, &right.0), (b, &left.0)] {
        for (p, f) in sum.logs.iter().filter(|_| along.iter().any(|v| *v != 0.0)) {
            let first = p.0.get(largest[all.iter().position(|q| *q == p)?])?;
            let most = (p.0.values().sum::<f64>() / first).ln();
            rests.push(Rest { piece, coefficient: c * f, along: along.clone(), most });
        }
    }
    Some(())
}

fn difference(a: &Power, b: &Power) -> Vec<f64> {
    numbers(&a.iter().zip(b).map(|(a, b)| a - b).collect())
}

/// The numerator of a piece over the product of the denominators `all`, up to a bounded amount of the piece.
fn numerator(content: &Content, all: &[&Signomial], n: usize) -> Option<Signomial> {
    let over = |without: Option<usize>| {
        let left = all.iter().enumerate().filter(|(i, _)| Some(*i) != without);
        left.into_iter().try_fold(Signomial::constant(n, 1.0), |product, (_, d)| product.mul(d))
    };
    let mut sum = content.terms.clone().without_constant().mul(&over(None)?)?;
    for (up, down) in &content.quotients {
        let at = all.iter().position(|d| *d == down)?;
        sum.add(&up.mul(&over(Some(at))?)?, 1.0)?;
    }
    Some(sum)
}
