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


# Structure and oblique kinks. Each case is integrated in the way that suits it, with nodes of its own.
def panels(a, b, n=40, order=20):
    nodes, weights = np.polynomial.legendre.leggauss(order)
    edges = np.linspace(a, b, n + 1)
    half = (edges[1:] - edges[:-1]) / 2
    return ((edges[1:] + edges[:-1])[:, None] / 2 + half[:, None] * nodes).ravel(), (half[:, None] * weights).ravel()


def case(name, x, stats, names, eta, z, means):
    cases.append(dict(name=name, x=x, stats=stats, base="", names=names, eta=list(eta), log_normalizer=float(np.log(z)), mu=[float(m / z) for m in means]))


def pairs(name, x, stats, eta, dims, own, edges, functions):
    """A graph of coordinates: own[j](x) and edges {(i, j): f(x, y)} make the log density; functions are (coordinates, f)."""
    x1, w1 = panels(-7, 7, 14, 16)
    letters = "abcdefgh"[:dims]
    tables = [(letters[j], np.exp(own[j](x1)) * w1) for j in range(dims)]
    tables += [(letters[i] + letters[j], np.exp(f(x1[:, None], x1[None, :]))) for (i, j), f in edges.items()]

    def contract(extra=()):
        all_tables = tables + list(extra)
        return np.einsum(",".join(t[0] for t in all_tables) + "->", *[t[1] for t in all_tables], optimize=True)

    z = contract()
    means = []
    for terms in functions:
        total = 0.0
        for coordinates, f in terms:
            table = f(x1) if len(coordinates) == 1 else f(x1[:, None], x1[None, :])
            total += contract([("".join(letters[c] for c in coordinates), table)])
        means.append(total)
    case(name, x, stats, [], eta, z, means)


chain_eta = [0.3, -0.2, 0.1, 0.5, 0.0, -0.4] + [0.7, 1.0, -0.5, 0.3, 0.8, 0.2] + [-0.5] * 6 + [0.9, -0.7, 0.4, 0.8, -0.3]
pairs("chain", "real(6)", "#{ a: x, b: x*x, c: x**4, e: [x[0]*x[1], x[1]*x[2], x[2]*x[3], x[3]*x[4], x[4]*x[5]] }", chain_eta, 6,
      [lambda x, j=j: chain_eta[j] * x + chain_eta[6 + j] * x**2 + chain_eta[12 + j] * x**4 for j in range(6)],
      {(j, j + 1): (lambda x, y, j=j: chain_eta[18 + j] * x * y) for j in range(5)},
      [[((j,), lambda x: x)] for j in range(6)] + [[((j,), lambda x: x**2)] for j in range(6)] + [[((j,), lambda x: x**4)] for j in range(6)]
      + [[((j, j + 1), lambda x, y: x * y)] for j in range(5)])
tree_eta = [0.8, -0.6, 1.1, -0.5]
pairs("tree", "real(5)", "#{ p: x[0]*x[1] + x[0]*x[2], q: sin(x[0]*x[3]), r: x[3]*x[4], s: sum(x**4) }", tree_eta, 5,
      [lambda x: tree_eta[3] * x**4] * 5,
      {(0, 1): lambda x, y: tree_eta[0] * x * y, (0, 2): lambda x, y: tree_eta[0] * x * y, (0, 3): lambda x, y: tree_eta[1] * np.sin(x * y), (3, 4): lambda x, y: tree_eta[2] * x * y},
      [[((0, 1), lambda x, y: x * y), ((0, 2), lambda x, y: x * y)], [((0, 3), lambda x, y: np.sin(x * y))], [((3, 4), lambda x, y: x * y)], [((j,), lambda x: x**4) for j in range(5)]])
pairs("ring", "real(4)", "#{ r: x[0]*x[1] + x[1]*x[2] + x[2]*x[3] + x[3]*x[0], s: sum(x**4), t: x[2] }", [0.6, -0.4, 0.5], 4,
      [lambda x: -0.4 * x**4, lambda x: -0.4 * x**4, lambda x: -0.4 * x**4 + 0.5 * x, lambda x: -0.4 * x**4],
      {(0, 1): lambda x, y: 0.6 * x * y, (1, 2): lambda x, y: 0.6 * x * y, (2, 3): lambda x, y: 0.6 * x * y, (0, 3): lambda x, y: 0.6 * x * y},
      [[(e, lambda x, y: x * y) for e in [(0, 1), (1, 2), (2, 3), (0, 3)]], [((j,), lambda x: x**4) for j in range(4)], [((2,), lambda x: x)]])
pairs("apart", "real(5)", "#{ a: sum(x), b: sum(x**4) }", [0.7, -0.3], 5, [lambda x: 0.7 * x - 0.3 * x**4] * 5, {},
      [[((j,), lambda x: x) for j in range(5)], [((j,), lambda x: x**4) for j in range(5)]])


def fused_chain():
    """|x_i - x_{i+1}| along a chain: between neighbours the integral over x_i is split at x_{i+1}, by panels of common nodes."""
    # On common midpoints the kink lies at nodes, and the error is a series in even powers of the step: extrapolate it.
    results = []
    for n in (150, 300, 600):
        h = 16 / n
        x = -8 + h * (np.arange(n) + 0.5)
        k = np.exp(-0.9 * abs(x[:, None] - x[None, :]))
        own = np.exp(-0.5 * (x[:, None] - np.array([0.5, -1.0, 0.3, 1.5])[None, :]) ** 2) * h
        left, right = [np.ones(n)], [np.ones(n)]
        for j in range(3):
            left.append(k @ (left[-1] * own[:, j]))
            right.append(k @ (right[-1] * own[:, 3 - j]))
        right = right[::-1]
        marg = [left[j] * right[j] * own[:, j] for j in range(4)]
        z = marg[0].sum()
        d = sum((left[j] * own[:, j]) @ (k * abs(x[:, None] - x[None, :])) @ (right[j + 1] * own[:, j + 1]) for j in range(3))
        mean = [(p * x).sum() for p in marg]
        results.append(np.array([z, d, mean[1], 0.5 * mean[0] + 0.3 * mean[2] + 1.5 * mean[3], sum((p * x * x).sum() for p in marg)]))
    a, b, c = results
    first = [(4 * b - a) / 3, (4 * c - b) / 3]
    z, d, l, m, q = (16 * first[1] - first[0]) / 15
    # log density: -0.9 d - 0.5 q + l-terms; the constant of the squares is taken out.
    centres = np.array([0.5, -1.0, 0.3, 1.5])
    z, d, l, m, q = (v * np.exp(0.5 * (centres**2).sum()) for v in (z, d, l, m, q))
    case("fused chain", "real(4)", "#{ d: abs(x[0]-x[1]) + abs(x[1]-x[2]) + abs(x[2]-x[3]), l: x[1], m: 0.5*x[0] + 0.3*x[2] + 1.5*x[3], q: sum(x*x) }", [], [-0.9, -1.0, 1.0, -0.5], z, [d, l, m, q])


fused_chain()


def split_at(a, b, cuts, order=24, n=8):
    edges = sorted({a, b, *[c for c in cuts if a < c < b]})
    parts = [panels(c, d, n, order) for c, d in zip(edges, edges[1:])]
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


def lines(name, x, stats, eta, functions, outer, inner):
    """Two coordinates: outer nodes, and for each x0 the ends and cuts of x1."""
    total = np.zeros(len(eta) + 1)
    for a, w in zip(*outer):
        for low, high, cuts in inner(a):
            y, v = split_at(low, high, cuts)
            t = np.array([np.broadcast_to(f(a, y), y.shape) for f in functions])
            p = w * v * np.exp(np.array(eta) @ t)
            total += np.append(t @ p, p.sum())
    case(name, x, stats, [], eta, total[-1], total[:-1])


lines("fused pair", "real(2)", "#{ d: abs(x[0]-x[1]), l: x[0], q: x[0]**2 + x[1]**2 }", [-1.0, 0.3, -0.5],
      [lambda a, b: abs(a - b), lambda a, b: a, lambda a, b: a**2 + b**2], panels(-9, 9), lambda a: [(-9, 9, [a])])
lines("greater of two", "real(2)", "#{ m: max(2*x[0], x[1] - 1), q: x[0]**2, r: x[1]**2 }", [0.8, -0.6, -0.4],
      [lambda a, b: np.maximum(2 * a, b - 1), lambda a, b: a**2, lambda a, b: b**2], panels(-9, 9), lambda a: [(-10, 10, [2 * a + 1])])
lines("half plane", "real(2)", "#{ a: x[0], b: x[1], q: x[0]**2 + x[1]**2 }", [0.5, 0.4, -0.6],
      [lambda a, b: a, lambda a, b: b, lambda a, b: a**2 + b**2], panels(-9, 9), lambda a: [(-9, min((1 - a) / 2, 9), [])] if (1 - a) / 2 > -9 else [])
cosines = lambda n: (np.cos(np.pi * (np.arange(n) + 0.5) / n), np.pi / n * np.sin(np.pi * (np.arange(n) + 0.5) / n))
lines("disk", "real(2)", "#{ a: x[0], b: x[1], c: x[0]*x[1] }", [2.0, 0.5, -1.0],
      [lambda a, b: a, lambda a, b: b, lambda a, b: a * b], (np.cos(np.pi / 2 * (1 + panels(-1, 1, 8, 24)[0])), np.pi / 2 * np.sin(np.pi / 2 * (1 + panels(-1, 1, 8, 24)[0])) * panels(-1, 1, 8, 24)[1]),
      lambda a: [(-np.sqrt(1 - a * a), np.sqrt(1 - a * a), [])])


def three():
    x, w = panels(-6.5, 6.5, 8, 16)
    a, b, c = np.meshgrid(x, x, x, indexing="ij", sparse=True)
    functions = [lambda: np.cos(2 * b - c), lambda: np.exp(-c * c), lambda: a * b, lambda: a**2, lambda: b**2, lambda: c**2, lambda: np.sin(2 * a + b), lambda: a, lambda: b, lambda: c]
    eta = [0.4, 0.7, 0.3, -1.0, -0.8, -0.9, 0.5, 0.5, 0.7, 0.2]
    p = np.exp(sum(e * f() for e, f in zip(eta, functions))) * (w[:, None, None] * w[None, :, None] * w[None, None, :])
    case("waves in three", "real(3)", "#{ c: cos(2*x[1]-x[2]), e: exp(-x[2]*x[2]), p: x[0]*x[1], q: x*x, s: sin(2*x[0]+x[1]), x: x }", [], eta, p.sum(), [(p * f()).sum() for f in functions])


three()


def greatest():
    """max of three standard normal coordinates with a weight: regions where each is the greatest."""
    x, w = panels(-9, 9, 36, 20)
    e = 0.7
    from scipy.stats import norm
    p = 3 * np.exp(e * x - x**2 / 2) * (np.sqrt(2 * np.pi) * norm.cdf(x)) ** 2 * w
    z = p.sum()
    below = 1 - x * norm.pdf(x) / norm.cdf(x)  # E[y^2 | y < x]
    case("greatest of three", "real(3)", "#{ m: max(max(x[0], x[1]), x[2]), q: sum(x*x) }", [], [e, -0.5], z, [(p * x).sum(), (p * (x**2 + 2 * below)).sum()])


greatest()


def ball():
    """exp(a . x) in the unit ball: along a, slices have the area pi (1 - s^2)."""
    a = np.array([2.0, 0.5, -1.0])
    r = np.linalg.norm(a)
    s, w = panels(-1, 1, 10, 20)
    p = np.pi * (1 - s**2) * np.exp(r * s) * w
    case("ball", "real(3)", "#{ a: x[0], b: x[1], c: x[2] }", [], list(a), p.sum(), [(p * s).sum() * ai / r for ai in a])


ball()
for c in cases:
    c["where"] = {"half plane": "x[0] + 2*x[1] < 1", "disk": "x[0]*x[0] + x[1]*x[1] < 1", "ball": "sum(x*x) < 1"}.get(c["name"], "")
print(json.dumps(cases, indent=1))
