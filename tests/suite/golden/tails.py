#!/usr/bin/env python3
"""Independent numbers for tests/suite/importance.rs.

usage: tails.py > tails.json     (numpy, scipy)
Means of sin(x0 x1), -log(1 + x0^2), -log(1 + x1^2), tanh(x0 - x1), in this order, under the density exp(eta . T) on the plane:
a million scrambled Sobol points under two Cauchy distributions, weighted; another scrambling agrees to 1e-4.
"""
import json
import numpy as np
from scipy.stats import qmc

rng = np.random.default_rng(3)


def means(eta, seed):
    u = qmc.Sobol(2, scramble=True, seed=seed).random_base2(20)
    x0, x1 = np.tan(np.pi * (u - 0.5)).T
    t = np.stack([np.sin(x0 * x1), -np.log1p(x0**2), -np.log1p(x1**2), np.tanh(x0 - x1)], 1)
    w = np.exp(t @ (eta - [0, 1, 1, 0]))
    return w @ t / w.sum()


rows = []
for _ in range(16):
    eta = np.round(rng.uniform([-2, 1.5, 1.5, -2], [2, 4, 4, 2]), 3)
    mu = means(eta, 1)
    assert np.abs(mu - means(eta, 2)).max() < 1e-4
    rows.append((eta.tolist(), [float(f"{m:.6g}") for m in mu]))
print(json.dumps(dict(eta=[r[0] for r in rows], mu=[r[1] for r in rows])))
