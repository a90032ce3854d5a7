//! Families: supports, tracing T(x), named families, moments and draws.

use super::supports::{Definite, count};
use super::{Entry, tracing};
use crate::data::GenerateOptions;
use crate::domain::Support;
use crate::error::{Error, Result, unknown};
use crate::expr::{Expr, Trace};
use crate::family::named::Make;
use crate::family::{Block, Family, Moments, Region, named};
use crate::sample::{self, Chains, HmcOptions, labels};
use crate::script::convert::{self, column, rows, shaped};
use crate::script::fault::{AtCall, Native, raise};
use crate::script::host::Host;
use crate::script::tensor::Tensor;
use rhai::{Array, Dynamic, Engine, EvalAltResult, FnPtr, Map, Module, NativeCallContext};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A family as scripts hold it.
pub(super) type Shared = Arc<Family>;

const OPTIONS: [&str; 6] = ["name", "x", "stats", "base", "where", "eta"];

/// The traced point, as an array of all coordinates and as the closure gets it: a map for a product with named parts.
fn point(trace: &Trace, support: &Support) -> (Expr, Dynamic) {
    let (x, parts) = support.trace(trace);
    if parts.is_empty() {
        return (x.clone(), Dynamic::from(x));
    }
    let parts = support.parts().iter().zip(parts).map(|(p, value)| (p.name.as_str().into(), Dynamic::from(value)));
    (x, Dynamic::from(parts.collect::<Map>()))
}

fn family(ctx: &NativeCallContext, host: &Host, map: &Map) -> Native<Shared> {
    if let Some(key) = map.keys().find(|k| !OPTIONS.contains(&k.as_str())) {
        return Err(raise(ctx, unknown("option of family", key, &OPTIONS)));
    }
    let need = |key: &str, hint: &str| {
        map.get(key).ok_or_else(|| raise(ctx, Error::name(format!("family needs '{key}'")).hint(hint.to_string())))
    };
    let support = need("x", "x: real(2)")?;
    let support = support.clone().try_cast::<Support>().ok_or_else(|| {
        raise(
            ctx,
            Error::domain(format!("x must be a support, got {}", convert::type_name(support)))
                .hint("real(n), positive(n), interval(a, b, n), simplex(n), circle(n), sphere(n), integers(a, b), ordered(n), spd(n), product(#{..})"),
        )
    })?;
    let stats = closure(ctx, need("stats", "stats: |x| #{ x: x[0], x2: x[0]*x[0] }")?, "stats")?;
    let name = match map.get("name") {
        Some(name) => {
            name.clone().into_string().map_err(|t| raise(ctx, Error::name(format!("name must be a string, got {t}"))))?
        }
        None => "family".to_string(),
    };
    let trace = Trace::new();
    let (x, point) = point(&trace, &support);
    let found = call(ctx, host, &stats, &point, "stats")?;
    let Some(found) = found.clone().try_cast::<Map>() else {
        return Err(raise(
            ctx,
            Error::trace(format!("stats must return a map of statistics, got {}", convert::type_name(&found)))
                .hint("stats: |x| #{ x: x[0], x2: x[0]*x[0] }"),
        ));
    };
    let found: Vec<(String, Expr)> = found
        .iter()
        .map(|(k, v)| {
            super::expressions::traced(v, &x).map(|e| (k.to_string(), e)).map_err(|e| e.context(format!("statistic '{k}'")))
        })
        .collect::<Result<_>>()
        .at(ctx)?;
    let base = match map.get("base") {
        Some(base) => {
            let value = call(ctx, host, &closure(ctx, base, "base")?, &point, "base")?;
            super::expressions::traced(&value, &x).map_err(|e| e.context("base")).at(ctx)?
        }
        None => x.number(0.0),
    };
    let inside = match map.get("where") {
        Some(inside) => {
            let value = call(ctx, host, &closure(ctx, inside, "where")?, &point, "where")?;
            Some(super::expressions::traced(&value, &x).map_err(|e| e.context("where")).at(ctx)?)
        }
        None => None,
    };
    let made = Family::from_trace(&name, support, &trace, found, base, inside).at(ctx)?;
    for relation in made.linear_relations() {
        let note = format!("warning: the statistics of '{name}' are linearly dependent, {relation}: eta is not identified");
        host.frontend().err(&note);
    }
    let made = match map.get("eta") {
        Some(eta) => region(&made, eta).and_then(|r| made.with_region(r)).at(ctx)?,
        None => made,
    };
    Ok(Arc::new(made))
}

fn closure(ctx: &NativeCallContext, value: &Dynamic, what: &str) -> Native<FnPtr> {
    value.clone().try_cast::<FnPtr>().ok_or_else(|| {
        raise(
            ctx,
            Error::trace(format!("{what} must be a closure, got {}", convert::type_name(value)))
                .hint(format!("{what}: |x| ...")),
        )
    })
}

/// Run a closure on the traced point.
fn call(ctx: &NativeCallContext, host: &Host, f: &FnPtr, x: &Dynamic, what: &str) -> Native<Dynamic> {
    if let Some(position) = host.functions().switch_in(f.fn_name()) {
        let error = Error::trace("a switch inside a traced closure: it would silently take its '_' branch")
            .hint("use select(cond, a, b), or if on plain values");
        return Err(Box::new(EvalAltResult::ErrorRuntime(Dynamic::from(error), position)));
    }
    tracing(|| f.call_within_context::<Dynamic>(ctx, (x.clone(),))).map_err(|e| match e.as_ref() {
        EvalAltResult::ErrorFunctionNotFound(name, _) if name.starts_with(f.fn_name()) => raise(
            ctx,
            Error::trace(format!("{what} must be a closure of one argument, the point x")).hint(format!("{what}: |x| ...")),
        ),
        _ => e,
    })
}

/// The region from a map of ranges: one for each statistic.
fn region(family: &Family, value: &Dynamic) -> Result<Region> {
    let Some(map) = value.clone().try_cast::<Map>() else {
        return Err(Error::domain(format!("eta must be a map of ranges, got {}", convert::type_name(value)))
            .hint("eta: #{ x: [-3, 3], x2: [-5, -0.5] }"));
    };
    let names: Vec<&str> = family.statistics().iter().map(|s| s.name.as_str()).collect();
    if let Some(key) = map.keys().find(|k| !names.contains(&k.as_str())) {
        return Err(unknown("statistic in eta", key, &names));
    }
    let mut blocks = Vec::new();
    for statistic in family.statistics() {
        let name = &statistic.name;
        let range = map.get(name.as_str()).ok_or_else(|| {
            Error::domain(format!("eta has no range for the statistic '{name}'")).hint(format!("{name}: [low, high]"))
        })?;
        let block = if let Some(d) = range.clone().try_cast::<Definite>() {
            match statistic.shape[..] {
                [n, m] if n == m => Block::negative_definite(d.low, d.high, n)?,
                _ => {
                    return Err(Error::shape(format!(
                        "negative_definite is for square matrices; '{name}' has shape {:?}",
                        statistic.shape
                    )));
                }
            }
        } else {
            let ends = convert::tensor(range, &format!("the range of '{name}'"))?;
            match (ends.shape(), ends.data()) {
                ([2], [low, high]) => {
                    Block::interval(*low, *high, statistic.size()).map_err(|e| e.context(format!("statistic '{name}'")))?
                }
                (shape, _) => {
                    return Err(Error::shape(format!("the range of '{name}' has shape {shape:?}, expected [low, high]")));
                }
            }
        };
        blocks.push((name.clone(), block));
    }
    Ok(Region::new(blocks))
}

/// Take `outside` out of an options map.
fn split_outside(map: &Map) -> (Map, bool) {
    let mut rest = map.clone();
    let outside = rest.remove("outside").is_some_and(|v| v.as_bool().unwrap_or(false));
    (rest, outside)
}

/// Eta of one row or a batch, inside the region unless `outside`.
fn etas(family: &Family, eta: &Dynamic, outside: bool) -> Result<(Vec<f64>, usize, bool)> {
    let (data, n, single) =
        rows(eta, family.dim(), &format!("eta of the family '{}' ({})", family.name(), family.stat_names().join(", ")))?;
    for row in data.chunks(family.dim()) {
        family.check_eta(row)?;
        if let Some(region) = family.region().filter(|_| !outside && family.closed_form().is_none()) {
            region
                .check(row)
                .map_err(|e| e.hint("widen `eta:` of the family, or pass #{outside: true} to go on at your own risk"))?;
        }
    }
    Ok((data, n, single))
}

fn mean(ctx: &NativeCallContext, host: &Host, family: &Shared, eta: &Dynamic, map: &Map) -> Native<Map> {
    let (map, outside) = split_outside(map);
    let options = mean_options(ctx, &map)?;
    let (data, _, single) = etas(family, eta, outside).at(ctx)?;
    let found = labels(family, &data, &options.labels(), &host.monitor()).at(ctx)?;
    warn(host, &found.rhat);
    Ok(moments_map(found, family.dim(), single))
}

/// Say which rows did not converge.
pub(super) fn warn(host: &Host, rhat: &[f64]) {
    let bad: Vec<usize> = (0..rhat.len()).filter(|i| rhat[*i].is_nan() || rhat[*i] > crate::data::RHAT_GATE).collect();
    if let Some(first) = bad.first() {
        let text = format!(
            "warning: the chains of {} of {} rows do not agree (row {first}: R-hat {:.2}); their labels and errors are not to be trusted; more warmup, or another eta region, may help",
            bad.len(),
            rhat.len(),
            rhat[*first]
        );
        host.frontend().err(&text);
    }
}

fn moments_map(m: Moments, k: usize, single: bool) -> Map {
    let mut map = Map::new();
    map.insert("mu_T".into(), shaped(m.mu_t, k, single));
    map.insert("mcse".into(), shaped(m.mcse, k, single));
    map.insert("ess".into(), column(m.ess, single));
    map.insert("rhat".into(), column(m.rhat, single));
    if let Some(cov) = m.cov_tt {
        let n = cov.len() / (k * k);
        let shape = if single { vec![k, k] } else { vec![n, k, k] };
        map.insert("cov_TT".into(), Tensor::new(shape, cov).map_or(Dynamic::UNIT, Dynamic::from));
    }
    map.insert("log_normalizer".into(), m.log_normalizer.map_or(Dynamic::UNIT, |a| column(a, single)));
    let method = if single {
        m.method.first().map_or(Dynamic::UNIT, |s| Dynamic::from(s.to_string()))
    } else {
        Dynamic::from(convert::names(m.method))
    };
    map.insert("method".into(), method);
    let divergences: i64 = m.divergences.iter().map(|d| *d as i64).sum();
    map.insert("divergences".into(), divergences.into());
    map
}

/// Options of `mean`: generate's, but for those of a whole dataset.
fn mean_options(ctx: &NativeCallContext, map: &Map) -> Native<GenerateOptions> {
    match ["points", "out"].iter().find(|key| map.contains_key(**key)) {
        Some(key) => Err(raise(ctx, Error::name(format!("option '{key}' belongs to generate; mean takes one eta or a batch")))),
        None => convert::options(ctx, "mean", map),
    }
}

/// Options of `sample`; `draws` counts the kept points of each chain, as in Stan and BlackJAX.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SampleOptions {
    method: String,
    draws: usize,
    warmup: usize,
    chains: usize,
    step_size: f64,
    integration_steps: usize,
    adapt: bool,
    target_accept: f64,
    seed: u64,
}

impl Default for SampleOptions {
    fn default() -> Self {
        let h = HmcOptions::default();
        SampleOptions {
            method: "hmc".into(),
            draws: 1000,
            warmup: h.warmup,
            chains: 4,
            step_size: h.step_size,
            integration_steps: h.integration_steps,
            adapt: h.adapt,
            target_accept: h.target_accept,
            seed: 0,
        }
    }
}

fn draw(ctx: &NativeCallContext, family: &Shared, eta: &Dynamic, map: &Map) -> Native<Chains> {
    let (map, outside) = split_outside(map);
    let o: SampleOptions = convert::options(ctx, "sample", &map)?;
    if o.method != "hmc" {
        return Err(raise(ctx, unknown("method of sample", &o.method, &["hmc"])));
    }
    let (data, n, _) = etas(family, eta, outside).at(ctx)?;
    if n != 1 {
        return Err(raise(
            ctx,
            Error::shape(format!("sample takes one eta, got a batch of {n}")).hint("mean(eta) takes batches"),
        ));
    }
    let hmc = HmcOptions {
        samples: o.draws.saturating_mul(o.chains),
        warmup: o.warmup,
        chains: o.chains,
        step_size: o.step_size,
        integration_steps: o.integration_steps,
        adapt: o.adapt,
        target_accept: o.target_accept,
        seed: o.seed,
    };
    sample::sample(family, &data, &hmc).at(ctx)
}

/// Evaluate `f(points, n, eta)` on one point or a batch with one eta or a batch of as many.
fn pointwise(
    family: &Family,
    x: &Dynamic,
    eta: &Dynamic,
    width: usize,
    f: impl Fn(&[f64], usize, &[f64]) -> Result<Vec<f64>>,
) -> Result<Dynamic> {
    let (d, k) = (family.support().dim(), family.dim());
    let (x, n, one_x) = rows(x, d, "x")?;
    let (eta, m, one_eta) = rows(eta, k, "eta")?;
    let data = match (n, m) {
        (_, 1) => f(&x, n, &eta)?,
        (1, _) => eta.chunks(k).map(|e| f(&x, 1, e)).collect::<Result<Vec<_>>>()?.concat(),
        (n, m) if n == m => x.chunks(d).zip(eta.chunks(k)).map(|(x, e)| f(x, 1, e)).collect::<Result<Vec<_>>>()?.concat(),
        _ => return Err(Error::shape(format!("{n} points and {m} etas: equal numbers, or one of either, are needed"))),
    };
    let single = one_x && one_eta;
    Ok(if width == 0 { column(data, single) } else { shaped(data, width, single) })
}

pub(super) fn register(engine: &mut Engine, host: &Host) {
    engine.register_type_with_name::<Shared>("Family");
    let h = host.clone();
    engine.register_fn("family", move |ctx: NativeCallContext, map: Map| family(&ctx, &h, &map));
    engine.register_fn("to_string", |f: &mut Shared| text(f));
    engine.register_fn("to_debug", |f: &mut Shared| text(f));
    engine.register_get("name", |f: &mut Shared| f.name().to_string());
    engine.register_get("dim", |f: &mut Shared| f.dim() as i64);
    engine.register_get("x_shape", |f: &mut Shared| {
        f.support().shape().iter().map(|s| Dynamic::from(*s as i64)).collect::<Array>()
    });
    engine.register_get("stat_names", |f: &mut Shared| convert::names(f.stat_names()));
    engine.register_get("formula", |f: &mut Shared| f.formula());
    engine.register_fn("stats", |ctx: NativeCallContext, f: &mut Shared, x: Dynamic| {
        rows(&x, f.support().dim(), "x")
            .and_then(|(x, n, single)| Ok(shaped(f.statistics_at(&x, n)?, f.dim(), single)))
            .at(&ctx)
    });
    engine.register_fn("log_density", |ctx: NativeCallContext, f: &mut Shared, x: Dynamic, eta: Dynamic| {
        pointwise(f, &x, &eta, 0, |x, n, eta| f.log_density_at(x, n, eta)).at(&ctx)
    });
    engine.register_fn("grad_log_density", |ctx: NativeCallContext, f: &mut Shared, x: Dynamic, eta: Dynamic| {
        pointwise(f, &x, &eta, f.support().dim(), |x, n, eta| f.grad_log_density_at(x, n, eta)).at(&ctx)
    });
    let draw_eta = |ctx: &NativeCallContext, f: &Shared, n: i64, map: &Map| -> Native<Tensor> {
        #[derive(Default, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        struct DrawOptions {
            seed: u64,
        }
        let options: DrawOptions = convert::options(ctx, "draw_eta", map)?;
        count(n, "n").and_then(|n| f.draw_eta(n, options.seed)).map(|eta| Tensor::matrix(f.dim(), eta)).at(ctx)
    };
    engine.register_fn("draw_eta", move |ctx: NativeCallContext, f: &mut Shared, n: i64| draw_eta(&ctx, f, n, &Map::new()));
    engine.register_fn("draw_eta", move |ctx: NativeCallContext, f: &mut Shared, n: i64, map: Map| draw_eta(&ctx, f, n, &map));
    let h = host.clone();
    engine
        .register_fn("mean", move |ctx: NativeCallContext, f: &mut Shared, eta: Dynamic| mean(&ctx, &h, f, &eta, &Map::new()));
    let h = host.clone();
    engine.register_fn("mean", move |ctx: NativeCallContext, f: &mut Shared, eta: Dynamic, map: Map| {
        mean(&ctx, &h, f, &eta, &map)
    });
    engine.register_fn("sample", |ctx: NativeCallContext, f: &mut Shared, eta: Dynamic| draw(&ctx, f, &eta, &Map::new()));
    engine.register_fn("sample", |ctx: NativeCallContext, f: &mut Shared, eta: Dynamic, map: Map| draw(&ctx, f, &eta, &map));
    register_chains(engine);
    register_named(engine);
}

fn register_chains(engine: &mut Engine) {
    engine.register_type_with_name::<Chains>("Chains");
    engine.register_get("draws", |c: &mut Chains| {
        Tensor::new(vec![c.chains, c.length, c.dim], c.draws.clone()).map_or(Dynamic::UNIT, Dynamic::from)
    });
    engine.register_get("rhat", |c: &mut Chains| Tensor::vector(c.rhat.clone()));
    engine.register_get("ess", |c: &mut Chains| Tensor::vector(c.ess.clone()));
    engine.register_get("mcse", |c: &mut Chains| Tensor::vector(c.mcse.clone()));
    engine.register_get("mu_T", |c: &mut Chains| Tensor::vector(c.mean.clone()));
    engine.register_get("sd", |c: &mut Chains| Tensor::vector(c.sd.clone()));
    engine.register_get("divergences", |c: &mut Chains| c.divergences as i64);
    engine.register_get("acceptance", |c: &mut Chains| c.acceptance);
    engine.register_fn("summary", |c: &mut Chains| c.summary());
    engine.register_fn("to_string", |c: &mut Chains| c.summary());
    engine.register_fn("to_debug", |c: &mut Chains| c.summary());
}

fn register_named(engine: &mut Engine) {
    let mut module = Module::new();
    for entry in named::LIST {
        let name = entry.name;
        let here = rhai::FuncRegistration::new(name);
        match entry.make {
            Make::Plain(make) => {
                here.set_into_module(&mut module, move |ctx: NativeCallContext| -> Native<Shared> {
                    make().map(Arc::new).at(&ctx)
                });
            }
            Make::Dimension(_) => {
                here.set_into_module(&mut module, move |ctx: NativeCallContext, d: i64| -> Native<Shared> {
                    count(d, "d").and_then(|d| named::named(name, d)).map(Arc::new).at(&ctx)
                });
            }
            Make::Bounds(make) => {
                here.set_into_module(
                    &mut module,
                    move |ctx: NativeCallContext, lower: Dynamic, upper: Dynamic| -> Native<Shared> {
                        let ends = |v: &Dynamic, what: &str| convert::tensor(v, what).map(|t| t.data().to_vec());
                        let made = ends(&lower, "lower").and_then(|l| ends(&upper, "upper").and_then(|u| make(&l, &u)));
                        made.map(Arc::new).at(&ctx)
                    },
                );
            }
        }
    }
    rhai::FuncRegistration::new("list").set_into_module(&mut module, || convert::names(named::LIST.iter().map(|n| n.name)));
    engine.register_static_module("ef", module.into());
}

fn text(f: &Family) -> String {
    let region = f.region().map_or_else(String::new, |r| format!("\n  eta in {}", r.describe()));
    format!("family '{}' on {}, {} statistics\n  {}{region}", f.name(), f.support(), f.dim(), f.formula().replace('\n', "\n  "))
}

pub(super) fn describe(value: &Dynamic) -> Option<Map> {
    if let Some(f) = value.clone().try_cast::<Shared>() {
        let region: Dynamic = f.region().map_or(Dynamic::UNIT, |r| r.describe().into());
        return Some(Map::from([
            ("name".into(), f.name().into()),
            ("support".into(), f.support().to_string().into()),
            ("dim".into(), (f.dim() as i64).into()),
            ("stat_names".into(), convert::names(f.stat_names()).into()),
            ("formula".into(), f.formula().into()),
            ("eta".into(), region),
        ]));
    }
    let c = value.clone().try_cast::<Chains>()?;
    Some(Map::from([
        ("stat_names".into(), convert::names(c.stat_names.clone()).into()),
        ("mu_T".into(), Dynamic::from(Tensor::vector(c.mean.clone()))),
        ("sd".into(), Dynamic::from(Tensor::vector(c.sd.clone()))),
        ("mcse".into(), Dynamic::from(Tensor::vector(c.mcse.clone()))),
        ("ess".into(), Dynamic::from(Tensor::vector(c.ess.clone()))),
        ("rhat".into(), Dynamic::from(Tensor::vector(c.rhat.clone()))),
        ("divergences".into(), (c.divergences as i64).into()),
        ("acceptance".into(), c.acceptance.into()),
    ]))
}

pub(super) const DOCS: &[Entry] = &[
    Entry {
        name: "family",
        signature: "family(#{ name:, x:, stats: |x| #{...}, base: |x| ..., eta: #{...} })",
        doc: "An exponential family p(x|eta) ~ exp(eta . T(x) + base(x)) from the closure that gives T(x).\nThe closure runs once on traced values. x is a support: real(n), positive(n), interval(a, b, n). eta gives the region to learn over, one [low, high] a statistic, or negative_definite(low, high) for a square matrix. Statistics are laid out in byte order of their names.\nGives .dim .stat_names .formula .stats(x) .log_density(x, eta) .grad_log_density(x, eta) .draw_eta(n, #{seed}) .mean(eta, #{...}) .sample(eta, #{...}) .generate(#{...}).",
        example: "let f = family(#{ x: real(1), stats: |x| #{ x: x[0], x4: x[0]**4 }, eta: #{ x: [-1, 1], x4: [-2, -0.5] } }); f.mean([0.5, -1]).mu_T",
    },
    Entry {
        name: "ef",
        signature: "ef::gaussian(), ef::mvn(d), ef::gamma(), ...; ef::list()",
        doc: "Named families with closed forms for mu_T, the log-normaliser and the covariance.",
        example: "ef::gaussian().mean([1, -0.5]).mu_T",
    },
    Entry {
        name: "mean",
        signature: "family.mean(eta, #{ method: \"auto\", ... })",
        doc: "Moments of T at one eta or a batch [n, k]: #{mu_T, cov_TT, log_normalizer, mcse, ess, rhat, method}.\nmethod: \"auto\" (closed form, else quadrature for up to two coordinates, else hmc), \"closed_form\", \"quadrature\", \"hmc\"; takes the sampling options of generate, and outside: true for an eta outside the family's region.",
        example: "ef::gamma().mean([[1, -1], [2, -0.5]]).mu_T",
    },
    Entry {
        name: "sample",
        signature: "family.sample(eta, #{ draws: 1000, chains: 4, seed: 0, method: \"hmc\" })",
        doc: "Draws at one eta by adapted, jittered HMC, `draws` from each chain: Chains with .draws [chains, draws, d] .rhat .ess .mcse .divergences .summary().\nadapt: false with step_size and integration_steps gives plain HMC.",
        example: "ef::gaussian().sample([0, -0.5], #{draws: 400, seed: 1}).rhat",
    },
];
