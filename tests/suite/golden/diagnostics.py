"""Golden numbers for the diagnostics of chains, by ArviZ and by R's posterior.

Run:   python diagnostics.py BLOCKER_1.csv BLOCKER_2.csv [OUT.json]     (numpy, scipy, arviz 0.23)
Makes: diagnostics.json = {"about", "cases": [...], "published": [...]}
  cases:     {name, chains, draws, phi, shift, spread, shape, flaw, values}: draws by the generator below, values by ArviZ
  published: {name, chains [2][1000], values}: two parameters of the model "blocker" of Stan's test files
             src/test/unit/mcmc/test_csv_files (github.com/stan-dev/stan, BSD-3), values by posterior 0.1.2 in R 4.0.2, from
             reference_posterior.csv in the tests of ArviZ (github.com/arviz-devs/arviz, Apache-2.0)
NaN is null.  One chain has no R-hat in ArviZ: null here, although R's posterior and we give that of its halves.

The generator, with the same roundings in any language: x <- 1664525 x + 1013904223 mod 2^32 from x = 12345 + 977 chain,
u = (x + 0.5) / 2^32, y <- phi y + (u - 0.5) from y = 0, v = (1 + spread chain) y + shift chain, then by shape: "plain" v,
"heavy" v v v, "levels" floor(4 v).  Flaws: "constant" 1.5 everywhere, "nan" and "inf" at draw 1 of chain 0.
"""
import csv, json, math, sys, warnings
warnings.simplefilter("ignore")
import arviz as az, numpy as np


def generate(chains, draws, phi, shift, spread, shape, flaw):
    out = np.empty((chains, draws))
    for c in range(chains):
        x, y = 12345 + 977 * c, 0.0
        for i in range(draws):
            x = (1664525 * x + 1013904223) % 2**32
            y = phi * y + ((x + 0.5) / 2.0**32 - 0.5)
            v = (1.0 + spread * c) * y + shift * c
            out[c, i] = {"plain": v, "heavy": v * v * v, "levels": math.floor(4.0 * v)}[shape]
    if flaw == "constant":
        out[:] = 1.5
    elif flaw:
        out[0, 1] = float(flaw)
    return out


def values(a):
    ess = lambda method, **k: az.ess(a, method=method, **k)
    mcse = lambda method, **k: az.mcse(a, method=method, **k)
    return {
        "rhat_rank": az.rhat(a, method="rank"), "rhat_split": az.rhat(a, method="split"),
        "ess_mean": ess("mean"), "ess_bulk": ess("bulk"), "ess_tail": ess("tail"),
        "ess_quantile10": ess("quantile", prob=0.1), "ess_quantile30": ess("quantile", prob=0.3),
        "mcse_mean": mcse("mean"), "mcse_sd": mcse("sd"),
        "mcse_quantile10": mcse("quantile", prob=0.1), "mcse_quantile50": mcse("quantile", prob=0.5),
    }


CASES = [  # name, chains, draws, phi, shift, spread, shape, flaw
    ("independent", 4, 250, 0.0, 0.0, 0.0, "plain", ""),
    ("autocorrelated", 4, 250, 0.5, 0.0, 0.0, "plain", ""),
    ("slow", 4, 400, 0.97, 0.0, 0.0, "plain", ""),
    ("antithetic", 4, 250, -0.7, 0.0, 0.0, "plain", ""),
    ("very antithetic", 2, 300, -0.95, 0.0, 0.0, "plain", ""),
    ("odd length", 3, 101, 0.3, 0.0, 0.0, "plain", ""),
    ("other locations", 4, 200, 0.3, 0.2, 0.0, "plain", ""),
    ("other scales", 4, 200, 0.3, 0.0, 0.5, "plain", ""),
    ("odd, other scales", 5, 77, 0.2, 0.0, 0.5, "plain", ""),
    ("heavy tails", 4, 250, 0.6, 0.0, 0.0, "heavy", ""),
    ("few levels", 4, 250, 0.4, 0.0, 0.0, "levels", ""),
    ("sixteen short chains", 16, 30, 0.6, 0.0, 0.0, "plain", ""),
    ("one chain", 1, 200, 0.5, 0.0, 0.0, "plain", ""),
    ("eight draws", 2, 8, 0.1, 0.0, 0.0, "plain", ""),
    ("seven draws", 2, 7, 0.1, 0.0, 0.0, "plain", ""),
    ("five draws", 3, 5, 0.1, 0.0, 0.0, "plain", ""),
    ("four draws", 2, 4, 0.1, 0.0, 0.0, "plain", ""),
    ("three draws", 2, 3, 0.1, 0.0, 0.0, "plain", ""),
    ("constant", 4, 50, 0.0, 0.0, 0.0, "plain", "constant"),
    ("a NaN", 4, 50, 0.0, 0.0, 0.0, "plain", "nan"),
    ("an infinity", 4, 50, 0.0, 0.0, 0.0, "plain", "inf"),
]

POSTERIOR = {  # columns of reference_posterior.csv
    "sigmasq_delta": {
        "rhat_rank": 1.01090196780102, "ess_bulk": 73.249623982678, "ess_tail": 48.5806371372426,
        "ess_mean": 134.497570910906, "ess_quantile10": 63.6980562732759, "ess_quantile30": 98.6290985074029,
        "mcse_mean": 0.00114848510125919, "mcse_sd": 0.0010201024173082,
        "mcse_quantile50": 0.00095392, "mcse_quantile10": 0.00044662},
    "mu.1": {
        "rhat_rank": 1.00731450966132, "ess_bulk": 1231.30913527034, "ess_tail": 1119.63456276453,
        "ess_mean": 1189.5912192317, "ess_quantile10": 465.95223908163, "ess_quantile30": 635.768730056618,
        "mcse_mean": 0.0125124382036462, "mcse_sd": 0.0162666049948541,
        "mcse_quantile50": 0.022465, "mcse_quantile10": 0.0285949999999999},
}


def column(path, name):
    with open(path) as f:
        rows = list(csv.DictReader(line for line in f if not line.startswith("#")))
    return [float(r[name]) for r in rows]


def main():
    one, two, *rest = sys.argv[1:]
    keys = ["name", "chains", "draws", "phi", "shift", "spread", "shape", "flaw"]
    clean = lambda v: {k: None if math.isnan(x) else float(x) for k, x in v.items()}
    cases = [dict(zip(keys, c), values=clean(values(generate(*c[1:])))) for c in CASES]
    published = [{"name": n, "chains": [column(p, n) for p in (one, two)], "values": v} for n, v in POSTERIOR.items()]
    about = "made by diagnostics.py: ArviZ %s, numpy %s; posterior 0.1.2" % (az.__version__, np.__version__)
    with open(rest[0] if rest else "diagnostics.json", "w") as f:
        f.write('{"about": %s,\n"cases": [\n%s],\n"published": [\n%s]}\n' % (
            json.dumps(about), ",\n".join(map(json.dumps, cases)), ",\n".join(map(json.dumps, published))))


main()
