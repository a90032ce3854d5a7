//! Variational inference: coordinate ascent over two factors.

use super::Entry;
use super::families::Shared;
use crate::error::{Error, Result, unknown};
use crate::family::ExpectationMap;
use crate::infer::{Cavi, CaviOptions, Certificate, Factor, cavi};
use crate::plot::Figure;
use crate::sample::{FamilyMap, LabelOptions};
use crate::script::convert;
use crate::script::fault::{AtCall, Native, raise};
use crate::script::host::Host;
use crate::script::tensor::Tensor;
use crate::train::TrainedNet;
use rhai::{Array, Dynamic, Engine, Map, NativeCallContext};
use std::sync::Arc;

const FACTORS: [&str; 7] = ["x", "y", "coupling", "prior_x", "prior_y", "eta_x", "eta_y"];

/// The factor that a network or a family stands for.
fn factor(value: &Dynamic, name: &str) -> Result<Factor> {
    let of_family = |f: &Shared| -> Arc<dyn ExpectationMap> { Arc::new(FamilyMap::new(f.clone(), LabelOptions::default())) };
    if let Some(f) = value.clone().try_cast::<Shared>() {
        return Ok(Factor::new(of_family(&f)));
    }
    let Some(net) = value.clone().try_cast::<TrainedNet>() else {
        return Err(Error::name(format!("{name} must be a trained network or a family, got {}", convert::type_name(value))));
    };
    let exact = net.family().map(of_family);
    let factor = Factor::new(Arc::new(net));
    Ok(match exact {
        Some(exact) => factor.with_exact(exact),
        None => factor,
    })
}

fn run(map: &Map, host: &Host) -> Result<Cavi> {
    let mut rest = map.clone();
    let mut take = |key: &str| rest.remove(key);
    let need = |v: Option<Dynamic>, key: &str| {
        v.ok_or_else(|| Error::name(format!("cavi needs '{key}'")).hint("cavi(#{ x: net, y: family, coupling: [[...]] })"))
    };
    let mut x = factor(&need(take("x"), "x")?, "x")?;
    let mut y = factor(&need(take("y"), "y")?, "y")?;
    let coupling = convert::tensor(&need(take("coupling"), "coupling")?, "coupling")?;
    let expected = [x.dim(), y.dim()];
    if coupling.shape() != expected {
        return Err(Error::shape(format!(
            "coupling has shape {:?}, expected {expected:?}: statistics of x by statistics of y",
            coupling.shape()
        )));
    }
    for key in ["prior_x", "prior_y", "eta_x", "eta_y"] {
        let Some(value) = take(key) else { continue };
        let f = if key.ends_with('x') { &mut x } else { &mut y };
        let v = convert::tensor(&value, key)?;
        if v.shape() != [f.dim()] && !(v.shape().is_empty() && f.dim() == 1) {
            return Err(Error::shape(format!("{key} has shape {:?}, expected [{}]", v.shape(), f.dim())));
        }
        *f = if key.starts_with("prior") { f.clone().with_prior(v.data()) } else { f.clone().with_start(v.data()) };
    }
    let known = ["max_iter", "tol", "accelerate", "polish"];
    if let Some(key) = rest.keys().find(|k| !known.contains(&k.as_str())) {
        return Err(unknown("option of cavi", key, &[&FACTORS[..], &known[..]].concat()));
    }
    let options: CaviOptions = crate::num::options::parse_options("cavi", &convert::object(&rest))?;
    cavi(x, y, coupling.data(), &options, &host.monitor())
}

fn optional(x: Option<f64>) -> Dynamic {
    x.map_or(Dynamic::UNIT, Dynamic::from)
}

pub(super) fn register(engine: &mut Engine, host: &Host) {
    engine.register_type_with_name::<Cavi>("Cavi");
    let h = host.clone();
    engine.register_fn("cavi", move |ctx: NativeCallContext, map: Map| -> Native<Cavi> {
        let result = run(&map, &h).map_err(|e| raise(&ctx, e))?;
        if result.interrupted {
            h.frontend().err("cavi interrupted: the result so far is kept");
            if h.frontend().interactive() {
                h.reset();
            }
        }
        Ok(result)
    });
    let vector = |v: &[f64]| Tensor::vector(v.to_vec());
    engine.register_get("eta_x", move |c: &mut Cavi| vector(&c.eta_x));
    engine.register_get("eta_y", move |c: &mut Cavi| vector(&c.eta_y));
    engine.register_get("mu_x", move |c: &mut Cavi| vector(&c.mu_x));
    engine.register_get("mu_y", move |c: &mut Cavi| vector(&c.mu_y));
    engine.register_get("elbo", |c: &mut Cavi| optional(c.elbo));
    engine.register_get("iterations", |c: &mut Cavi| c.iterations as i64);
    engine.register_get("converged", |c: &mut Cavi| c.converged);
    engine.register_get("condition", |c: &mut Cavi| optional(c.condition));
    engine.register_get("inside", |c: &mut Cavi| c.inside);
    engine.register_get("trace", |c: &mut Cavi| trace(c));
    engine.register_get("new_rows", |c: &mut Cavi| {
        let row = |r: &crate::infer::NewRow| {
            Dynamic::from(Map::from([
                ("factor".into(), r.factor.into()),
                ("eta".into(), Dynamic::from(Tensor::vector(r.eta.clone()))),
                ("mu_T".into(), Dynamic::from(Tensor::vector(r.mu_t.clone()))),
                ("method".into(), r.method.into()),
            ]))
        };
        c.new_rows.iter().map(row).collect::<Array>()
    });
    engine.register_fn("certify", |ctx: NativeCallContext, c: &mut Cavi| -> Native<Map> {
        c.certify().map(|c| certificate(&c)).at(&ctx)
    });
    engine.register_fn("summary", |c: &mut Cavi| c.summary());
    engine.register_fn("to_string", |c: &mut Cavi| c.summary());
    engine.register_fn("to_debug", |c: &mut Cavi| c.summary());
}

fn trace(c: &Cavi) -> Map {
    let column = |f: &dyn Fn(&crate::infer::Step) -> f64| Dynamic::from(Tensor::vector(c.trace.iter().map(f).collect()));
    Map::from([
        ("iteration".into(), column(&|s| s.iteration as f64)),
        ("elbo".into(), column(&|s| s.elbo.unwrap_or(f64::NAN))),
        ("change".into(), column(&|s| s.change)),
        ("inside".into(), c.trace.iter().map(|s| Dynamic::from(s.inside)).collect::<Array>().into()),
    ])
}

fn certificate(c: &Certificate) -> Map {
    Map::from([
        ("mu_x".into(), Dynamic::from(Tensor::vector(c.mu_x.clone()))),
        ("mu_y".into(), Dynamic::from(Tensor::vector(c.mu_y.clone()))),
        ("error_sd".into(), c.error_sd.into()),
        ("residual_sd".into(), c.residual_sd.into()),
        ("distance_sd".into(), optional(c.distance_sd)),
        ("elbo".into(), optional(c.elbo)),
        ("condition".into(), optional(c.condition)),
        ("methods".into(), convert::names(c.methods).into()),
    ])
}

pub(super) fn figure(value: &Dynamic) -> Option<Figure> {
    value.clone().try_cast::<Cavi>().map(|c| c.plot())
}

pub(super) fn describe(value: &Dynamic) -> Option<Map> {
    let c = value.clone().try_cast::<Cavi>()?;
    Some(Map::from([
        ("eta_x".into(), Dynamic::from(Tensor::vector(c.eta_x.clone()))),
        ("eta_y".into(), Dynamic::from(Tensor::vector(c.eta_y.clone()))),
        ("mu_x".into(), Dynamic::from(Tensor::vector(c.mu_x.clone()))),
        ("mu_y".into(), Dynamic::from(Tensor::vector(c.mu_y.clone()))),
        ("elbo".into(), optional(c.elbo)),
        ("iterations".into(), (c.iterations as i64).into()),
        ("converged".into(), c.converged.into()),
        ("condition".into(), optional(c.condition)),
        ("inside".into(), c.inside.into()),
    ]))
}

pub(super) const DOCS: &[Entry] = &[Entry {
    name: "cavi",
    signature: "cavi(#{ x: net, y: family, coupling: [[...]], prior_x: [...], prior_y: [...], eta_x: [...], eta_y: [...], max_iter: 100, tol: 1e-6, accelerate: true, polish: 0 })",
    doc: "Coordinate ascent for log p(x, y) = T(x)' A S(y) + prior_x . T(x) + prior_y . S(y), x updated first. x and y are trained networks or families (exact or sampled moments), or a mix.\nGives .eta_x .eta_y .mu_x .mu_y .elbo .trace .iterations .converged .condition .inside .new_rows .certify() .summary() .plot(). Where an iterate leaves what a network knows, exact moments of its family take over, and the result says so.",
    example: "let g = ef::gaussian(); cavi(#{ x: g, y: g, coupling: [[0.5, 0], [0, 0]], prior_x: [1, -1], prior_y: [0, -1] }).mu_x",
}];
