//! Supports, and regions of matrices.

use super::Entry;
use crate::domain::{Circle, Integers, Interval, Ordered, Positive, Real, Simplex, Spd, Sphere, Support};
use crate::error::{Error, Result};
use crate::family::Block;
use crate::script::convert;
use crate::script::fault::AtCall;
use rhai::{Dynamic, Engine, Map, NativeCallContext};

/// Most coordinates of a point, and most rows of a drawn batch.
const MOST: usize = 100_000;

pub(super) fn count(n: i64, what: &str) -> Result<usize> {
    usize::try_from(n)
        .ok()
        .filter(|n| *n <= MOST)
        .ok_or_else(|| Error::domain(format!("{what} is {n}; a count up to {MOST} is needed")))
}

fn shape(value: &Dynamic, what: &str) -> Result<Vec<usize>> {
    if let Ok(n) = value.as_int() {
        return Ok(vec![count(n, what)?]);
    }
    let Ok(items) = value.as_array_ref() else {
        return Err(Error::shape(format!("{what} needs a count or a shape such as [2, 3], got {}", convert::type_name(value))));
    };
    if items.is_empty() {
        return Err(
            Error::shape(format!("{what} got the shape [], of no coordinates")).hint("a count, or a shape such as [2, 3]")
        );
    }
    let sizes: Result<Vec<usize>> = items
        .iter()
        .map(|i| {
            i.as_int().map_err(|_| Error::shape(format!("{what}: a shape is an array of counts"))).and_then(|n| count(n, what))
        })
        .collect();
    let sizes = sizes?;
    let total = sizes.iter().try_fold(1usize, |t, s| t.checked_mul(*s)).filter(|t| *t <= MOST);
    total.map(|_| sizes).ok_or_else(|| Error::domain(format!("{what}: at most {MOST} coordinates are possible")))
}

fn integers(a: &Dynamic, b: &Dynamic) -> Result<Support> {
    let (from, to) =
        convert::number(a).zip(convert::number(b)).ok_or_else(|| Error::domain("integers(a, b) needs two whole numbers"))?;
    if to == f64::INFINITY {
        return Err(Error::domain("integers(a, b) must end").hint("choose b so large that nothing of the mass lies beyond"));
    }
    Support::new(vec![1], Integers::new(from, to)?)
}

fn product(parts: Map) -> Result<Support> {
    let part = |(name, value): (rhai::Identifier, Dynamic)| {
        let kind = convert::type_name(&value);
        let support = value.try_cast::<Support>().ok_or_else(|| {
            Error::domain(format!("part '{name}' of the product must be a support, got {kind}")).hint("real(1), positive(1)")
        })?;
        Ok((name.to_string(), support))
    };
    let product = Support::product(parts.into_iter().map(part).collect::<Result<_>>()?)?;
    if product.dim() > MOST {
        return Err(Error::domain(format!("the product has {} coordinates, at most {MOST} are possible", product.dim())));
    }
    Ok(product)
}

pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Support>("Support");
    engine.register_fn("to_string", |s: &mut Support| s.to_string());
    engine.register_fn("real", |ctx: NativeCallContext, n: Dynamic| {
        shape(&n, "real(n)").and_then(|s| Support::new(s.clone(), Real::new(s.iter().product())?)).at(&ctx)
    });
    engine.register_fn("positive", |ctx: NativeCallContext, n: Dynamic| {
        shape(&n, "positive(n)").and_then(|s| Support::new(s.clone(), Positive::new(s.iter().product())?)).at(&ctx)
    });
    let interval = |a: &Dynamic, b: &Dynamic, n: i64| {
        let ends =
            convert::number(a).zip(convert::number(b)).ok_or_else(|| Error::domain("interval(a, b) needs two numbers"))?;
        let n = count(n, "n of interval(a, b, n)")?;
        Support::new(vec![n], Interval::new(ends.0, ends.1, n)?)
    };
    engine.register_fn("real", |ctx: NativeCallContext| Support::real(1).at(&ctx));
    engine.register_fn("positive", |ctx: NativeCallContext| Positive::new(1).and_then(|p| Support::new(vec![1], p)).at(&ctx));
    engine.register_fn("interval", move |ctx: NativeCallContext, a: Dynamic, b: Dynamic| interval(&a, &b, 1).at(&ctx));
    engine.register_fn("interval", move |ctx: NativeCallContext, a: Dynamic, b: Dynamic, n: i64| interval(&a, &b, n).at(&ctx));
    engine.register_type_with_name::<Reparametrised>("Reparametrised");
    engine.register_fn("reparametrised", || Reparametrised);
    type Make = fn(usize) -> Result<Support>;
    let counted: [(&str, Make); 5] = [
        ("simplex", |n| Support::new(vec![n], Simplex::new(n)?)),
        ("circle", |n| Support::new(vec![n], Circle::new(n)?)),
        ("sphere", |n| Support::new(vec![n], Sphere::new(n)?)),
        ("ordered", |n| Support::new(vec![n], Ordered::new(n)?)),
        ("spd", |n| Support::new(vec![n, n], Spd::new(n)?)),
    ];
    for (name, make) in counted {
        engine.register_fn(name, move |ctx: NativeCallContext, n: i64| {
            count(n, &format!("n of {name}(n)")).and_then(make).at(&ctx)
        });
    }
    engine.register_fn("circle", |ctx: NativeCallContext| Circle::new(1).and_then(|c| Support::new(vec![1], c)).at(&ctx));
    engine.register_fn("integers", |ctx: NativeCallContext, a: Dynamic, b: Dynamic| integers(&a, &b).at(&ctx));
    engine.register_fn("product", |ctx: NativeCallContext, parts: Map| product(parts).at(&ctx));
    engine.register_type_with_name::<Definite>("Definite");
    engine.register_fn("negative_definite", |ctx: NativeCallContext, low: Dynamic, high: Dynamic| {
        convert::number(&low)
            .zip(convert::number(&high))
            .ok_or_else(|| Error::domain("negative_definite(low, high) needs two numbers"))
            // Whatever the order of the matrix will be.
            .and_then(|(low, high)| Block::negative_definite(low, high, 1).map(|_| Definite { low, high }))
            .at(&ctx)
    });
}

/// The reference system's region of matrices before its order is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reparametrised;

/// The region of matrices before its order is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Definite {
    pub low: f64,
    pub high: f64,
}

pub(super) const DOCS: &[Entry] = &[
    Entry {
        name: "real",
        signature: "real(n)",
        doc: "The support R^n; real([n, m]) hands the closure a matrix.",
        example: "real(2)",
    },
    Entry { name: "positive", signature: "positive(n)", doc: "The support (0, infinity)^n.", example: "positive(1)" },
    Entry {
        name: "interval",
        signature: "interval(a, b, n)",
        doc: "The support (a, b)^n; n defaults to 1. One end may be infinite: interval(-1.0/0.0, 2).",
        example: "interval(0, 1)",
    },
    Entry {
        name: "reparametrised",
        signature: "reparametrised()",
        doc: "A region of eta for a statistic that is a square matrix, as the reference system draws it for mvn: -E E' / (n |E|) - I / 2 with a normal n x n matrix E.",
        example: "reparametrised()",
    },
    Entry {
        name: "simplex",
        signature: "simplex(n)",
        doc: "n positive components that sum to 1, with Lebesgue measure in the first n - 1.",
        example: "family(#{ x: simplex(3), stats: |x| #{ log_x: log(x) } }).mean([1, 2, 0.5])",
    },
    Entry {
        name: "circle",
        signature: "circle(n)",
        doc: "n angles in [-pi, pi]; n defaults to 1.",
        example: "family(#{ x: circle(), stats: |x| #{ c: cos(x[0]), s: sin(x[0]) } }).mean([1, 2])",
    },
    Entry {
        name: "sphere",
        signature: "sphere(n)",
        doc: "Unit vectors in R^n, with the surface measure.",
        example: "family(#{ x: sphere(3), stats: |x| #{ x: x } }).mean([0, 0, 2])",
    },
    Entry {
        name: "integers",
        signature: "integers(a, b)",
        doc: "The whole numbers from a to b, both included; expectations are sums over all of them.",
        example: "family(#{ x: integers(0, 20), stats: |x| #{ x: x[0] }, base: |x| -lgamma(x[0] + 1) }).mean([0.5])",
    },
    Entry {
        name: "ordered",
        signature: "ordered(n)",
        doc: "n ascending numbers x[0] < x[1] < ...",
        example: "family(#{ x: ordered(2), stats: |x| #{ x2: x*x } }).mean([-1, -0.5])",
    },
    Entry {
        name: "spd",
        signature: "spd(n)",
        doc: "Symmetric positive definite n x n matrices, with Lebesgue measure on the lower triangle.",
        example: "family(#{ x: spd(2), stats: |x| #{ x: x } }).mean([-1, 0.2, 0.2, -2])",
    },
    Entry {
        name: "product",
        signature: "product(#{name: support, ...})",
        doc: "Named parts, each on its support: the closure gets a map, and the coordinates follow in byte order of the names.",
        example: "family(#{ x: product(#{u: real(1), s: positive(1)}), stats: |x| #{ u2: x.u*x.u, s: x.s } }).mean([-1, -2])",
    },
    Entry {
        name: "negative_definite",
        signature: "negative_definite(low, high)",
        doc: "A region of eta for a statistic that is a square matrix: -eta has its eigenvalues in [low, high], 0 < low < high, both finite.",
        example: "negative_definite(0.5, 3.0)",
    },
];
