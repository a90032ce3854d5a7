//! Training networks and using them.

use super::Entry;
use crate::data::Dataset;
use crate::error::Error;
use crate::nn::MODELS;
use crate::sample::exact;
use crate::script::convert::{self, column, dynamic, rows, shaped};
use crate::script::fault::{AtCall, Native, raise};
use crate::script::host::Host;
use crate::script::tensor::Tensor;
use crate::train::{TrainOptions, TrainedNet, train};
use rhai::{Dynamic, Engine, Map, NativeCallContext};
use std::path::Path;

pub(super) fn register(engine: &mut Engine, host: &Host) {
    engine.register_type_with_name::<TrainedNet>("Net");
    let fit = |ctx: &NativeCallContext, host: &Host, data: &Dataset, map: &Map| -> Native<TrainedNet> {
        let options = TrainOptions::from_map(&convert::object(map)).at(ctx)?;
        let truth = data.family().and_then(exact);
        let truth = truth.as_ref().map(|t| t as &dyn crate::family::ExpectationMap);
        let net = train(data, &options, truth, &host.monitor()).at(ctx)?;
        if net.interrupted() {
            host.frontend().err("training interrupted: the network as trained so far is kept");
            if host.frontend().interactive() {
                host.reset();
            }
        }
        Ok(net)
    };
    let h = host.clone();
    engine.register_fn("train", move |ctx: NativeCallContext, data: Dataset| fit(&ctx, &h, &data, &Map::new()));
    let h = host.clone();
    engine.register_fn("train", move |ctx: NativeCallContext, data: Dataset, map: Map| fit(&ctx, &h, &data, &map));
    engine.register_fn("load_net", |ctx: NativeCallContext, path: &str| TrainedNet::load(Path::new(path)).at(&ctx));
    engine.register_fn("models", || convert::names(MODELS.iter().map(|m| m.name)));
    engine.register_fn("save", |ctx: NativeCallContext, net: &mut TrainedNet, path: &str| net.save(Path::new(path)).at(&ctx));
    let k = |net: &TrainedNet| net.stat_names().len();
    engine.register_fn("mean", move |ctx: NativeCallContext, net: &mut TrainedNet, eta: Dynamic| {
        rows(&eta, k(net), "eta").and_then(|(eta, _, single)| Ok(shaped(net.mean(&eta)?, k(net), single))).at(&ctx)
    });
    engine.register_fn("jacobian", move |ctx: NativeCallContext, net: &mut TrainedNet, eta: Dynamic| {
        let k = k(net);
        rows(&eta, k, "eta")
            .and_then(|(eta, n, single)| Tensor::new(if single { vec![k, k] } else { vec![n, k, k] }, net.jacobian(&eta)?))
            .at(&ctx)
    });
    engine.register_fn("log_normalizer", move |ctx: NativeCallContext, net: &mut TrainedNet, eta: Dynamic| {
        rows(&eta, k(net), "eta").and_then(|(eta, _, single)| Ok(column(net.log_normalizer(&eta)?, single))).at(&ctx)
    });
    engine.register_get("test", |ctx: NativeCallContext, net: &mut TrainedNet| -> Native<Dynamic> {
        net.metrics().map(dynamic).ok_or_else(|| raise(&ctx, Error::file("this network was loaded without its metrics")))
    });
    engine.register_get("history", |net: &mut TrainedNet| history(net));
    engine.register_get("params", |net: &mut TrainedNet| net.params() as i64);
    engine.register_get("model", |net: &mut TrainedNet| net.model().to_string());
    engine.register_get("stat_names", |net: &mut TrainedNet| convert::names(net.stat_names().to_vec()));
    engine.register_fn("describe", |net: &mut TrainedNet| net.describe());
    engine.register_fn("to_string", |net: &mut TrainedNet| net.describe());
    engine.register_fn("to_debug", |net: &mut TrainedNet| net.describe());
}

fn history(net: &TrainedNet) -> Map {
    let h = net.history();
    let vector = |v: &[f64]| Dynamic::from(Tensor::vector(v.to_vec()));
    Map::from([
        ("epoch".into(), Dynamic::from(Tensor::vector(h.epoch.iter().map(|e| *e as f64).collect()))),
        ("train_loss".into(), vector(&h.train_loss)),
        ("val_loss".into(), vector(&h.val_loss)),
        ("learning_rate".into(), vector(&h.learning_rate)),
    ])
}

pub(super) fn describe(value: &Dynamic) -> Option<Map> {
    let net = value.clone().try_cast::<TrainedNet>()?;
    Some(Map::from([
        ("model".into(), net.model().into()),
        ("params".into(), (net.params() as i64).into()),
        ("stat_names".into(), convert::names(net.stat_names().to_vec()).into()),
        ("best_epoch".into(), (net.best_epoch() as i64).into()),
        ("interrupted".into(), net.interrupted().into()),
        ("test".into(), net.metrics().map_or(Dynamic::UNIT, dynamic)),
    ]))
}

pub(super) const DOCS: &[Entry] = &[
    Entry {
        name: "train",
        signature: "train(data, #{ model: \"mlp_et\", epochs: 400, dropout_epochs: 300, learning_rate: 1e-3, weight_decay: 1e-4, batch_size: 256, eval_steps: 10, loss_type: \"mse\", seed: 0, split_seed: 101, output_dir: \"artifacts/run1\" })",
        doc: "A network eta -> mu_T fitted to labelled data: AdamW, cosine schedule, best-validation weights.\nGives .mean(eta) .jacobian(eta) .log_normalizer(eta) (where the model has them) .model .test .history .params .describe() .plot() .save(dir). net.test has mse, rel_mse, rmse_sd, truth_rmse_sd (against exact moments) and label_noise_sd. model may be a map: #{ name: \"mlp_et\", hidden: [64, 64, 64], dropout: 0.1 }. With output_dir the run is written there.",
        example: "let d = ef::gaussian().generate(#{points: 40}); train(d, #{epochs: 2}).params",
    },
    Entry {
        name: "load_net",
        signature: "load_net(\"artifacts/run1\")",
        doc: "A network from a run directory.",
        example: "train(ef::gaussian().generate(#{points: 40}), #{epochs: 2, output_dir: \"help.run\"}); load_net(\"help.run\").params",
    },
    Entry { name: "models", signature: "models()", doc: "Names of the models that train knows.", example: "models()" },
];
