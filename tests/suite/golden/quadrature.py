#!/usr/bin/env python3
"""Independent moments for tests/suite/quadrature.rs: adaptive quadrature of scipy on small families.

usage: quadrature.py > quadrature.json     (numpy and scipy; run with scipy 1.16)
Each case: name, script of the family (x and stats as in nnef), eta, log_normalizer, mu.
"""
import json
import numpy as np
from scipy import integrate

cases = []


def one(name, x, stats, names, functions, ends, eta, points=(), base="", b=lambda x: 0.0):
    log_p = lambda x: sum(e * f(x) for e, f in zip(eta, functions)) + b(x)
    grid = [x for x in np.linspace(max(ends[0], -30), min(ends[1], 30), 20001)[1:-1]]
    top = max(log_p(x) for x in grid)
    cuts = sorted(set([ends[0], ends[1], *points]))
    total = lambda f: sum(integrate.quad(lambda x: f(x) * np.exp(log_p(x) - top), a, c, epsabs=0, epsrel=1e-13, limit=500)[0] for a, c in zip(cuts, cuts[1:]))
    z = total(lambda x: 1.0)
    cases.append(dict(name=name, x=x, stats=stats, base=base, names=names, eta=eta, log_normalizer=float(np.log(z) + top), mu=[float(total(f) / z) for f in functions]))


def two(name, x, stats, names, functions, box, eta, cuts0=(), cuts1=()):
    """Dense Gauss-Legendre panels, split at kinks."""
    nodes, weights = np.polynomial.legendre.leggauss(60)

    def rule(a, b, cuts):
        edges = sorted(set(list(np.linspace(a, b, 13)) + list(cuts)))
        x = np.concatenate([(c - a) / 2 * nodes + (a + c) / 2 for a, c in zip(edges, edges[1:])])
        w = np.concatenate([(c - a) / 2 * weights for a, c in zip(edges, edges[1:])])
        return x, w

    x0, w0 = rule(*box[0], cuts0)
    x1, w1 = rule(*box[1], cuts1)
    a, b = np.meshgrid(x0, x1, indexing="ij")
    log_p = sum(e * f(a, b) for e, f in zip(eta, functions)) + np.log(np.outer(w0, w1))
    top = log_p.max()
    p = np.exp(log_p - top)
    z = p.sum()
    cases.append(dict(name=name, x=x, stats=stats, base="", names=names, eta=eta, log_normalizer=float(np.log(z) + top), mu=[float((p * f(a, b)).sum() / z) for f in functions]))


inf = np.inf
powers = [lambda x: x, lambda x: x**2, lambda x: x**4]
one("quartic", "real(1)", "#{ a: x[0], b: x[0]**2, c: x[0]**4 }", ["a", "b", "c"], powers, (-inf, inf), [0.7, 2.5, -1.2])
one("quartic narrow", "real(1)", "#{ a: x[0], b: x[0]**2, c: x[0]**4 }", ["a", "b", "c"], powers, (-8, 8), [40.0, -300.0, -5.0], points=(0.0, 0.066, 0.2))
one("laplace", "real(1)", "#{ a: -abs(x[0] - 1), b: -abs(x[0] + 1) }", ["a", "b"], [lambda x: -abs(x - 1), lambda x: -abs(x + 1)], (-inf, inf), [0.8, 2.9], points=(-1, 1))
one("wave on a box", "interval(-1, 1)", "#{ a: x[0], b: x[0]**2, c: sin(3*x[0]) }", ["a", "b", "c"], [lambda x: x, lambda x: x**2, lambda x: np.sin(3 * x)], (-1, 1), [3.0, -2.0, 2.5])
one("half line", "positive(1)", "#{ a: log(x[0]), b: x[0], c: x[0]**2 }", ["a", "b", "c"], [np.log, lambda x: x, lambda x: x**2], (0, inf), [-0.4, 1.0, -0.6], points=(1e-6, 1e-3, 1.0))
one("relu and max", "real(1)", "#{ a: relu(x[0] - 0.5), b: max(x[0], -1.0), c: x[0]**2 }", ["a", "b", "c"], [lambda x: max(x - 0.5, 0), lambda x: max(x, -1.0), lambda x: x**2], (-inf, inf), [1.0, -2.0, -0.7], points=(-1.0, 0.5))
one("heavy tails", "real(1)", "#{ a: -log(1 + x[0]**2) }", ["a"], [lambda x: -np.log1p(x * x)], (-inf, inf), [1.7])
one("far mean", "real(1)", "#{ a: x[0], b: x[0]**2 }", ["a", "b"], powers[:2], (980, 1020), [1000.0 / 4, -0.5 / 4], points=(1000.0,))
one("base", "real(1)", "#{ a: x[0] }", ["a"], powers[:1], (-inf, inf), [0.3], base="|x| -log(cosh(x[0]))", b=lambda x: -(abs(x) + np.log1p(np.exp(-2 * abs(x))) - np.log(2)))
one("jump", "real(1)", "#{ a: select(x[0] > 0.3, 1.0, 0.0), b: x[0]**2 }", ["a", "b"], [lambda x: float(x > 0.3), lambda x: x**2], (-inf, inf), [1.5, -0.5], points=(0.3,))
two("banana", "real(2)", "#{ a: x[0], b: x[1], c: x[0]**2, d: x[1]**2, e: x[0]**2 * x[1], f: x[0]**4 }", list("abcdef"),
    [lambda a, b: a, lambda a, b: b, lambda a, b: a**2, lambda a, b: b**2, lambda a, b: a**2 * b, lambda a, b: a**4], [(-8, 8), (-12, 12)], [0.3, 0.5, 0.4, -0.5, 0.8, -0.6])
two("bent", "real(2)", "#{ a: abs(x[0]), b: x[0], c: x[1], d: x[0]*x[1], e: x[0]**2, f: x[1]**2, g: sin(2*x[1]) }", list("abcdefg"),
    [lambda a, b: abs(a), lambda a, b: a, lambda a, b: b, lambda a, b: a * b, lambda a, b: a**2, lambda a, b: b**2, lambda a, b: np.sin(2 * b)],
    [(-12, 12), (-12, 12)], [-0.7, 0.4, -0.3, 0.35, -0.6, -0.9, 0.8], cuts0=(0.0,))
two("mixed", "interval(0, 2, 2)", "#{ a: x[0]*x[1], b: cos(2*x[0]), c: abs(x[1] - 1) }", list("abc"),
    [lambda a, b: a * b, lambda a, b: np.cos(2 * a), lambda a, b: abs(b - 1)], [(0, 2), (0, 2)], [1.5, 2.0, -3.0], cuts1=(1.0,))
print(json.dumps(cases, indent=1))
