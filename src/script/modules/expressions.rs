//! Traced values: operators, mathematics, conditions, indexing. The same names work on numbers and tensors.

use super::Entry;
use crate::error::{Error, Result};
use crate::expr::op::{Op, TABLE};
use crate::expr::{Expr, Reduce};
use crate::script::convert;
use crate::script::fault::{AtCall, Native, raise};
use crate::script::tensor::Tensor;
use rhai::{Array, Dynamic, Engine, Map, NativeCallContext};
use std::cell::Cell;

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// Run `body` as the inside of a trace, where the traps of integer arithmetic are reported.
pub(in crate::script) fn tracing<R>(body: impl FnOnce() -> R) -> R {
    struct Inside;
    impl Drop for Inside {
        fn drop(&mut self) {
            DEPTH.set(DEPTH.get() - 1);
        }
    }
    DEPTH.set(DEPTH.get() + 1);
    let _inside = Inside;
    body()
}

/// A mathematical value: traced, or a tensor.
enum Value {
    Traced(Expr),
    Numbers(Tensor),
}

pub(super) fn is_traced(value: &Dynamic) -> bool {
    value.is::<Expr>() || value.as_array_ref().is_ok_and(|a| a.iter().any(is_traced))
}

pub(super) fn first_expr(value: &Dynamic) -> Option<Expr> {
    value.clone().try_cast::<Expr>().or_else(|| value.as_array_ref().ok().and_then(|a| a.iter().find_map(first_expr)))
}

fn value(v: &Dynamic, what: &str) -> Result<Value> {
    if let Some(e) = v.clone().try_cast::<Expr>() {
        return Ok(Value::Traced(e));
    }
    match first_expr(v) {
        Some(like) => Ok(Value::Traced(traced(v, &like)?)),
        None => Ok(Value::Numbers(convert::tensor(v, what)?)),
    }
}

/// Any mathematical value as an expression of the trace of `like`.
pub(in crate::script) fn traced(v: &Dynamic, like: &Expr) -> Result<Expr> {
    if let Some(e) = v.clone().try_cast::<Expr>() {
        return Ok(e);
    }
    if is_traced(v)
        && let Ok(items) = v.as_array_ref()
    {
        let parts: Vec<Expr> = items.iter().map(|i| traced(i, like)).collect::<Result<_>>()?;
        return Expr::stack(&parts);
    }
    if let Ok(b) = v.as_bool() {
        return Ok(like.number(f64::from(u8::from(b))));
    }
    let t = convert::tensor(v, "an operand of a traced value")?;
    Ok(like.trace().numbers(t.shape(), t.data()))
}

fn unary(op: Op, v: &Dynamic) -> Result<Dynamic> {
    let f = op.info().value;
    if let Some(x) = convert::number(v) {
        return Ok(Dynamic::from(f([x, x, x])));
    }
    Ok(match value(v, op.info().name)? {
        Value::Traced(e) => Dynamic::from(e.unary(op)?),
        Value::Numbers(t) => Dynamic::from(t.map(|x| f([x, x, x]))),
    })
}

fn binary(op: Op, a: &Dynamic, b: &Dynamic) -> Result<Dynamic> {
    if let Some(like) = first_expr(a).or_else(|| first_expr(b)) {
        return Ok(Dynamic::from(traced(a, &like)?.binary(op, &traced(b, &like)?)?));
    }
    let f = op.info().value;
    if let (Some(x), Some(y)) = (convert::number(a), convert::number(b)) {
        return Ok(Dynamic::from(f([x, y, y])));
    }
    let (x, y) = (convert::tensor(a, op.info().name)?, convert::tensor(b, op.info().name)?);
    Ok(Dynamic::from(x.zip(&y, op.info().name, |x, y| f([x, y, y]))?))
}

fn reduce(how: Reduce, v: &Dynamic) -> Result<Dynamic> {
    let t = match value(v, "the argument of a reduction")? {
        Value::Traced(e) => return Ok(Dynamic::from(e.reduce(how)?)),
        Value::Numbers(t) => t,
    };
    let (d, n) = (t.data(), t.data().len() as f64);
    if d.is_empty() && !matches!(how, Reduce::Sum | Reduce::Prod) {
        return Err(Error::shape("a reduction of an empty array"));
    }
    Ok(Dynamic::from(match how {
        Reduce::Sum => d.iter().sum::<f64>(),
        Reduce::Prod => d.iter().product(),
        Reduce::Mean => d.iter().sum::<f64>() / n,
        Reduce::Min => d.iter().copied().fold(f64::INFINITY, f64::min),
        Reduce::Max => d.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        Reduce::Norm => d.iter().map(|x| x * x).sum::<f64>().sqrt(),
        Reduce::LogSumExp => crate::num::special::log_sum_exp(d),
    }))
}

fn matrices(what: &str, a: &Dynamic, b: &Dynamic) -> Result<Dynamic> {
    if let Some(like) = first_expr(a).or_else(|| first_expr(b)) {
        let (a, b) = (traced(a, &like)?, traced(b, &like)?);
        return Ok(Dynamic::from(match what {
            "dot" => a.dot(&b)?,
            "outer" => a.outer(&b)?,
            _ => a.matmul(&b)?,
        }));
    }
    let (a, b) = (convert::tensor(a, what)?, convert::tensor(b, what)?);
    Ok(match what {
        "dot" if a.shape() == b.shape() => Dynamic::from(a.data().iter().zip(b.data()).map(|(x, y)| x * y).sum::<f64>()),
        "dot" => return Err(Error::shape(format!("dot of shapes {:?} and {:?}: they must be equal", a.shape(), b.shape()))),
        "outer" if a.data().len().saturating_mul(b.data().len()) > 100_000_000 => {
            return Err(Error::shape(format!(
                "outer of {} and {} numbers: at most 100000000 products are possible",
                a.data().len(),
                b.data().len()
            )));
        }
        "outer" => {
            let data = a.data().iter().flat_map(|x| b.data().iter().map(move |y| x * y)).collect();
            Dynamic::from(Tensor::new(vec![a.data().len(), b.data().len()], data)?)
        }
        _ => {
            let product = a.matmul(&b)?;
            if product.shape().is_empty() { Dynamic::from(product.data()[0]) } else { Dynamic::from(product) }
        }
    })
}

fn rearrange(what: &str, v: &Dynamic) -> Result<Dynamic> {
    match value(v, what)? {
        Value::Traced(e) => Ok(Dynamic::from(match what {
            "transpose" => e.transpose()?,
            "tril" => e.tril()?,
            "diag" => e.diag()?,
            "trace" => e.diag()?.reduce(Reduce::Sum)?,
            "log_det" => e.log_det()?,
            _ => e.cumsum()?,
        })),
        Value::Numbers(t) => {
            let square = || match t.shape() {
                [n, m] if n == m => Ok(*n),
                shape => Err(Error::shape(format!("{what} of shape {shape:?}: a square matrix is needed"))),
            };
            let d = t.data();
            Ok(match what {
                "transpose" => Dynamic::from(t.transpose()?),
                "tril" => {
                    let n = square()?;
                    Dynamic::from(Tensor::vector((0..n).flat_map(|i| d[i * n..=i * n + i].to_vec()).collect()))
                }
                "diag" => {
                    let n = square()?;
                    Dynamic::from(Tensor::vector((0..n).map(|i| d[i * n + i]).collect()))
                }
                "log_det" => {
                    let n = square()?;
                    let l = crate::num::linalg::cholesky(d, n)
                        .ok_or_else(|| Error::domain("log_det of a matrix that is not positive definite"))?;
                    Dynamic::from(2.0 * (0..n).map(|i| l[i * n + i].ln()).sum::<f64>())
                }
                "trace" => {
                    let n = square()?;
                    Dynamic::from((0..n).map(|i| d[i * n + i]).sum::<f64>())
                }
                _ => {
                    let sums = d.iter().scan(0.0, |sum, x| {
                        *sum += x;
                        Some(*sum)
                    });
                    Dynamic::from(Tensor::vector(sums.collect()))
                }
            })
        }
    }
}

fn select(c: &Dynamic, a: &Dynamic, b: &Dynamic) -> Result<Dynamic> {
    if let Ok(plain) = c.as_bool() {
        return Ok(if plain { a.clone() } else { b.clone() });
    }
    let like = first_expr(c).ok_or_else(|| Error::trace(format!("select needs a condition, got {}", convert::type_name(c))))?;
    let condition = traced(c, &like)?;
    if !condition.is_condition() {
        return Err(Error::trace("select needs a condition such as x[0] > 0 as its first argument, got a value")
            .hint("select(cond, a, b)"));
    }
    Ok(Dynamic::from(condition.select(&traced(a, &like)?, &traced(b, &like)?)?))
}

/// Register an operator of Expr with every partner, both ways round.
macro_rules! operator {
    ($engine:ident, $symbol:expr, $op:expr; $($partner:ty),*) => {{
        let op: Op = $op;
        $engine.register_fn($symbol, move |ctx: NativeCallContext, a: Expr, b: Expr| a.binary(op, &b).at(&ctx));
        $(
            $engine.register_fn($symbol, move |ctx: NativeCallContext, a: Expr, b: $partner| binary(op, &Dynamic::from(a), &Dynamic::from(b)).at(&ctx));
            $engine.register_fn($symbol, move |ctx: NativeCallContext, a: $partner, b: Expr| binary(op, &Dynamic::from(a), &Dynamic::from(b)).at(&ctx));
        )*
    }};
}

/// As [`operator`], with the arguments exchanged: a > b is b < a.
macro_rules! mirrored {
    ($engine:ident, $symbol:expr, $op:expr, $negate:expr; $($partner:ty),*) => {{
        let op: Op = $op;
        let finish = |e: Result<Dynamic>| if $negate { e.and_then(|e| unary(Op::Not, &e)) } else { e };
        $engine.register_fn($symbol, move |ctx: NativeCallContext, a: Expr, b: Expr| finish(binary(op, &Dynamic::from(b), &Dynamic::from(a))).at(&ctx));
        $(
            $engine.register_fn($symbol, move |ctx: NativeCallContext, a: Expr, b: $partner| finish(binary(op, &Dynamic::from(b), &Dynamic::from(a))).at(&ctx));
            $engine.register_fn($symbol, move |ctx: NativeCallContext, a: $partner, b: Expr| finish(binary(op, &Dynamic::from(b), &Dynamic::from(a))).at(&ctx));
        )*
    }};
}

pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Expr>("Expr");
    operator!(engine, "+", Op::Add; i64, f64, Tensor, Array);
    operator!(engine, "-", Op::Sub; i64, f64, Tensor, Array);
    operator!(engine, "*", Op::Mul; i64, f64, Tensor, Array);
    operator!(engine, "/", Op::Div; i64, f64, Tensor, Array);
    operator!(engine, "**", Op::Pow; i64, f64, Tensor, Array);
    operator!(engine, "<", Op::Less; i64, f64, bool, Tensor, Array);
    operator!(engine, "<=", Op::LessEqual; i64, f64, bool, Tensor, Array);
    operator!(engine, "==", Op::Equal; i64, f64, bool, Tensor, Array);
    mirrored!(engine, ">", Op::Less, false; i64, f64, bool, Tensor, Array);
    mirrored!(engine, ">=", Op::LessEqual, false; i64, f64, bool, Tensor, Array);
    mirrored!(engine, "!=", Op::Equal, true; i64, f64, bool, Tensor, Array);
    engine.register_fn("-", |ctx: NativeCallContext, a: Expr| a.unary(Op::Neg).at(&ctx));
    engine.register_fn("+", |a: Expr| a);
    engine.register_fn("!", |ctx: NativeCallContext, a: Expr| a.unary(Op::Not).at(&ctx));
    for info in TABLE.iter().filter(|i| i.name.starts_with(|c: char| c.is_ascii_alphabetic())) {
        let op = info.op;
        match (info.arity, op) {
            (1, Op::Neg) => {}
            (1, _) => {
                engine.register_fn(info.name, move |ctx: NativeCallContext, a: Dynamic| unary(op, &a).at(&ctx));
                // Exact types win over Rhai's own functions of these names (whose log is base 10).
                engine.register_fn(info.name, move |a: f64| (op.info().value)([a, a, a]));
                if !matches!(op, Op::Abs | Op::Sign) {
                    engine.register_fn(info.name, move |a: i64| (op.info().value)([a as f64; 3]));
                }
            }
            (2, _) => {
                engine
                    .register_fn(info.name, move |ctx: NativeCallContext, a: Dynamic, b: Dynamic| binary(op, &a, &b).at(&ctx));
            }
            _ => {}
        }
    }
    engine.register_fn("select", |ctx: NativeCallContext, c: Dynamic, a: Dynamic, b: Dynamic| select(&c, &a, &b).at(&ctx));
    engine.register_fn("clamp", |ctx: NativeCallContext, v: Dynamic, low: Dynamic, high: Dynamic| {
        binary(Op::Max, &v, &low).and_then(|v| binary(Op::Min, &v, &high)).at(&ctx)
    });
    for (name, how) in [
        ("sum", Reduce::Sum),
        ("mean", Reduce::Mean),
        ("prod", Reduce::Prod),
        ("norm", Reduce::Norm),
        ("log_sum_exp", Reduce::LogSumExp),
        ("min", Reduce::Min),
        ("max", Reduce::Max),
    ] {
        engine.register_fn(name, move |ctx: NativeCallContext, v: Dynamic| reduce(how, &v).at(&ctx));
    }
    for name in ["dot", "outer", "matmul"] {
        engine.register_fn(name, move |ctx: NativeCallContext, a: Dynamic, b: Dynamic| matrices(name, &a, &b).at(&ctx));
    }
    for name in ["transpose", "tril", "diag", "trace", "log_det", "cumsum"] {
        engine.register_fn(name, move |ctx: NativeCallContext, v: Dynamic| rearrange(name, &v).at(&ctx));
    }
    engine.register_fn("concat", |ctx: NativeCallContext, parts: Array| concat(&parts).at(&ctx));
    engine.register_fn("reshape", |ctx: NativeCallContext, v: Dynamic, shape: Array| reshape(&v, &shape).at(&ctx));
    register_indexing(engine);
    register_traps(engine);
    register_comparisons(engine);
}

/// IEEE comparisons of numbers: Rhai's own allow a relative difference, which makes infinity no larger than 1.
fn register_comparisons(engine: &mut Engine) {
    macro_rules! compare {
        ($($symbol:literal $op:tt),*) => {$(
            engine.register_fn($symbol, |a: f64, b: f64| a $op b);
            engine.register_fn($symbol, |a: f64, b: i64| a $op b as f64);
            engine.register_fn($symbol, |a: i64, b: f64| (a as f64) $op b);
        )*};
    }
    compare!("<" <, "<=" <=, ">" >, ">=" >=, "==" ==, "!=" !=);
}

fn concat(parts: &Array) -> Result<Dynamic> {
    let all = Dynamic::from(parts.clone());
    match first_expr(&all) {
        Some(like) => Ok(Dynamic::from(Expr::concat(&parts.iter().map(|p| traced(p, &like)).collect::<Result<Vec<_>>>()?)?)),
        None => {
            let parts: Vec<Tensor> = parts.iter().map(|p| convert::tensor(p, "concat")).collect::<Result<_>>()?;
            Ok(Dynamic::from(Tensor::vector(parts.iter().flat_map(|p| p.data().to_vec()).collect())))
        }
    }
}

fn reshape(v: &Dynamic, shape: &Array) -> Result<Dynamic> {
    let shape: Vec<usize> = shape
        .iter()
        .map(|d| {
            d.as_int()
                .ok()
                .and_then(|d| usize::try_from(d).ok())
                .ok_or_else(|| Error::shape("a shape is an array of whole numbers"))
        })
        .collect::<Result<_>>()?;
    Ok(match value(v, "reshape")? {
        Value::Traced(e) => Dynamic::from(e.reshape(&shape)?),
        Value::Numbers(t) => Dynamic::from(Tensor::new(shape, t.data().to_vec())?),
    })
}

fn register_indexing(engine: &mut Engine) {
    engine.register_indexer_get(|ctx: NativeCallContext, x: &mut Expr, i: i64| x.index(i).at(&ctx));
    engine.register_indexer_get(|ctx: NativeCallContext, x: &mut Expr, r: std::ops::Range<i64>| {
        slice(x, r.start, r.end).at(&ctx)
    });
    engine.register_indexer_get(|ctx: NativeCallContext, x: &mut Expr, r: std::ops::RangeInclusive<i64>| {
        slice(x, *r.start(), r.end() + 1).at(&ctx)
    });
    engine.register_get("shape", |x: &mut Expr| x.shape().iter().map(|s| Dynamic::from(*s as i64)).collect::<Array>());
    engine.register_get("len", |x: &mut Expr| x.shape().first().map_or(1, |n| *n as i64));
    engine.register_fn("len", |x: &mut Expr| x.shape().first().map_or(1, |n| *n as i64));
    engine.register_fn("to_string", |x: &mut Expr| show(x));
    engine.register_fn("to_debug", |x: &mut Expr| show(x));
    engine.register_iterator::<Expr>();
}

fn slice(x: &Expr, from: i64, to: i64) -> Result<Expr> {
    match (usize::try_from(from), usize::try_from(to)) {
        (Ok(a), Ok(b)) => x.slice(a, b),
        _ => Err(Error::shape(format!("range {from}..{to} leaves an array of shape {:?}", x.shape()))),
    }
}

fn show(x: &Expr) -> String {
    let parts = x.formulas();
    if x.is_scalar() { parts.join("") } else { format!("[{}]", parts.join(", ")) }
}

/// Things that Rhai would do silently and that mean something else in a statistic.
fn register_traps(engine: &mut Engine) {
    engine.register_fn("/", |ctx: NativeCallContext, a: i64, b: i64| -> Native<i64> {
        if b == 0 {
            return Err(raise(&ctx, Error::domain(format!("{a} / 0: division by zero"))));
        }
        if DEPTH.get() > 0 && a.wrapping_rem(b) != 0 {
            let message =
                format!("{a} / {b} is a quotient of ints that loses its remainder: it would be {}", a.wrapping_div(b));
            return Err(raise(&ctx, Error::trace(message).hint(format!("write {a}.0 / {b}"))));
        }
        Ok(a.wrapping_div(b))
    });
    engine.register_fn("+", |ctx: NativeCallContext, a: Array, b: Array| -> Native<Array> {
        if a.iter().chain(&b).any(is_traced) {
            return Err(raise(
                &ctx,
                Error::trace("[a, b] + [c, d] joins arrays of traced values end to end")
                    .hint("use vec([a, b]) + vec([c, d]) to add, concat([...]) to join"),
            ));
        }
        Ok(a.into_iter().chain(b).collect())
    });
    engine.register_fn("contains", |ctx: NativeCallContext, _: Array, _: Expr| -> Native<bool> {
        Err(raise(
            &ctx,
            Error::trace("'in' on a traced value: the closure runs once, before x has a value")
                .hint("compare and combine: or(x == 1, x == 2) inside select"),
        ))
    });
}

pub(super) fn describe(value: &Dynamic) -> Option<Map> {
    let e = value.clone().try_cast::<Expr>()?;
    Some(Map::from([("formula".into(), show(&e).into()), ("shape".into(), convert::dynamic(e.shape()))]))
}

pub(super) const DOCS: &[Entry] = &[
    Entry {
        name: "log_det",
        signature: "log_det(W)",
        doc: "Logarithm of the determinant of a positive definite matrix, numbers or traced. transpose(m), diag(m), trace(m) and tril(m) (the lower triangle, row by row) take matrices too.",
        example: "log_det([[2, 0], [0, 3]])",
    },
    Entry {
        name: "select",
        signature: "select(cond, a, b)",
        doc: "`a` where the traced condition holds, else `b`.\nA closure T(x) runs once on traced values, so `if` cannot look at x; comparisons of x give conditions, joined with and(a, b), or(a, b), not(a).",
        example: "select(true, 1, 2)",
    },
    Entry {
        name: "log",
        signature: "log(x)",
        doc: "Natural logarithm of a number, tensor or traced value; likewise exp(x), sqrt(x), sin(x), ... and clamp(x, low, high).",
        example: "log(10)",
    },
    Entry {
        name: "sum",
        signature: "sum(v)",
        doc: "Sum of all entries; likewise mean, prod, min, max, norm, log_sum_exp. Numbers, tensors and traced values.",
        example: "sum([1, 2, 3])",
    },
    Entry {
        name: "dot",
        signature: "dot(a, b)",
        doc: "Sum of products of two vectors; outer(a, b) gives all products, matmul(a, b) the matrix product. Tensors and traced values.",
        example: "dot([1, 2], [3, 4])",
    },
];
