#!/usr/bin/env python3
"""Independent numbers for tests/suite/importance.rs.

usage: importance.py > importance.json     (numpy, scipy, arviz; run with arviz 0.23)
chain: moments of 10 coordinates with x_i, x_i x_(i+1), x_i^2, x_i^4 by transfer matrices on a trapezoidal grid; statistics
in name order: lin [10], pair [9], quad [10], quart [10].
psis: k-hat and smoothed log weights of arviz.psislw.
"""
import json
import numpy as np
from arviz import psislw

rng = np.random.default_rng(5)
D = 10


def chain(eta, n=201, reach=6.0):
    lin, pair, quad, quart = np.split(eta, [D, 2 * D - 1, 3 * D - 1])
    x = np.linspace(-reach, reach, n)
    site = [np.exp(lin[i] * x + quad[i] * x**2 + quart[i] * x**4) * (x[1] - x[0]) for i in range(D)]
    edge = [np.exp(pair[i] * np.outer(x, x)) for i in range(D - 1)]
    shift = 0.0
    forward, backward = [np.ones(n)], [np.ones(n)]
    for i in range(D - 1):
        f = edge[i].T @ (forward[-1] * site[i])
        shift += np.log(f.max())
        forward.append(f / f.max())
    for i in reversed(range(D - 1)):
        b = edge[i] @ (backward[-1] * site[i + 1])
        backward.append(b / b.max())
    backward.reverse()
    log_z = shift + np.log((forward[-1] * site[-1]).sum())
    mean, var = [], []
    for f in (lambda x: x, None, lambda x: x**2, lambda x: x**4):
        for i in range(D if f else D - 1):
            if f:
                p = forward[i] * site[i] * backward[i]
                t = f(x)
            else:
                p = np.outer(forward[i] * site[i], site[i + 1] * backward[i + 1]) * edge[i]
                t = np.outer(x, x)
            p = p / p.sum()
            m = (p * t).sum()
            mean.append(m)
            var.append((p * (t - m) ** 2).sum())
    return log_z, mean, np.sqrt(var)


rows = []
for _ in range(24):
    eta = np.round(np.concatenate([rng.uniform(-1, 1, D), rng.uniform(-1, 1, D - 1), rng.uniform(-2, 2, D), rng.uniform(-1, -0.3, D)]), 6)
    log_z, mean, sd = chain(eta)
    fine = chain(eta, 401, 7.0)
    assert abs(log_z - fine[0]) < 1e-9 and np.abs(np.array(mean) - fine[1]).max() < 1e-9
    short = lambda v: [float(f"{a:.11g}") for a in v]
    rows.append(dict(eta=eta.tolist(), log_normalizer=float(log_z), mu=short(mean), sd=short(sd)))

psis = []
for n, tail in [(40, 1.0), (120, 2.0), (300, 0.5), (300, 1.5), (150, 0.05)]:
    log_weights = np.round(tail * rng.exponential(size=n) + 3.0, 9)
    smoothed, k = psislw(log_weights, normalize=False)
    psis.append(dict(log_weights=log_weights.tolist(), khat=float(k), smoothed=[float(v) for v in smoothed]))

print(json.dumps(dict(chain=rows, psis=psis)))
