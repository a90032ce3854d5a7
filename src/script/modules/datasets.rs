//! Datasets: generating, splitting, files.

use super::Entry;
use super::families::Shared;
use super::samplers::merged;
use crate::config;
use crate::data::{Dataset, GenerateOptions, RHAT_GATE, Split, generate};
use crate::script::convert;
use crate::script::family_of_script;
use crate::script::fault::{AtCall, Native};
use crate::script::host::Host;
use crate::script::tensor::Tensor;
use rhai::{Dynamic, Engine, Map, NativeCallContext};
use serde::{Deserialize, Serialize};
use std::path::Path;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SplitOptions {
    seed: u64,
}

impl Default for SplitOptions {
    fn default() -> Self {
        SplitOptions { seed: 101 }
    }
}

/// Say which rows are missing or did not converge.
fn warn(host: &Host, data: &Dataset) {
    if let Some(text) = data.warning() {
        host.frontend().err(&format!("warning: {text}"));
    }
    if let Some(notes) = data.notes() {
        let apart = |row: usize| Some(notes.rhat[row]).filter(|r| r.is_nan() || *r > RHAT_GATE);
        super::families::warn(host, notes.rhat.len(), |row| apart(row).map(|r| format!("R-hat {r:.2}")));
    }
}

pub(super) fn register(engine: &mut Engine, host: &Host) {
    engine.register_type_with_name::<Dataset>("Dataset");
    engine.register_type_with_name::<Split>("Split");
    let make = |ctx: &NativeCallContext, host: &Host, f: &Shared, map: &Map| -> Native<Dataset> {
        let options: GenerateOptions = convert::options(ctx, "generate", &merged(map))?;
        generate(f, &options, &host.monitor()).inspect(|data| warn(host, data)).at(ctx)
    };
    let h = host.clone();
    engine.register_fn("generate", move |ctx: NativeCallContext, f: &mut Shared| make(&ctx, &h, f, &Map::new()));
    let h = host.clone();
    engine.register_fn("generate", move |ctx: NativeCallContext, f: &mut Shared, map: Map| make(&ctx, &h, f, &map));
    let h = host.clone();
    engine.register_fn("generate", move |ctx: NativeCallContext, path: &str| -> Native<Dataset> {
        let resolve = |script: &Path| family_of_script(&h, script);
        let made = config::DataJob::load(Path::new(path)).and_then(|job| job.run(&resolve, &h.monitor()));
        made.inspect(|data| warn(&h, data)).at(&ctx)
    });
    engine.register_fn("load_data", |ctx: NativeCallContext, path: &str| Dataset::load(path).at(&ctx));
    engine.register_fn("save", |ctx: NativeCallContext, d: &mut Dataset, path: &str| d.save(path).at(&ctx));
    let split = |ctx: &NativeCallContext, d: &Dataset, map: &Map| -> Native<Split> {
        let options: SplitOptions = convert::options(ctx, "split", map)?;
        d.split(options.seed).at(ctx)
    };
    engine.register_fn("split", move |ctx: NativeCallContext, d: &mut Dataset| split(&ctx, d, &Map::new()));
    engine.register_fn("split", move |ctx: NativeCallContext, d: &mut Dataset, map: Map| split(&ctx, d, &map));
    engine.register_get("train", |s: &mut Split| s.train.clone());
    engine.register_get("val", |s: &mut Split| s.val.clone());
    engine.register_get("test", |s: &mut Split| s.test.clone());
    engine.register_get("eta", |d: &mut Dataset| Tensor::matrix(d.dim(), d.eta().to_vec()));
    engine.register_get("mu_T", |d: &mut Dataset| Tensor::matrix(d.dim(), d.mu_t().to_vec()));
    engine.register_get("cov_TT", |d: &mut Dataset| {
        Tensor::new(vec![d.len(), d.dim(), d.dim()], d.cov_tt().to_vec()).map_or(Dynamic::UNIT, Dynamic::from)
    });
    engine.register_get("ess", |d: &mut Dataset| Tensor::vector(d.ess().to_vec()));
    engine.register_get("len", |d: &mut Dataset| d.len() as i64);
    engine.register_get("dim", |d: &mut Dataset| d.dim() as i64);
    engine.register_get("stat_names", |d: &mut Dataset| convert::names(d.stat_names()));
    engine.register_fn("summary", |d: &mut Dataset| d.summary());
    engine.register_fn("to_string", |d: &mut Dataset| d.summary());
    engine.register_fn("to_debug", |d: &mut Dataset| d.summary());
    engine.register_fn("to_string", |s: &mut Split| {
        format!("split: train {}, val {}, test {} rows", s.train.len(), s.val.len(), s.test.len())
    });
}

pub(super) fn describe(value: &Dynamic) -> Option<Map> {
    let d = value.clone().try_cast::<Dataset>()?;
    Some(Map::from([
        ("len".into(), (d.len() as i64).into()),
        ("dim".into(), (d.dim() as i64).into()),
        ("stat_names".into(), convert::names(d.stat_names()).into()),
        ("provenance".into(), convert::dynamic(d.provenance())),
    ]))
}

pub(super) const DOCS: &[Entry] = &[
    Entry {
        name: "generate",
        signature: "family.generate(#{ points: 1000, method: \"auto\", samples: 2000, warmup: 100, chains: 16, step_size: 0.1, integration_steps: 10, adapt: true, target_accept: 0.8, control_variates: true, target_mcse: 0.01, max_depth: 10, replicates: 16, tol: 1e-11, seed: 0, design: \"reference\", out: \"d.safetensors\", resume: true, batch_size: 32, parallel_strategy: \"pmap\", shard: [i, N] }); generate(\"job.yaml\")",
        doc: "Labelled rows for eta drawn from the family's region: a Dataset with .eta .mu_T .cov_TT .ess .len .dim .summary() .split(#{seed}) .save(path) .plot().\nsamples counts kept draws over all chains of a row. method takes the names that mean takes, or a configured sampler such as hmc(#{step_size: 0.1, adapt: false}); max_depth belongs to nuts, replicates to importance, tol to quadrature. The same seed gives the same bytes, whatever the number of threads. Every row notes how it was made and its standard errors.\nWith out, finished rows are kept in OUT.part: a run that was stopped or killed goes on there, to the same bytes; a finished file of the same job is read; resume: false starts anew. shard: [i, N] makes the i-th of N parts, which `nnef merge` joins. Rows that fail a test of their quality are left out and listed in NAME.quarantine.json.",
        example: "ef::gaussian().generate(#{points: 20, seed: 1}).len",
    },
    Entry {
        name: "load_data",
        signature: "load_data(\"d.npz\")",
        doc: "A Dataset from a .safetensors or .npz file with the arrays eta, mu_T, cov_TT, ess.",
        example: "load_data",
    },
    Entry {
        name: "split",
        signature: "data.split(#{seed: 101})",
        doc: "80-10-10 parts .train .val .test by one seeded permutation.",
        example: "ef::gaussian().generate(#{points: 20}).split().test.len",
    },
];
