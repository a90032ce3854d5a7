//! Families: supports, tracing T(x), named families, moments and draws.

use super::Entry;
use super::definition::family;
use super::samplers::merged;
use super::supports::count;
use crate::data::GenerateOptions;
use crate::error::{Error, Result, unknown};
use crate::family::named::Make;
use crate::family::{Design, Family, Moments, named};
use crate::sample::{check_rows, label_part, log_normalizers};
use crate::script::convert::{self, column, rows, shaped};
use crate::script::fault::{AtCall, Native, raise};
use crate::script::host::Host;
use crate::script::tensor::Tensor;
use rhai::{Array, Dynamic, Engine, Map, Module, NativeCallContext};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A family as scripts hold it.
pub(super) type Shared = Arc<Family>;

/// Take `outside` out of an options map.
pub(super) fn split_outside(map: &Map) -> Result<(Map, bool)> {
    let mut rest = map.clone();
    let outside = match rest.remove("outside") {
        None => false,
        Some(v) => v.as_bool().map_err(|kind| Error::domain(format!("outside must be true or false, got {kind}")))?,
    };
    Ok((rest, outside))
}

/// Eta of one row or a batch, inside the region of a traced family unless `outside`. Named families take every eta of their
/// natural space: their regions say only where eta are drawn.
pub(super) fn etas(family: &Family, eta: &Dynamic, outside: bool) -> Result<(Vec<f64>, usize, bool)> {
    let (data, n, single) =
        rows(eta, family.dim(), &format!("eta of the family '{}' ({})", family.name(), family.stat_names().join(", ")))?;
    check_rows(family, &data)?;
    if let Some(region) = family.bound().filter(|_| !outside) {
        for (i, row) in data.chunks(family.dim()).enumerate() {
            let hint = "widen `eta:` of the family, or pass #{outside: true} to go on at your own risk";
            region.check(row).map_err(|e| if single { e.hint(hint) } else { e.hint(hint).in_row(i) })?;
        }
    }
    Ok((data, n, single))
}

pub(super) fn mean(ctx: &NativeCallContext, host: &Host, family: &Shared, eta: &Dynamic, map: &Map) -> Native<Map> {
    let (map, outside) = split_outside(&merged(map)).at(ctx)?;
    let options = mean_options(ctx, &map)?;
    let (data, _, single) = etas(family, eta, outside).at(ctx)?;
    let labels = options.labels();
    let found = label_part(family, &data, 0, &labels, &host.monitor());
    let found = found.map_err(|e| if single { e } else { with_others(e) }).at(ctx)?;
    warn_gates(host, &found.gate);
    Ok(moments_map(found, family.dim(), single))
}

/// The error of a row of a batch with what to do about the others.
fn with_others(error: Error) -> Error {
    if !error.message().starts_with("row ") {
        return error;
    }
    let hint = error.hint_text().map_or(String::new(), |h| format!("{h}; "));
    error.hint(format!("{hint}for the others leave the row out of the batch; generate(...) leaves such rows out by itself"))
}

fn log_normalizer(ctx: &NativeCallContext, host: &Host, family: &Shared, eta: &Dynamic, map: &Map) -> Native<Dynamic> {
    let (map, outside) = split_outside(&merged(map)).at(ctx)?;
    let options = mean_options(ctx, &map)?;
    let (data, _, single) = etas(family, eta, outside).at(ctx)?;
    Ok(column(log_normalizers(family, &data, &options.labels(), &host.monitor()).at(ctx)?, single))
}

/// Say which rows failed the gate of their method.
pub(super) fn warn_gates(host: &Host, gates: &[&str]) {
    warn(host, gates.len(), |row| Some(gates[row]).filter(|g| !g.is_empty()).map(str::to_string));
}

/// Say which of `rows` rows cannot be trusted; `failing` says why, of a row that cannot.
pub(super) fn warn(host: &Host, rows: usize, failing: impl Fn(usize) -> Option<String>) {
    let failed: Vec<(usize, String)> = (0..rows).filter_map(|row| failing(row).map(|why| (row, why))).collect();
    if let [(first, why), ..] = &failed[..] {
        let text = format!(
            "warning: {} of {rows} rows failed a gate (row {first}: {why}); their means and errors are not to be trusted; more \
             samples or warmup, another method, or another eta region may help",
            failed.len()
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
    if let Some(errors) = m.log_normalizer_error {
        map.insert("log_normalizer_error".into(), column(errors, single));
    }
    let method = if single {
        m.method.first().map_or(Dynamic::UNIT, |s| Dynamic::from(s.to_string()))
    } else {
        Dynamic::from(convert::names(m.method))
    };
    map.insert("method".into(), method);
    let gate = if single {
        m.gate.first().map_or(Dynamic::UNIT, |s| Dynamic::from(s.to_string()))
    } else {
        Dynamic::from(convert::names(m.gate))
    };
    map.insert("gate".into(), gate);
    let divergences: i64 = m.divergences.iter().map(|d| *d as i64).sum();
    map.insert("divergences".into(), divergences.into());
    map
}

/// Refuse options in `map` that its method does not take.
pub(super) fn check_given(options: &GenerateOptions, map: &Map) -> Result<()> {
    let given = map.iter().filter(|(_, value)| !value.is_unit());
    given.map(|(key, _)| key.as_str()).try_for_each(|key| GenerateOptions::check_given(options.method, key, key))
}

/// Options of `mean`: generate's, but for those of a whole dataset.
fn mean_options(ctx: &NativeCallContext, map: &Map) -> Native<GenerateOptions> {
    const DATASET: [&str; 7] = ["points", "design", "out", "resume", "batch_size", "parallel_strategy", "shard"];
    if let Some(key) = DATASET.iter().find(|key| map.contains_key(**key)) {
        return Err(raise(ctx, Error::name(format!("option '{key}' belongs to generate; mean takes one eta or a batch"))));
    }
    let all = convert::keys::<GenerateOptions>();
    let valid: Vec<&str> = all.iter().map(String::as_str).filter(|k| !DATASET.contains(k)).chain(["outside"]).collect();
    if let Some(key) = map.keys().find(|key| !valid.contains(&key.as_str())) {
        return Err(raise(ctx, unknown("option of mean", key, &valid)));
    }
    let options: GenerateOptions = convert::options(ctx, "mean", map)?;
    check_given(&options, map).at(ctx)?;
    options.check().at(ctx)?;
    Ok(options)
}

/// One point or a batch, [n, d], of the family's support: flat, in the shape that the closure sees, or as a map of the parts of
/// a product. The numbers, n, and whether it was a single point.
fn points(family: &Family, x: &Dynamic) -> Result<(Vec<f64>, usize, bool)> {
    let support = family.support();
    let (shape, d) = (support.shape(), support.dim());
    if let Some(map) = x.clone().try_cast::<Map>() {
        let names: Vec<&str> = support.parts().iter().map(|p| p.name.as_str()).collect();
        if let Some(key) = map.keys().find(|k| !names.contains(&k.as_str())) {
            return Err(unknown("part of the point", key, &names));
        }
        let part = |p: &crate::domain::Part| {
            let value = map.get(p.name.as_str()).ok_or_else(|| Error::name(format!("the point has no part '{}'", p.name)))?;
            let t = convert::tensor(value, &p.name)?;
            let size: usize = p.shape.iter().product();
            if t.data().len() == size {
                return Ok(t.data().to_vec());
            }
            Err(Error::shape(format!("part '{}' has {} numbers, expected {:?}", p.name, t.data().len(), p.shape)))
        };
        let all: Vec<Vec<f64>> = support.parts().iter().map(part).collect::<Result<_>>()?;
        return rows(&Dynamic::from(Tensor::vector(all.concat())), d, "x");
    }
    if shape.len() > 1 {
        let t = convert::tensor(x, "x")?;
        let flat = match t.shape() {
            found if found == shape => vec![d],
            [n, found @ ..] if found == shape => vec![*n, d],
            [n] | [_, n] if *n == d => t.shape().to_vec(),
            found => {
                let sizes = shape.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
                let text = format!("x has shape {found:?}, expected [{sizes}] or [n, {sizes}], or flat [{d}] or [n, {d}]");
                return Err(Error::shape(text));
            }
        };
        return rows(&Dynamic::from(Tensor::new(flat, t.data().to_vec())?), d, "x");
    }
    rows(x, d, "x")
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
    let (x, n, one_x) = points(family, x)?;
    let (eta, m, one_eta) = rows(eta, k, "eta")?;
    let data = match (n, m) {
        (_, 1) => f(&x, n, &eta)?,
        (n, m) if n == 1 || n == m => {
            let point = |i: usize| if n == 1 { &x[..] } else { &x[i * d..(i + 1) * d] };
            let row = |(i, eta): (usize, &[f64])| f(point(i), 1, eta).map_err(|e| e.in_row(i));
            eta.chunks(k).enumerate().map(row).collect::<Result<Vec<_>>>()?.concat()
        }
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
        points(f, &x).and_then(|(x, n, single)| Ok(shaped(f.statistics_at(&x, n)?, f.dim(), single))).at(&ctx)
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
            design: Design,
        }
        let options: DrawOptions = convert::options(ctx, "draw_eta", map)?;
        count(n, "n")
            .and_then(|n| f.draw_eta_by(n, options.seed, options.design))
            .map(|eta| Tensor::matrix(f.dim(), eta))
            .at(ctx)
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
    let h = host.clone();
    engine.register_fn("log_normalizer", move |ctx: NativeCallContext, f: &mut Shared, eta: Dynamic| {
        log_normalizer(&ctx, &h, f, &eta, &Map::new())
    });
    let h = host.clone();
    engine.register_fn("log_normalizer", move |ctx: NativeCallContext, f: &mut Shared, eta: Dynamic, map: Map| {
        log_normalizer(&ctx, &h, f, &eta, &map)
    });
    register_named(engine);
    super::definition::register(engine);
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
    None
}

pub(super) const DOCS: &[Entry] = &[
    Entry {
        name: "family",
        signature: "family(#{ name:, x:, stats: |x| #{...}, base: |x| ..., eta: #{...}, overcomplete: false })",
        doc: "An exponential family p(x|eta) ~ exp(eta . T(x) + base(x)) from the closure that gives T(x).\nThe closure runs once on traced values. x is a support: real(n), positive(n), interval(a, b, n), simplex(n), circle(n), sphere(n), integers(a, b), ordered(n), spd(n), product(#{...}); where: |x| condition restricts it further. eta gives the region to learn over, one [low, high] a statistic, or negative_definite(low, high) for a square matrix (mean and sample refuse an eta outside it, unless outside: true); with eta_map: |p| #{...} they are ranges of parameters p of your own, and the closure gives the eta of each statistic. overcomplete: true says that the statistics are linearly dependent on purpose, as all indicators of a category are: no warning, and check() skips its line on minimality. Statistics are laid out in byte order of their names.\nGives .name .dim .x_shape .stat_names .formula .stats(x) .log_density(x, eta) .grad_log_density(x, eta) .draw_eta(n, #{seed}) .mean(eta, #{...}) .sample(eta, #{...}) .generate(#{...}).",
        example: "let f = family(#{ x: real(1), stats: |x| #{ x: x[0], x4: x[0]**4 }, eta: #{ x: [-1, 1], x4: [-2, -0.5] } }); f.mean([0.5, -1]).mu_T",
    },
    Entry {
        name: "ef",
        signature: "ef::gaussian(), ef::mvn(d), ef::gamma(), ...; ef::list()",
        doc: "Named families with closed forms for mu_T, the log-normaliser and the covariance.\nThe closed forms are exact in the whole natural space, so mean and sample take every eta of it; the region of such a family only says where draw_eta and generate draw. help(\"ef::gamma\") explains one family. A new one is one file in src/family/named/ and one line in its LIST.",
        example: "ef::gaussian().mean([1, -0.5]).mu_T",
    },
    Entry {
        name: "stats",
        signature: "family.stats(x)",
        doc: "T(x), flat in the order of .stat_names, at one point or a batch [n, d]. A point of a product may be a map of its parts.",
        example: "ef::gaussian().stats([[0.5], [2]])",
    },
    Entry {
        name: "log_density",
        signature: "family.log_density(x, eta)",
        doc: "eta . T(x) + base(x), without the log-normaliser; minus infinity outside the support.\nx is one point or a batch [n, d], eta one or a batch of as many.",
        example: "ef::gaussian().log_density(2, [1, -0.5])",
    },
    Entry {
        name: "grad_log_density",
        signature: "family.grad_log_density(x, eta)",
        doc: "The gradient of log_density with respect to x, [d] or [n, d].",
        example: "ef::gaussian().grad_log_density(2, [1, -0.5])",
    },
    Entry {
        name: "draw_eta",
        signature: "family.draw_eta(n, #{ seed: 0, design: \"reference\" })",
        doc: "n natural parameters from the family's region, [n, k]; the same seed gives the same rows.\ndesign: \"reference\" (log-uniform in magnitude where a range has one sign), \"uniform\", \"sobol\" (evenly spread), \"eigen\" (even eigenvalues of matrices).",
        example: "ef::gamma().draw_eta(3, #{design: \"sobol\"})",
    },
    Entry {
        name: "mean",
        signature: "family.mean(eta, #{ method: \"auto\", ... })",
        doc: "Moments of T at one eta or a batch [n, k]: #{mu_T, cov_TT, log_normalizer, log_normalizer_error, mcse, ess, rhat, divergences, method, gate}; gate names the test of its quality that a row failed, \"\" where none; log_normalizer_error is the standard error of log_normalizer in nats, for quadrature its estimate, for closed forms 0, and chains have neither.\nmethod: \"auto\" (closed form, else quadrature where up to three coordinates hang together, else importance sampling while its weights are healthy, else smc, else hmc), \"closed_form\", \"quadrature\", \"importance\", \"smc\", \"hmc\", \"nuts\", or a configured sampler such as nuts(#{max_depth: 8}), whose options stand unless given beside it; takes the sampling options of generate, and outside: true for an eta outside the family's region.",
        example: "ef::gamma().mean([[1, -1], [2, -0.5]]).mu_T",
    },
    Entry {
        name: "log_normalizer",
        signature: "family.log_normalizer(eta, #{ method: \"auto\", ... })",
        doc: "A(eta), the log of the integral of exp(eta . T(x) + base(x)) over the support: a number, or [n] for a batch.\nmethod: \"auto\" (closed form, else quadrature, else importance sampling, else smc), or one of these; Markov chains give none. Takes the options of mean. A trained network has .log_normalizer(eta) where its model knows A.",
        example: "ef::gamma().log_normalizer([1, -1])",
    },
];
