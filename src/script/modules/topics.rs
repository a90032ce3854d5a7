//! Help on what is no function of its own: single options, values, and the parts of a dataset.

use super::Entry;

/// Entry of an option.
const fn option(name: &'static str, signature: &'static str, doc: &'static str, example: &'static str) -> Entry {
    Entry { name, signature, doc, example }
}

pub(super) const DOCS: &[Entry] = &[
    option(
        "where",
        "family(#{ ..., where: |x| x[0]*x[0] + x[1]*x[1] < 1.0 })",
        "Option of family: a condition on x; the density is zero where it fails.\nThe closure is traced: it gives one condition; join several with and(a, b), or(a, b), not(a). Quadrature splits at its boundary, samplers reject, nothing is clipped.",
        "family(#{ x: real(2), stats: |x| #{ q: x*x }, where: |x| x[0]*x[0] + x[1]*x[1] < 1.0 }).log_density([2, 0], [0, 0])",
    ),
    option(
        "eta_map",
        "family(#{ ..., eta: #{ m: [-2, 2], sd: [0.5, 2] }, eta_map: |p| #{ x: p.m / p.sd**2, x2: -0.5 / p.sd**2 } })",
        "Option of family: the region of eta by parameters of your own. eta gives their ranges, the closure gives the eta of each statistic.\nThe closure is traced; it gives one entry a statistic, of as many numbers as the statistic has.",
        "family(#{ x: real(1), stats: |x| #{ x: x[0], x2: x[0]*x[0] }, eta: #{ m: [-2, 2], sd: [0.5, 2] }, eta_map: |p| #{ x: p.m / p.sd**2, x2: -0.5 / p.sd**2 } }).draw_eta(3, #{seed: 1})",
    ),
    option(
        "base",
        "family(#{ ..., base: |x| -log(x[0]) })",
        "Option of family: the log base measure, one number; 0 where it is left out.\nThe density is exp(eta . T(x) + base(x)), up to its normaliser.",
        "family(#{ x: positive(1), stats: |x| #{ x: x[0] }, base: |x| log(x[0]) }).mean([-1]).mu_T",
    ),
    option(
        "outside",
        "family.mean(eta, #{ outside: true })",
        "Option of mean, log_normalizer and sample: go on for an eta outside the region of the family, at your own risk.\nNamed families take every eta of their natural space without it.",
        "family(#{ x: real(1), stats: |x| #{ x: x[0], x2: x[0]*x[0] }, eta: #{ x: [-1, 1], x2: [-2, -1] } }).mean([3, -1], #{outside: true}).mu_T",
    ),
    option(
        "method",
        "family.generate(#{ method: \"auto\" }), family.mean(eta, #{ method: \"hmc\" }), family.sample(eta, #{ method: nuts() })",
        "Option of generate, mean and sample: how moments or draws are made. A name, or a configured sampler such as hmc(#{step_size: 0.1}).\nMoments: \"auto\" (closed form, else quadrature where up to three coordinates hang together, else importance sampling while its weights are healthy, else smc, else hmc), \"closed_form\", \"quadrature\", \"importance\", \"smc\", \"hmc\", \"nuts\". Draws: \"hmc\", \"nuts\", \"exact\". Options that a method does not take are refused by name.",
        "ef::gamma().mean([1, -1], #{method: \"quadrature\"}).mu_T",
    ),
    option(
        "points",
        "family.generate(#{ points: 1000 })",
        "Option of generate: how many rows; grid.num_points in a YAML job.",
        "ef::gaussian().generate(#{points: 5}).len",
    ),
    option(
        "design",
        "family.generate(#{ design: \"sobol\" }), family.draw_eta(n, #{ design: \"sobol\" })",
        "Option of generate and draw_eta: how eta are spread over the region. \"reference\" draws independently, log-uniform where a range has one sign; \"uniform\" uniformly in every range; \"sobol\" as reference, but evenly; \"eigen\" evenly in the eigenvalues of matrices.",
        "ef::gaussian().draw_eta(4, #{design: \"sobol\", seed: 1})",
    ),
    option(
        "samples",
        "family.mean(eta, #{ method: \"hmc\", samples: 2000 })",
        "Option of hmc, nuts and importance: kept draws, or weighed points, of a row, over all of its chains or replicates.\nAt least 8 a chain; importance rounds up to a power of two a replicate. smc has particles instead. num_samples in a YAML job.",
        "ef::gaussian().mean([0, -1], #{method: \"hmc\", samples: 400}).ess",
    ),
    option(
        "draws",
        "family.sample(eta, #{ draws: 1000, chains: 4 })",
        "Option of sample: kept points of each chain; samples would count those of all chains.",
        "ef::gaussian().sample([0, -1], #{draws: 100, chains: 2}).draws.shape",
    ),
    option(
        "warmup",
        "family.mean(eta, #{ method: \"hmc\", warmup: 100 })",
        "Option of hmc and nuts: iterations of each chain before its kept draws, in which the sampler adapts.\nAt least 20 where hmc adapts. num_warmup in a YAML job.",
        "ef::gaussian().mean([0, -1], #{method: \"hmc\", warmup: 50, samples: 400}).rhat",
    ),
    option(
        "chains",
        "family.mean(eta, #{ method: \"hmc\", chains: 16 }), family.sample(eta, #{ chains: 4 })",
        "Option of hmc and nuts: independent chains of a row, from which errors and R-hat come.\n16 unless said otherwise, 4 for sample; 1 to 4096. num_chains in a YAML job.",
        "ef::gaussian().mean([0, -1], #{method: \"hmc\", chains: 8, samples: 400}).mcse",
    ),
    option(
        "step_size",
        "family.mean(eta, #{ method: \"hmc\", step_size: 0.1 })",
        "Option of hmc and nuts: the step of the leapfrog integrator; where adaptation starts, or with adapt: false the fixed one.",
        "ef::gaussian().mean([0, -1], #{method: \"hmc\", adapt: false, step_size: 0.2, samples: 400}).mu_T",
    ),
    option(
        "integration_steps",
        "family.mean(eta, #{ method: \"hmc\", integration_steps: 10 })",
        "Option of hmc: leapfrogs of a trajectory; the most that adaptation takes, or with adapt: false the fixed number.\nnum_integration_steps in a YAML job.",
        "ef::gaussian().mean([0, -1], #{method: \"hmc\", integration_steps: 6, samples: 400}).mu_T",
    ),
    option(
        "adapt",
        "family.mean(eta, #{ method: \"hmc\", adapt: false })",
        "Option of hmc: whether step size, mass and trajectory adapt during warm-up.\nadapt: false is the plain sampler of the textbooks: fixed step and number of leapfrogs, unit mass, no jitter.",
        "ef::gaussian().mean([0, -1], #{method: \"hmc\", adapt: false, samples: 400}).mu_T",
    ),
    option(
        "target_accept",
        "family.mean(eta, #{ method: \"nuts\", target_accept: 0.8 })",
        "Option of hmc and nuts: the mean acceptance that adaptation of the step size aims at, between 0 and 1.",
        "ef::gaussian().mean([0, -1], #{method: \"hmc\", target_accept: 0.9, samples: 400}).mu_T",
    ),
    option(
        "control_variates",
        "family.mean(eta, #{ method: \"hmc\", control_variates: true })",
        "Option of hmc, importance and smc: regress functions of known mean zero out of the sampled means, which makes their errors smaller.\nIt acts on means, not on draws; hmc needs at least 8 chains for it.",
        "ef::gaussian().mean([0, -1], #{method: \"hmc\", control_variates: false, samples: 400}).mcse",
    ),
    option(
        "target_mcse",
        "family.mean(eta, #{ method: \"hmc\", target_mcse: 0.01 })",
        "Option of hmc: the standard error of every mean, in standard deviations of its statistic, at which sampling stops.\nsamples are drawn first, then as many again and again, up to 64 times as many; a row that does not get there fails its gate. With method: \"auto\" rows of other methods that are less precise go on to hmc.",
        "ef::gaussian().mean([0, -1], #{method: \"hmc\", samples: 400, target_mcse: 0.05}).mcse",
    ),
    option(
        "max_depth",
        "family.mean(eta, #{ method: \"nuts\", max_depth: 10 })",
        "Option of nuts: doublings of a trajectory at most, which then has 2^max_depth - 1 leapfrogs; 1 to 20.",
        "ef::gaussian().mean([0, -1], #{method: \"nuts\", max_depth: 6, samples: 400}).mu_T",
    ),
    option(
        "replicates",
        "family.mean(eta, #{ method: \"importance\", replicates: 16 })",
        "Option of importance: independent scramblings of its points, from whose scatter the errors come; 4 to 1024.",
        "ef::mvn(2).mean([0, 0, -1, 0, 0, -1], #{method: \"importance\", replicates: 8}).mcse",
    ),
    option(
        "particles",
        "family.mean(eta, #{ method: \"smc\", particles: 1024 })",
        "Option of smc: particles of a row, over all populations; at least 16 a population.",
        "ef::mvn(2).mean([0, 0, -1, 0, 0, -1], #{method: \"smc\", particles: 256}).mu_T",
    ),
    option(
        "populations",
        "family.mean(eta, #{ method: \"smc\", populations: 16 })",
        "Option of smc: independent populations of particles, from whose scatter the errors come; 4 to 1024.",
        "ef::mvn(2).mean([0, 0, -1, 0, 0, -1], #{method: \"smc\", particles: 256, populations: 8}).mcse",
    ),
    option(
        "tol",
        "family.mean(eta, #{ method: \"quadrature\", tol: 1e-11 })",
        "Option of quadrature: the change of mu between two resolutions, in standard deviations, at which refinement stops.",
        "ef::gaussian().mean([0, -1], #{method: \"quadrature\", tol: 1e-6}).mu_T",
    ),
    option(
        "seed",
        "family.generate(#{ seed: 42 })",
        "Option of all random work: the same seed gives the same bytes, whatever the number of threads. optim.seed in a YAML job.",
        "ef::gaussian().draw_eta(2, #{seed: 42})",
    ),
    option(
        "out",
        "family.generate(#{ out: \"data/bumpy.safetensors\" })",
        "Option of generate: the file to write, .safetensors or .npz. Finished rows are kept in OUT.part until it is whole.\nBeside it lie NAME.rows.safetensors (what is known of each row) and, where rows were left out, NAME.quarantine.json.",
        "ef::gaussian().generate(#{points: 5, out: \"help.out.npz\"}).len",
    ),
    option(
        "resume",
        "family.generate(#{ out: \"d.safetensors\", resume: true })",
        "Option of generate: go on with finished rows of the same job in OUT.part, or read the finished file; false starts anew and writes over it.\nFiles are checked against their checksums when they are resumed. --force of nnef generate is resume: false.",
        "ef::gaussian().generate(#{points: 5, out: \"help.out.npz\", resume: false}).len",
    ),
    option(
        "batch_size",
        "family.generate(#{ batch_size: 32 }), train(data, #{ batch_size: 256 })",
        "Option of generate: rows of a chunk, which is what each thread loses when a run is killed; the bytes do not depend on it. Option of train: rows of a step.",
        "ef::gaussian().generate(#{points: 40, batch_size: 64}).len",
    ),
    option(
        "parallel_strategy",
        "family.generate(#{ parallel_strategy: \"pmap\" })",
        "Option of generate: what works side by side. \"sequential\" is one row after the other, \"vmap\" many in the lanes of one thread, \"pmap\" lanes and all threads.\nThe bytes are the same.",
        "ef::gaussian().generate(#{points: 40, parallel_strategy: \"vmap\"}).len",
    ),
    option(
        "shard",
        "family.generate(#{ out: \"d.safetensors\", shard: [2, 8] }); nnef generate --shard 2/8",
        "Option of generate: make only the i-th of N parts, into NAME.shard-i-of-N; nnef merge joins the parts.",
        "ef::gaussian().generate(#{points: 64, out: \"help.parts.npz\", shard: [1, 2]}).len",
    ),
    option(
        "merge",
        "nnef merge OUT SHARD...",
        "Command: join the shards of a dataset into OUT: the bytes of one run, row notes and list of left out rows included.\nEvery shard is given once, in any order: nnef merge d.safetensors d.shard-*-of-4.safetensors. --force writes over a file of another job.",
        "ef::gaussian().generate(#{points: 64, shard: [2, 2]}).len",
    ),
    option(
        "Chains",
        "let c = family.sample(eta, #{ draws: 1000 })",
        "Chains, what sample gives: draws at one eta, chain by chain, with their diagnostics.\n.draws [chains, draws, d] .statistics [chains, draws, k] .mu_T .sd .mcse .ess .ess_bulk .ess_tail .rhat (of each statistic) .method .gate .divergences .divergent .acceptance .step_size .tree_depth .gradients .summary() .plot() .plot(#{kind: \"rank\"}).",
        "let c = ef::gaussian().sample([0, -0.5], #{draws: 200, seed: 1}); print(c.summary()); c.rhat",
    ),
    option(
        "Dataset",
        "let data = family.generate(#{ points: 1000 }); let data = load_data(\"d.npz\")",
        "A Dataset, labelled rows: what generate and load_data give.\n.eta [n, k] .mu_T [n, k] .cov_TT [n, k, k] .ess [n] .len .dim .stat_names .summary() .split(#{seed: 101}) .append(rows) .plot() .save(\"d.npz\").",
        "let data = ef::gaussian().generate(#{points: 20}); data.mu_T.shape",
    ),
    option(
        "data.eta",
        "data.eta",
        "The natural parameters of a dataset, [n, k]; statistics in the order of data.stat_names.",
        "ef::gaussian().generate(#{points: 3}).eta",
    ),
    option(
        "data.mu_T",
        "data.mu_T",
        "The labels of a dataset: the mean of each statistic, [n, k].",
        "ef::gaussian().generate(#{points: 3}).mu_T",
    ),
    option(
        "data.cov_TT",
        "data.cov_TT",
        "The covariance matrices of the statistics of a dataset, [n, k, k].",
        "ef::gaussian().generate(#{points: 3}).cov_TT.shape",
    ),
    option(
        "data.ess",
        "data.ess",
        "The effective sample size of each row of a dataset, [n]: 1 / sqrt(ess) is its label noise in standard deviations; 1e24 for a closed form.",
        "ef::gaussian().generate(#{points: 3}).ess",
    ),
    option("data.len", "data.len", "The number of rows of a dataset.", "ef::gaussian().generate(#{points: 3}).len"),
    option("data.dim", "data.dim", "The number of statistics of a dataset.", "ef::gaussian().generate(#{points: 3}).dim"),
    option(
        "data.stat_names",
        "data.stat_names",
        "The names of the flattened statistics of a dataset, in the order of their columns.",
        "ef::mvn(2).generate(#{points: 3}).stat_names",
    ),
    option(
        "data.summary",
        "data.summary()",
        "A table of a dataset: range of eta, mean and sd of mu_T and label noise of each statistic; methods, worst R-hat, rows that were left out.",
        "print(ef::gaussian().generate(#{points: 20}).summary())",
    ),
    option(
        "data.save",
        "data.save(\"d.safetensors\"), data.save(\"d.npz\")",
        "Write a dataset: the arrays eta, mu_T, cov_TT, ess; what is known of each row goes into NAME.rows.safetensors beside it.\nnumpy.load reads the .npz file.",
        "let data = ef::gaussian().generate(#{points: 5}); data.save(\"help.safetensors\"); load_data(\"help.safetensors\").len",
    ),
    option(
        "data.plot",
        "data.plot(), plot(data)",
        "A figure of a dataset, where eta lie in the region, how noisy the labels are, and R-hat of rows by chains.\nfig.save(\"a.svg\") writes it.",
        "ef::gaussian().generate(#{points: 20}).plot()",
    ),
];
