//! Draws of a family at one eta: `sample` and what it gives.

use super::Entry;
use super::families::{Shared, etas, split_outside, warn_gates};
use super::samplers::{Kind, merged};
use crate::error::{Error, Result, unknown};
use crate::plot::{self, Figure};
use crate::sample::Chains;
use crate::script::convert;
use crate::script::fault::{AtCall, Native};
use crate::script::host::Host;
use crate::script::tensor::Tensor;
use rhai::{Dynamic, Engine, Map, NativeCallContext};

/// Chains, and draws of each, unless said otherwise: as in Stan and BlackJAX.
const CHAINS: i64 = 4;
const DRAWS: i64 = 1000;

/// Options of [`draw`] beside those of the method.
const OURS: [&str; 3] = ["draws", "method", "outside"];

/// Draw from `family` at one eta by the method that `map` names.
pub(super) fn draw(ctx: &NativeCallContext, host: &Host, family: &Shared, eta: &Dynamic, map: &Map) -> Native<Chains> {
    let (map, outside) = split_outside(&merged(map)).at(ctx)?;
    let (kind, options) = prepare(family, map).at(ctx)?;
    let (data, n, _) = etas(family, eta, outside).at(ctx)?;
    if n != 1 {
        let error = Error::shape(format!("sample takes one eta, got a batch of {n}"));
        return Err(error.hint("mean(eta) takes batches")).at(ctx);
    }
    match kind.draws {
        Some(draws) => {
            let chains = draws(family, &data, &convert::object(&options), &host.monitor()).at(ctx)?;
            warn_gates(host, &[chains.conduct.gate]);
            Ok(chains)
        }
        None => Err(Error::name(format!("{} gives no draws", kind.name))).at(ctx),
    }
}

/// The method of `map`, and the options for it.
fn prepare(family: &Shared, mut map: Map) -> Result<(&'static Kind, Map)> {
    let fitting = if family.support().bijector().discrete() { "exact" } else { "hmc" };
    let kind = match map.get("method") {
        None => Kind::drawing(fitting)?,
        Some(m) => Kind::drawing(&m.clone().into_string().map_err(|_| {
            Error::name(format!("method is {}: a name or a sampler is needed", convert::type_name(m)))
                .hint("method: \"nuts\", or nuts(#{...})")
        })?)?,
    };
    kind.check_keys(&map, &OURS)?;
    if map.get("target_mcse").is_some_and(|t| !t.is_unit()) {
        return Err(Error::name("target_mcse stops at an error of means; sample gives as many draws as it is asked for")
            .hint("family.mean(eta, #{method: \"hmc\", target_mcse: 0.01})"));
    }
    map.remove("method");
    let draws = map.remove("draws");
    let chains = map.entry("chains".into()).or_insert_with(|| CHAINS.into()).as_int().unwrap_or(CHAINS);
    match (draws, map.contains_key("samples")) {
        (Some(_), true) => {
            return Err(Error::name("draws and samples are both given").hint("draws counts each chain, samples all of them"));
        }
        (Some(draws), false) => {
            let draws = draws.as_int().ok().filter(|d| *d > 0);
            let draws =
                draws.ok_or_else(|| Error::domain("draws must be a positive whole number: the kept points of each chain"))?;
            map.insert("samples".into(), draws.saturating_mul(chains).into());
        }
        (None, false) => {
            map.insert("samples".into(), DRAWS.saturating_mul(chains).into());
        }
        (None, true) => {}
    }
    Ok((kind, map))
}

/// Traces or ranks of the statistics, as `kind:` says.
pub(super) fn figure(chains: &Chains, map: &Map) -> Result<Figure> {
    if let Some(key) = map.keys().find(|k| k.as_str() != "kind") {
        return Err(unknown("option of plot for chains", key, &["kind"]));
    }
    let series: Vec<&[f64]> = (0..chains.stat_names.len()).filter_map(|i| chains.statistic(i)).collect();
    match map.get("kind").map(|k| k.to_string()).as_deref() {
        None | Some("trace") => Ok(plot::traces(&chains.stat_names, &series, chains.chains)),
        Some("rank") => Ok(plot::ranks(&chains.stat_names, &series, chains.chains)),
        Some(other) => Err(unknown("kind of plot for chains", other, &["trace", "rank"])),
    }
}

fn tensor(shape: Vec<usize>, data: &[f64]) -> Dynamic {
    Tensor::new(shape, data.to_vec()).map_or(Dynamic::UNIT, Dynamic::from)
}

fn vector(values: &[f64]) -> Dynamic {
    Dynamic::from(Tensor::vector(values.to_vec()))
}

pub(super) fn register(engine: &mut Engine, host: &Host) {
    engine.register_type_with_name::<Chains>("Chains");
    let h = host.clone();
    engine.register_fn("sample", move |ctx: NativeCallContext, f: &mut Shared, eta: Dynamic| {
        draw(&ctx, &h, f, &eta, &Map::new())
    });
    let h = host.clone();
    engine.register_fn("sample", move |ctx: NativeCallContext, f: &mut Shared, eta: Dynamic, map: Map| {
        draw(&ctx, &h, f, &eta, &map)
    });
    engine.register_get("draws", |c: &mut Chains| tensor(vec![c.chains, c.length, c.dim], &c.draws));
    engine.register_get("statistics", |c: &mut Chains| tensor(vec![c.chains, c.length, c.mean.len()], &c.statistics()));
    engine.register_get("mu_T", |c: &mut Chains| vector(&c.mean));
    engine.register_get("sd", |c: &mut Chains| vector(&c.sd));
    engine.register_get("mcse", |c: &mut Chains| vector(&c.mcse));
    engine.register_get("ess", |c: &mut Chains| vector(&c.ess));
    engine.register_get("ess_bulk", |c: &mut Chains| vector(&c.ess_bulk));
    engine.register_get("ess_tail", |c: &mut Chains| vector(&c.ess_tail));
    engine.register_get("rhat", |c: &mut Chains| vector(&c.rhat));
    engine.register_get("method", |c: &mut Chains| c.method);
    engine.register_get("gate", |c: &mut Chains| c.conduct.gate);
    engine.register_get("divergences", |c: &mut Chains| c.conduct.divergences as i64);
    engine.register_get("divergent", |c: &mut Chains| {
        tensor(vec![c.conduct.divergent.len() / c.dim.max(1), c.dim], &c.conduct.divergent)
    });
    engine.register_get("acceptance", |c: &mut Chains| c.conduct.acceptance);
    engine.register_get("step_size", |c: &mut Chains| c.conduct.step_size);
    engine.register_get("tree_depth", |c: &mut Chains| c.conduct.tree_depth);
    engine.register_get("gradients", |c: &mut Chains| c.conduct.gradients as i64);
    engine.register_fn("summary", |c: &mut Chains| c.summary());
    engine.register_fn("to_string", |c: &mut Chains| c.summary());
    engine.register_fn("to_debug", |c: &mut Chains| c.summary());
}

pub(super) fn describe(value: &Dynamic) -> Option<Map> {
    let c = value.clone().try_cast::<Chains>()?;
    Some(Map::from([
        ("method".into(), c.method.into()),
        ("chains".into(), (c.chains as i64).into()),
        ("length".into(), (c.length as i64).into()),
        ("stat_names".into(), convert::names(c.stat_names.clone()).into()),
        ("mu_T".into(), vector(&c.mean)),
        ("sd".into(), vector(&c.sd)),
        ("mcse".into(), vector(&c.mcse)),
        ("ess".into(), vector(&c.ess)),
        ("ess_bulk".into(), vector(&c.ess_bulk)),
        ("ess_tail".into(), vector(&c.ess_tail)),
        ("rhat".into(), vector(&c.rhat)),
        ("gate".into(), c.conduct.gate.into()),
        ("divergences".into(), (c.conduct.divergences as i64).into()),
        ("acceptance".into(), c.conduct.acceptance.into()),
        ("gradients".into(), (c.conduct.gradients as i64).into()),
    ]))
}

pub(super) const DOCS: &[Entry] = &[Entry {
    name: "sample",
    signature: "family.sample(eta, #{ draws: 1000, chains: 4, seed: 0, method: \"hmc\" })",
    doc: "Draws at one eta, `draws` from each chain: Chains with .draws [chains, draws, d] .statistics [chains, draws, k] .mu_T .sd .mcse .ess .ess_bulk .ess_tail .rhat (of each statistic) .divergences .divergent (points [n, d] from which trajectories went wrong) .gate (the test of their quality that the draws failed, \"\" where none; a warning says so too) .acceptance .step_size .tree_depth .gradients .summary() .plot() .plot(#{kind: \"rank\"}).\nmethod: \"hmc\" (adapted and jittered; adapt: false with step_size and integration_steps gives plain HMC), \"nuts\", \"exact\" (named families, and single whole numbers, for which it is the default), or a configured sampler such as nuts(#{max_depth: 8}); the other options are those of the method, and outside: true for an eta outside the family's region. ess is that of the mean; ess_bulk, ess_tail and rhat are rank-normalised (Vehtari et al. 2021).",
    example: "ef::gaussian().sample([0, -0.5], #{draws: 400, seed: 1}).rhat",
}];
