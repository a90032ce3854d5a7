//! Datasets: generating, splitting, files.

use super::Entry;
use super::families::{Shared, check_given};
use super::samplers::merged;
use crate::config;
use crate::data::{Dataset, GenerateOptions, RHAT_GATE, Split, generate};
use crate::error::{Error, Result};
use crate::sample::{check_rows, label_part};
use crate::script::convert;
use crate::script::family_of_script;
use crate::script::fault::{AtCall, Native};
use crate::script::host::Host;
use crate::script::tensor::Tensor;
use rhai::{Array, Dynamic, Engine, Map, NativeCallContext};
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

/// Rows that inference gathered, maps with `eta`, labelled by the family of `data`: their own labels have no covariances.
fn gathered(host: &Host, data: &Dataset, rows: &Array) -> Result<Dataset> {
    let family = data.family().ok_or_else(|| {
        Error::name("the dataset does not know its family, which labels the rows")
            .hint("append to a dataset that generate made, or append a Dataset: family.generate(#{...})")
    })?;
    let k = family.dim();
    let of = |(i, row): (usize, &Dynamic)| {
        let what = format!("rows[{i}].eta");
        let map = row.clone().try_cast::<Map>();
        let eta = map.and_then(|m| m.get("eta").cloned()).ok_or_else(|| {
            Error::shape(format!("rows[{i}] is {}: a map with eta is needed", convert::type_name(row)))
                .hint("result.new_rows, or another Dataset")
        })?;
        convert::rows(&eta, k, &what).map(|(eta, ..)| eta)
    };
    let eta = rows.iter().enumerate().map(of).collect::<Result<Vec<_>>>()?.concat();
    if eta.is_empty() {
        return data.select(&[]);
    }
    check_rows(family, &eta)?;
    let labels = label_part(family, &eta, 0, &GenerateOptions::default().labels(), &host.monitor())?;
    let made = Dataset::labelled(family, eta, labels)?;
    if made.len() < rows.len() {
        let text = format!("warning: {} of {} rows failed a gate and are not appended", rows.len() - made.len(), rows.len());
        host.frontend().err(&text);
    }
    Ok(made)
}

pub(super) fn register(engine: &mut Engine, host: &Host) {
    engine.register_type_with_name::<Dataset>("Dataset");
    engine.register_type_with_name::<Split>("Split");
    let make = |ctx: &NativeCallContext, host: &Host, f: &Shared, map: &Map| -> Native<Dataset> {
        let map = merged(map);
        let options: GenerateOptions = convert::options(ctx, "generate", &map)?;
        check_given(&options, &map).at(ctx)?;
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
    engine.register_fn("append", |ctx: NativeCallContext, d: &mut Dataset, more: Dataset| d.append(&more).at(&ctx));
    let h = host.clone();
    engine.register_fn("append", move |ctx: NativeCallContext, d: &mut Dataset, rows: Array| {
        gathered(&h, d, &rows).and_then(|more| d.append(&more)).at(&ctx)
    });
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
        signature: "family.generate(#{ points: 1000, method: \"auto\", samples: 2000, warmup: 100, chains: 16, step_size: 0.1, integration_steps: 10, adapt: true, target_accept: 0.8, control_variates: true, target_mcse: 0.01, max_depth: 10, replicates: 16, particles: 1024, populations: 16, tol: 1e-11, seed: 0, design: \"reference\", out: \"d.safetensors\", resume: true, batch_size: 32, parallel_strategy: \"pmap\", shard: [i, N] }); generate(\"job.yaml\")",
        doc: "Labelled rows for eta drawn from the family's region: a Dataset with .eta .mu_T .cov_TT .ess .len .dim .summary() .split(#{seed}) .save(path) .plot().\nsamples counts kept draws over all chains of a row. method takes the names that mean takes, or a configured sampler such as hmc(#{step_size: 0.1, adapt: false}); help(\"chains\") and so on explain each option; one that the method does not take is refused by name. The same seed gives the same bytes, whatever the number of threads. Every row notes how it was made and its standard errors.\nWith out, finished rows are kept in OUT.part: a run that was stopped or killed goes on there, to the same bytes; a finished file of the same job is read; resume: false starts anew. shard: [i, N] makes the i-th of N parts, which `nnef merge` joins. Rows that cannot be labelled, or fail a test of their quality, are left out and listed in NAME.quarantine.json.",
        example: "ef::gaussian().generate(#{points: 20, seed: 1}).len",
    },
    Entry {
        name: "load_data",
        signature: "load_data(\"d.npz\")",
        doc: "A Dataset from a .safetensors or .npz file with the arrays eta, mu_T, cov_TT, ess; of this program or another, compressed or not, in float64 or float32.\nWhat is known of each row is read from NAME.rows.safetensors where that is there; damage is an error.",
        example: "ef::gaussian().generate(#{points: 20, out: \"help.npz\"}); load_data(\"help.npz\").len",
    },
    Entry {
        name: "append",
        signature: "data.append(rows)",
        doc: "A dataset with more rows at its end: those of another Dataset of the same statistics, or maps with eta such as the new_rows of cavi, which the family of data labels anew.\nRows of cavi say which factor they are of: r.new_rows.filter(|row| row.factor == \"x\").",
        example: "let d = ef::gaussian().generate(#{points: 20}); d.append([#{eta: [0.5, -1]}]).append(d).len",
    },
    Entry {
        name: "split",
        signature: "data.split(#{seed: 101})",
        doc: "80-10-10 parts .train .val .test by one seeded permutation.",
        example: "ef::gaussian().generate(#{points: 20}).split().test.len",
    },
];
