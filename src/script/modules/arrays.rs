//! Tensors: making them, arithmetic, indexing.

use super::Entry;
use crate::error::{Error, Result};
use crate::expr::Expr;
use crate::num::stream::Stream;
use crate::script::convert;
use crate::script::fault::{AtCall, Native};
use crate::script::tensor::Tensor;
use rand::Rng;
use rand_distr::StandardNormal;
use rhai::{Array, Dynamic, Engine, NativeCallContext};

/// Most entries of a tensor that a script makes by a size.
const MOST: i64 = 100_000_000;

fn size(n: i64, what: &str) -> Result<usize> {
    match n {
        0..=MOST => Ok(n as usize),
        _ => Err(Error::domain(format!("{what} is {n}; between 0 and {MOST} are possible"))),
    }
}

/// A scalar as a plain number, anything else as a tensor.
fn plain(t: Tensor) -> Dynamic {
    if t.shape().is_empty() { Dynamic::from(t.data()[0]) } else { Dynamic::from(t) }
}

fn combine(ctx: &NativeCallContext, symbol: &str, a: &Dynamic, b: &Dynamic, f: fn(f64, f64) -> f64) -> Native<Tensor> {
    convert::tensor(a, symbol).and_then(|a| a.zip(&convert::tensor(b, symbol)?, symbol, f)).at(ctx)
}

macro_rules! operator {
    ($engine:ident, $symbol:literal, $f:expr; $($partner:ty),*) => {{
        let f: fn(f64, f64) -> f64 = $f;
        $engine.register_fn($symbol, move |ctx: NativeCallContext, a: Tensor, b: Tensor| a.zip(&b, $symbol, f).at(&ctx));
        $(
            $engine.register_fn($symbol, move |ctx: NativeCallContext, a: Tensor, b: $partner| combine(&ctx, $symbol, &Dynamic::from(a), &Dynamic::from(b), f));
            $engine.register_fn($symbol, move |ctx: NativeCallContext, a: $partner, b: Tensor| combine(&ctx, $symbol, &Dynamic::from(a), &Dynamic::from(b), f));
        )*
    }};
}

pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Tensor>("tensor");
    engine.register_fn("vec", |ctx: NativeCallContext, v: Dynamic| -> Native<Dynamic> {
        let traced = v.as_array_ref().ok().and_then(|a| a.iter().find_map(|i| i.clone().try_cast::<Expr>()));
        match traced {
            Some(like) => super::expressions::traced(&v, &like).map(Dynamic::from).at(&ctx),
            None => convert::tensor(&v, "vec").map(Dynamic::from).at(&ctx),
        }
    });
    engine.register_fn("matrix", |ctx: NativeCallContext, v: Dynamic| {
        convert::tensor(&v, "matrix")
            .and_then(|t| {
                if t.shape().len() == 2 {
                    Ok(t)
                } else {
                    Err(Error::shape(format!("matrix needs rows of numbers, got shape {:?}", t.shape())))
                }
            })
            .at(&ctx)
    });
    engine.register_fn("zeros", |ctx: NativeCallContext, n: i64| size(n, "n").map(|n| Tensor::vector(vec![0.0; n])).at(&ctx));
    engine.register_fn("ones", |ctx: NativeCallContext, n: i64| size(n, "n").map(|n| Tensor::vector(vec![1.0; n])).at(&ctx));
    engine.register_fn("eye", |ctx: NativeCallContext, n: i64| {
        size(n.saturating_mul(n), "n * n")
            .map(|total| {
                Tensor::matrix(n as usize, (0..total).map(|i| f64::from(u8::from(i % (n as usize + 1) == 0))).collect())
            })
            .at(&ctx)
    });
    engine.register_fn("linspace", |ctx: NativeCallContext, a: Dynamic, b: Dynamic, n: i64| {
        let ends = convert::number(&a)
            .zip(convert::number(&b))
            .ok_or_else(|| Error::domain("linspace(a, b, n) needs two numbers and a count"));
        ends.and_then(|(a, b)| Ok((a, b, size(n, "n")?)))
            .map(|(a, b, n)| {
                Tensor::vector((0..n).map(|i| if n == 1 { a } else { a + (b - a) * i as f64 / (n - 1) as f64 }).collect())
            })
            .at(&ctx)
    });
    engine.register_fn("randn", |ctx: NativeCallContext, n: i64, seed: i64| {
        size(n, "n")
            .map(|n| {
                let mut rng = Stream::new(seed as u64).child("randn").rng();
                Tensor::vector((0..n).map(|_| rng.sample(StandardNormal)).collect())
            })
            .at(&ctx)
    });
    operator!(engine, "+", |a, b| a + b; i64, f64, Array);
    operator!(engine, "-", |a, b| a - b; i64, f64, Array);
    operator!(engine, "*", |a, b| a * b; i64, f64, Array);
    operator!(engine, "/", |a, b| a / b; i64, f64, Array);
    operator!(engine, "**", f64::powf; i64, f64, Array);
    engine.register_fn("-", |a: Tensor| a.map(|x| -x));
    engine.register_fn("==", |a: Tensor, b: Tensor| a == b);
    engine.register_fn("!=", |a: Tensor, b: Tensor| a != b);
    engine.register_indexer_get(|ctx: NativeCallContext, t: &mut Tensor, i: i64| t.index(i).map(plain).at(&ctx));
    engine.register_get("shape", |t: &mut Tensor| t.shape().iter().map(|s| Dynamic::from(*s as i64)).collect::<Array>());
    engine.register_get("len", |t: &mut Tensor| t.shape().first().map_or(1, |n| *n as i64));
    engine.register_fn("len", |t: &mut Tensor| t.shape().first().map_or(1, |n| *n as i64));
    engine.register_fn("to_array", to_array);
    engine.register_fn("to_string", |t: &mut Tensor| t.to_string());
    engine.register_fn("to_debug", |t: &mut Tensor| t.to_string());
    engine.register_iterator::<Tensor>();
}

fn to_array(t: &mut Tensor) -> Array {
    match t.shape() {
        [] | [_] => t.data().iter().map(|x| Dynamic::from(*x)).collect(),
        [n, ..] => (0..*n as i64).filter_map(|i| t.index(i).ok()).map(|mut row| Dynamic::from(to_array(&mut row))).collect(),
    }
}

impl IntoIterator for Tensor {
    type Item = Dynamic;
    type IntoIter = std::vec::IntoIter<Dynamic>;
    fn into_iter(self) -> Self::IntoIter {
        let n = self.shape().first().map_or(0, |n| *n as i64);
        (0..n).filter_map(|i| self.index(i).ok()).map(plain).collect::<Vec<_>>().into_iter()
    }
}

pub(super) const DOCS: &[Entry] = &[
    Entry {
        name: "vec",
        signature: "vec([a, b, ...])",
        doc: "A tensor from numbers or nested arrays of numbers; of traced values, a traced vector.\nPlain arrays are accepted wherever a tensor is. A tensor has .shape .len .to_array(). Likewise matrix(rows), zeros(n), ones(n), eye(n), linspace(a, b, n), randn(n, seed); reshape(v, shape), concat([a, b]).",
        example: "vec([1, 2]) + 1",
    },
    Entry {
        name: "matrix",
        signature: "matrix([[a, b], [c, d]])",
        doc: "A matrix from its rows.",
        example: "matmul(matrix([[1, 0], [0, 2]]), [3, 4])",
    },
    Entry {
        name: "linspace",
        signature: "linspace(a, b, n)",
        doc: "n equally spaced numbers from a to b, ends included.",
        example: "linspace(0, 1, 5)",
    },
    Entry {
        name: "randn",
        signature: "randn(n, seed)",
        doc: "n standard normal numbers; the same seed gives the same numbers.",
        example: "randn(3, 1)",
    },
];
