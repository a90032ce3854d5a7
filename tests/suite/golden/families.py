"""Golden numbers for 19 exponential families p(x|eta) = exp(eta.T(x) + b(x) - A(eta)).

Run:   python families.py [OUT.json]        (numpy, scipy, mpmath; one process, deterministic)
Makes: families.json = {"about": ..., "families": [...], "log_density": [...]}
  families:    {family, args, eta, mu_T, A, cov, note?}       mu_T = grad A = E[T], cov = Hess A
  log_density: {family, args, eta, x, log_density, source}    an independent implementation

Layout.  Statistics are in byte order of their names, arrays row-major, eta the same:
  gaussian x,x2 | mvn(d) x,xxT | mvn_tril(d) x,xxT_tril | rectified_gaussian x,x2 |
  clipped_mvn(lower,upper) x,xxT | laplace_product(d) xm1,xp1 | gamma log_x,x | exponential x |
  beta log_1mx,log_x | dirichlet(k) log_x | von_mises cos_x,sin_x | inverse_gaussian inv_x,x |
  bernoulli x | categorical(k) one_hot | poisson x | normal_gamma log_tau,tau,tau_m,tau_m2 |
  normal_wishart(d) W,Wm,log_det_W,mWm | wishart(d) W,log_det_W | von_mises_fisher(d) x
Square matrix statistics (xxT, W) have all d*d entries; only the symmetric part of their eta acts.

Method.  Every eta is a list of doubles; all numbers are functions of exactly those doubles.
 * Bernoulli, categorical, von Mises(-Fisher): analytic derivatives at 240 digits.
 * Rectified/clipped normals: raw moments by the integration-by-parts recurrence from one error
   function, 240 digits (correlated d = 2: an outer quadrature over that, 80 digits, see note).
 * The rest: closed-form A at 240 digits, central differences, relative step 2^-200 (error < 1e-90).
In the last two, entries below 1e-60 of their natural scale become 0.  All are rounded once to double.
Rows with the note "ill-conditioned" have matrices of condition 1e4 to 1e12 in random frames.
Checks: 1-D families against mpmath quadrature (or summation) of Z, E[T], Cov[T] to 1e-25, and A
against scipy (mpmath quadrature where scipy lacks it) through log_density.
"""
import collections, functools, json, math, sys, time
import mpmath as mp, numpy as np, scipy.stats as st
from mpmath import mpf

DIG = 240                      # working digits of the reference values
mp.mp.dps = 60
# ------------------------------------------------------------------ log normalisers A(args, eta)
def sym(v, d): return mp.matrix([[(v[i * d + j] + v[j * d + i]) / 2 for j in range(d)] for i in range(d)])
def logdet(P): return 2 * mp.fsum(mp.log(L[i, i]) for L in [mp.cholesky(P)] for i in range(P.rows))
def A_mvn(x, E):               # int exp(x.z + z'Ez) dz, E symmetric negative definite
    return mp.fdot(x, mp.cholesky_solve(-E, mp.matrix(x))) / 4 + len(x) * mp.log(mp.pi) / 2 - logdet(-E) / 2

def unpack_tril(v, d):         # off-diagonal eta counts once, so it is twice the symmetric entry
    at = lambda i, j: v[i * (i + 1) // 2 + j] / (1 + (i != j))
    return mp.matrix([[at(max(i, j), min(i, j)) for j in range(d)] for i in range(d)])

def A_laplace1(a, b):          # int exp(-a|x-1| - b|x+1|) dx
    mid = 2 * mp.exp(-a - b) * (mp.sinh(a - b) / (a - b) if a != b else 1)
    return mp.log((mp.exp(-2 * a) + mp.exp(-2 * b)) / (a + b) + mid)

def A_wishart(a, B):           # int |W|^(a-(d+1)/2) exp(-tr BW) dW  over the lower triangle
    d = B.rows; assert 2 * a > d - 1
    return mpf(d * (d - 1)) / 4 * mp.log(mp.pi) + sum(mp.loggamma(a - mpf(j) / 2) for j in range(d)) - a * logdet(B)

def A_normal_wishart(d, e):    # integrate m first: (pi/c)^(d/2) |W|^-1/2 exp(v'Wv / 4c)
    v, c = mp.matrix(e[d * d:d * d + d]), -e[-1]
    return d * mp.log(mp.pi / c) / 2 + A_wishart(e[-2] + mpf(d) / 2, -sym(e, d) - v * v.T / (4 * c))

def A_dirichlet(_, e): return sum(mp.loggamma(t + 1) for t in e) - mp.loggamma(sum(e) + len(e))

A_CLOSED = {
    "gaussian": lambda a, e: A_mvn(e[:1], mp.matrix([e[1]])),
    "mvn": lambda a, e: A_mvn(e[:a[0]], sym(e[a[0]:], a[0])),
    "mvn_tril": lambda a, e: A_mvn(e[:a[0]], unpack_tril(e[a[0]:], a[0])),
    "laplace_product": lambda a, e: sum(A_laplace1(e[i], e[a[0] + i]) for i in range(a[0])),
    "gamma": lambda a, e: mp.loggamma(e[0] + 1) - (e[0] + 1) * mp.log(-e[1]),
    "exponential": lambda a, e: -mp.log(-e[0]), "poisson": lambda a, e: mp.exp(e[0]),
    "beta": A_dirichlet, "dirichlet": A_dirichlet,
    "inverse_gaussian": lambda a, e: mp.log(mp.pi / -e[0]) / 2 - 2 * mp.sqrt(e[0] * e[1]),
    "normal_gamma": lambda a, e: A_normal_wishart(1, [e[1], e[2], e[0], e[3]]),     # W = tau
    "normal_wishart": lambda a, e: A_normal_wishart(a[0], e),
    "wishart": lambda a, e: A_wishart(e[-1] + mpf(a[0] + 1) / 2, -sym(e, a[0])),
}

def jet(A, e):                 # value, gradient, Hessian by central differences
    n = len(e); N = range(n); h = [(abs(t) or 1) * mpf(2) ** -200 for t in e]
    at = lambda s, *ks: A([t + s * h[k] * ks.count(k) for k, t in enumerate(e)])
    A0, up, dn = A(e), [at(1, i) for i in N], [at(-1, i) for i in N]
    mu = [(up[i] - dn[i]) / (2 * h[i]) for i in N]
    C = mp.matrix(n)
    for i in N:
        C[i, i] = (up[i] + dn[i] - 2 * A0) / h[i] ** 2
        for j in range(i):
            d2 = at(1, i, j) + at(-1, i, j) - up[i] - dn[i] - up[j] - dn[j] + 2 * A0
            C[i, j] = C[j, i] = d2 / (2 * h[i] * h[j])
    return mu, A0, C.tolist()

# ------------------------------------------------------------------ truncated normals
def raw_moments(e1, e2, lo, hi, nmax):     # [int_lo^hi x^n exp(e1 x + e2 x^2) dx for n = 0..nmax]
    end = lambda n, x: 0 if mp.isinf(x) else x ** n * mp.exp(e1 * x + e2 * x * x)
    edge = lambda n: end(n, hi) - end(n, lo)
    if e2 == 0 and e1 == 0: return [(hi ** (n + 1) - lo ** (n + 1)) / (n + 1) for n in range(nmax + 1)]
    if e2 == 0:
        return functools.reduce(lambda M, n: M + [(edge(n) - n * M[-1]) / e1], range(1, nmax + 1), [edge(0) / e1])
    c, m = mp.sqrt(abs(e2)), -e1 / (2 * e2)
    s1, s2 = c * (lo - m), c * (hi - m)
    if e2 > 0: g = mp.erfi(s2) - mp.erfi(s1)
    elif s1 > 0: g = mp.erfc(s1) - mp.erfc(s2)
    elif s2 < 0: g = mp.erfc(-s2) - mp.erfc(-s1)
    else: g = mp.erf(s2) - mp.erf(s1)
    M = [mp.exp(-e2 * m * m) * mp.sqrt(mp.pi) / (2 * c) * g]
    for n in range(nmax): M.append((edge(n) - (n * M[n - 1] if n else 0) - e1 * M[n]) / (2 * e2))
    return M

def raw_correlated(e, E, lo, hi):          # d = 2: quadrature over x1 of the exact inner moments, 80 digits
    mp.mp.dps = 80                         # (until the workdps block of exact() ends)
    inner = functools.lru_cache(None)(lambda x: raw_moments(e[1] + 2 * E[0, 1] * x, E[1, 1], lo[1], hi[1], 4))
    def raw(p):
        v, err = mp.quad(lambda x: x ** p[0] * mp.exp(e[0] * x + E[0, 0] * x * x) * inner(x)[p[1]],
                         mp.linspace(lo[0], hi[0], 5), error=True)
        assert err < mpf(10) ** -70, err
        return v
    return raw

def truncated(e, lo, hi):
    d = len(lo); E = sym(e[d:], d)
    add = lambda p, q: tuple(a + b for a, b in zip(p, q))
    unit = [tuple(int(i == k) for i in range(d)) for k in range(d)]
    powers = unit + [add(p, q) for p in unit for q in unit]             # exponents of the statistics x, xxT
    if any(E[i, j] for i in range(d) for j in range(i)): raw = raw_correlated(e, E, lo, hi)
    else:
        M = [raw_moments(e[i], E[i, i], lo[i], hi[i], 4) for i in range(d)]
        raw = lambda p: mp.fprod(M[i][p[i]] for i in range(d))
    raw = functools.lru_cache(None)(raw); Z = raw((0,) * d)
    mu = [raw(p) / Z for p in powers]
    return mu, mp.log(Z), [[raw(add(p, q)) / Z - a * b for q, b in zip(powers, mu)] for p, a in zip(powers, mu)]

# ------------------------------------------------------------------ analytic families
def sphere(e):                             # von Mises-Fisher, A = log (2pi)^(d/2) I_nu(k) / k^nu
    d = len(e); nu = mpf(d) / 2 - 1; k = mp.norm(e)
    if k == 0:
        return e, mp.log(2 * mp.pi ** (nu + 1) / mp.gamma(nu + 1)), (mp.eye(d) / d).tolist()
    I = mp.besseli(nu, k); R = mp.besseli(nu + 1, k) / I; dR = 1 - R * R - (d - 1) / k * R; u = [t / k for t in e]
    C = [[(dR - R / k) * u[i] * u[j] + (R / k if i == j else 0) for j in range(d)] for i in range(d)]
    return [R * t for t in u], mpf(d) / 2 * mp.log(2 * mp.pi) + mp.log(I) - nu * mp.log(k), C

def categorical(e):
    top = max(e); w = [mp.exp(t - top) for t in e]; Z = sum(w); p = [t / Z for t in w]
    n = range(len(e))                      # var = p (1 - p), with 1 - p summed from the others
    return p, top + mp.log(Z), [[-p[i] * p[j] if i != j else p[i] * sum(p[:i] + p[i + 1:]) for j in n] for i in n]

def exact(fam, args, eta):                 # (mu, A, cov) at DIG digits
    with mp.workdps(DIG):
        e = [mpf(t) for t in eta]
        if fam.startswith("von_mises"): return sphere(e)
        if fam == "categorical": return categorical(e)
        if fam == "bernoulli": return (lambda p, A, C: (p[1:], A, [C[1][1:]]))(*categorical([mpf(0), e[0]]))
        if fam == "rectified_gaussian": mu, A, C = truncated(e, [mpf(0)], [mp.inf])
        elif fam == "clipped_mvn": mu, A, C = truncated(e, *[[mpf(t) for t in side] for side in args])
        else: mu, A, C = jet(lambda z: A_CLOSED[fam](args, z), e)
        sd = [mp.sqrt(r[i]) for i, r in enumerate(C)]
        flush = lambda t, scale: t if abs(t) > mpf(10) ** -60 * scale else mpf(0)
        return list(map(flush, mu, sd)), A, [[flush(c, s * t) for c, t in zip(r, sd)] for r, s in zip(C, sd)]

# ------------------------------------------------------------------ statistics and base measure
def T(fam, args, x):
    d = args[0] if args else None
    if fam in ("gaussian", "rectified_gaussian", "mvn", "clipped_mvn"): return list(x) + [a * b for a in x for b in x]
    if fam == "mvn_tril": return list(x) + [x[i] * x[j] for i in range(d) for j in range(i + 1)]
    if fam == "laplace_product": return [-abs(t - 1) for t in x] + [-abs(t + 1) for t in x]
    if fam in ("exponential", "bernoulli", "poisson", "von_mises_fisher"): return list(x)
    if fam == "gamma": return [mp.log(x[0]), x[0]]
    if fam == "beta": return [mp.log1p(-x[0]), mp.log(x[0])]
    if fam == "dirichlet": return [mp.log(t) for t in x]
    if fam == "von_mises": return [mp.cos(x[0]), mp.sin(x[0])]
    if fam == "inverse_gaussian": return [1 / x[0], x[0]]
    if fam == "categorical": return [mpf(int(x[0] == i)) for i in range(d)]
    if fam == "normal_gamma": return [mp.log(x[1]), x[1], x[1] * x[0], x[1] * x[0] ** 2]
    m, W = x[:-d * d], x[-d * d:]; ld = logdet(sym(W, d))
    if fam == "wishart": return list(W) + [ld]
    Wm = [sum(W[i * d + j] * m[j] for j in range(d)) for i in range(d)]
    return list(W) + Wm + [ld, sum(a * b for a, b in zip(m, Wm))]

def base(fam, x):
    if fam == "inverse_gaussian": return -3 * mp.log(x[0]) / 2
    return -mp.loggamma(x[0] + 1) if fam == "poisson" else mpf(0)

FAM, LOGD = [], []             # the rows of the two output lists
def add(fam, args, eta, note=None):
    eta, notes = [float(t) for t in eta], [note] if note else []
    mu, A, C = exact(fam, args, eta)
    cond = max([sum(abs(c * t) for c, t in zip(r, eta)) / abs(m) for r, m in zip(C, mu) if m != 0] + [0])
    if cond > 9000: notes.append(f"condition number max_i sum_j |cov_ij eta_j/mu_i| = {float(cond):.2g}: 1e-12 "
                                 "relative in mu needs care where eta is rounded; exact for these doubles")
    if any(m != 0 and abs(m) < sys.float_info.min for m in mu + [A, *sum(C, [])]):
        notes.append("some values are below the double range: written as 0 or a subnormal")
    row = dict(family=fam, args=args, eta=eta, mu_T=list(map(float, mu)), A=float(A), cov=[list(map(float, r)) for r in C])
    FAM.append(row | (dict(note="; ".join(notes)) if notes else {}))

def dens(fam, args, eta, x, value, source):
    eta, x = [float(t) for t in eta], [float(t) for t in x]; z = list(map(mpf, x))
    ours = mp.fdot(eta, T(fam, args, z)) + base(fam, z) - exact(fam, args, eta)[1]
    gap = abs(ours - value) / (1 + abs(ours))
    assert gap < 4e-14, (fam, args, eta, x, float(ours), value)
    LOGD.append(dict(family=fam, args=args, eta=eta, x=x, log_density=float(value), source=source))
    return float(gap)

def check(fam, args, eta, integral):       # integral(g) = int g(x) dx over the domain
    mu, A, C = exact(fam, args, eta); n = len(mu); e = [mpf(t) for t in eta]
    p = lambda x: mp.exp(mp.fdot(e, T(fam, args, x)) + base(fam, x) - A)
    def close(f, want, scale): assert abs(integral(f) - want) < mpf(10) ** -25 * scale, (fam, eta, want)
    close(p, 1, 1)
    for i in range(n):
        close(lambda x: T(fam, args, x)[i] * p(x), mu[i], abs(mu[i]) + mp.sqrt(C[i][i]) / 1000)
        for j in range(i + 1):
            prod = lambda t: (t[i] - mu[i]) * (t[j] - mu[j])
            close(lambda x: prod(T(fam, args, x)) * p(x), C[i][j], mp.sqrt(C[i][i] * C[j][j]))

def over(*cuts, phi=(lambda t: t, lambda t: 1)):       # quadrature over x = phi[0](t), Jacobian phi[1]
    return lambda g: mp.quad(lambda t: g([phi[0](t)]) * phi[1](t), cuts)
EXP = (mp.exp, mp.exp)
LOGIT = (lambda t: 1 / (1 + mp.exp(-t)), lambda t: 1 / ((1 + mp.exp(-t)) * (1 + mp.exp(t))))

# ------------------------------------------------------------------ cases
def rows(M): return [t for r in M for t in r]
def tril(M): return [M[i][j] * (1 + (i != j)) for i in range(len(M)) for j in range(i + 1)]
def lin(d): return [0.75 - 0.5 * i for i in range(d)]
def off1(*p): return [t - 1 for t in p]    # shape parameters -> eta
def ar(d, scale=1.0, rho=0.3):             # a well-conditioned negative definite matrix
    return [[-scale * ((1 + i / 2) * (i == j) + rho ** abs(i - j)) for j in range(d)] for i in range(d)]
def ulp(M):                                # symmetric only up to rounding: upper triangle one ulp off
    return [[math.nextafter(t, 9e9) if j > i else t for j, t in enumerate(r)] for i, r in enumerate(M)]
NEAR, WIDE = [[-1, -0.999], [-0.999, -1]], [[-1e4, 0.5, 0], [0.5, -1, 1e-3], [0, 1e-3, -1e-4]]
MATS = [[[-0.5]], [[-1e-6]], [[-1e6]], ar(2), NEAR, ulp(ar(2)), ar(3), ulp(ar(3, 0.1)), WIDE]
VEC = [[0.5], [-3], [1e3], [1, -2], [2, 2], [0, 0], lin(3), [5, 0, -20], [1e2, 1, 1e-3]]
DIR = [(1, 0), (0.6, 0.8), (-0.28, 0.96), (-0.6, -0.8), (0, -1), (0.8, -0.6), (-1, 0)]
LAP = [(1, 1), (0.3, 0.3), (1 + 1e-9, 1), (2 + 1e-5, 2), (-0.5, 2), (50, 0.01), (0.01, 50), (-3, 3.001), (20, 20), (1, 3)]

def cases():
    one = lambda fam, args, etas: [add(fam, args, e) for e in etas]
    one("gaussian", [], [(0, -0.5), (1, -0.5), (-2.5, -0.3), (1e3, -0.5), (1e-3, -1e-6), (-1, -1e-6), (3, -50),
                         (1e4, -1e4), (-1e-8, -1e8), (40, -0.5)])
    for f, F in (("mvn", rows), ("mvn_tril", tril)):
        for v, M in [*zip(VEC, MATS), (lin(5), ar(5)), ([30, -20, 0, 1, 4], ulp(ar(5, 2.0, -0.6)))]: add(f, [len(v)], v + F(M))
    one("rectified_gaussian", [], [(0, -0.5), (1, -0.5), (-1.5, -0.3), (-40, -0.5), (40, -0.5), (-400, -0.5),
                                   (-1, -1e-6), (3, -50), (-6, -0.5), (1e3, -0.5), (-1e6, -1)])
    A, B, S, Q = [[-1], [1]], [[0], [3]], [[-1, -1], [1, 1]], [[0, -1], [3, 0.5]]
    one("clipped_mvn", A, [(0, -0.5), (0.5, 0), (0, 0), (0.5, 2), (60, -0.5), (-60, -0.5), (1, 1e-12),
                           (1e-3, -1e-6), (0, 40), (5, -400)])
    one("clipped_mvn", B, [(1, -0.5), (-2, 0), (1, 2), (-400, -0.5), (60, -10)])
    one("clipped_mvn", S, [(0.5, -1, -0.5, 0, 0, -2), (1, 0, 0, 0, 0, 2), (60, -3, -0.5, 0, 0, 0)])
    for bx, e in ((S, [0.5, -1] + rows(ar(2))), (Q, [1, 0.25, 0.5, -0.75, -0.75, 0.25]), (Q, [2, 1] + rows(ulp(ar(2))))):
        add("clipped_mvn", bx, e, "correlated: outer tanh-sinh over x1 of closed-form inner moments, 80 digits")
    one("laplace_product", [1], LAP)
    one("laplace_product", [2], [(a, c, b, d) for (a, b), (c, d) in zip(LAP[::2], LAP[1::2])])
    one("gamma", [], [(1.5, -2), (0, -1), (1e-3 - 1, -1), (1e6 - 1, -3), (1e-8 - 1, -0.5), (-0.5, -1e-6), (9, -1e6),
                      (1e3, -1e3), (1e6 - 1, -1e6), (1e-8 - 1, -1e8)])
    one("exponential", [], [[-t] for t in (1, 0.3, 2.5, 1e-8, 1e-3, 10, 1e3, 1e6, 1e-150, 1e100)])
    one("beta", [], [off1(*p) for p in ((2, 3), (1, 1), (0.5, 0.5), (1e3, 1e-3), (1e-3, 1e3), (1e5, 1e5), (1e-3, 1e-3),
                                        (1e5, 2), (30, 0.1), (1.5, 7))])
    for p in ((2, 3), (1e-2, 1e4), (1e4, 1e4), (1, 1, 1), (0.5, 2, 3.5), (1e-2, 1, 1e4), (1e-2, 1e-2, 1e-2), (1, 2, 3, 4, 5),
              (1e-2, 0.1, 1, 1e2, 1e4), (1e4,) * 5): add("dirichlet", [len(p)], off1(*p))
    one("von_mises", [], [[k * t for t in DIR[(i + s) % 7]] for s in (0, 2) for i, k in enumerate((0, 1e-12, 1e-3, 1, 10, 700, 1e6))])
    one("inverse_gaussian", [], [(-0.5, -0.5), (-1, -2), (-3, -0.125), (-1e-3, -50), (-1e4, -1e4), (-1, -1e-12),
                                 (-1e-8, -1e-8), (-200, -0.01), (-0.1, -1e6), (-1e6, -1)])
    one("bernoulli", [], [[t] for t in (0, 1, -1, 0.3, -5, 12, 40, -40, 800, -800)])
    for e in ((0, 0, 0), (0.5, -1, 2), (800, 0, -800), (-800, -800, -800), (40, 0, -40), (1e-9, 0, 0), (1, -1), (800, 800),
              (1, 2, 3, 4, 5), (800, 799, -800, 0, 798.5)): add("categorical", [len(e)], e)
    one("poisson", [], [[t] for t in (math.log(1e-6), math.log(20), 30, 0, 1, -1, 5, 10, -30, 2.5)])
    one("normal_gamma", [], [(1.5, -2, 0.5, -1), (0, -1, 0, -0.5), (-0.499, -1, 1, -0.5), (1e4, -1e4, 3, -2),
        (2, -50.001, 10, -0.5), (0.5, -1e3, 1e-3, -1e-6), (5, -3, -2, -40), (1, -1, 1, -0.26), (-0.49999999, -1, 0, -1),
        (20, -1e-2, 1e-3, -1e3)])
    for k, (v, M) in enumerate(zip(VEC, MATS)):        # eta_W = -(precision-like part) - v v'/(4c), symmetric part acts
        d, c = len(v), (0.5, 3.0, 1e-2)[k % 3]
        E = [[M[i][j] - v[i] * v[j] / (4 * c) for j in range(d)] for i in range(d)]
        if k != 4: add("normal_wishart", [d], rows(E) + v + [(1.5, -0.4, 50)[k // 3], -c])
        add("wishart", [d], rows(M) + [(1.5, -0.75, 1e4, 0, 2, -0.99, 0.5, 100, 3)[k]])
    add("normal_wishart", [2], rows(NEAR) + [0.1, 0.1, 2, -4])
    add("normal_wishart", [3], rows(ar(3)) + lin(3) + [0, -1])
    add("wishart", [3], rows(ar(3, 1e-3)) + [-0.5])
    ill_conditioned()
    for d in (2, 3, 5, 10):
        u = [(-1) ** i * (1 + i / 4) for i in range(d)]; s = math.sqrt(sum(t * t for t in u))
        one("von_mises_fisher", [d], [[k * t / s for t in u] for k in (0, 1e-12, 1e-3, 1, 10, 700, 1e5)])

ILL = "ill-conditioned: "          # rows with this note are held to 1e-12 of each entry
def ill(d, cond, seed):            # minus a matrix with eigenvalues 1 ... cond in a random frame, rounded to doubles
    g = np.random.default_rng(seed); Q, _ = np.linalg.qr(g.standard_normal((d, d)))
    M = -(Q * np.logspace(0, math.log10(cond), d)) @ Q.T
    return (0.5 * (M + M.T)).tolist(), g.standard_normal(d).tolist()

def ill_conditioned():             # at d = 5 one family a condition, because its covariances are long
    fams = ("mvn", "mvn_tril", "wishart", "normal_wishart")
    for k, (cond, d, f) in enumerate((cond, d, f) for c, cond in enumerate((1e4, 1e8, 1e10, 1e12)) for d in (2, 3, 5)
                                     for i, f in enumerate(fams) if d < 5 or i == 3 - c):
        M, v = ill(d, cond, k); note = f"{ILL}condition {cond:.0e}"; t = (1, 100)[k % 2]
        if f.startswith("mvn"): add(f, [d], [t * x for x in v] + (rows if f == "mvn" else tril)(M), note)
        elif f == "wishart": add(f, [d], rows(M) + [(0.5, -0.9, 30)[k % 3]], note)
        else:                      # eta_W = M - v v' / (4 c), rounded: the marginal in m is M but for that
            c = (0.5, 3)[k % 2]; E = [[M[i][j] - v[i] * v[j] / (4 * c) for j in range(d)] for i in range(d)]
            add(f, [d], rows(E) + v + [(0.5, -0.4, 30)[k % 3], -c], note)

def densities():
    g = []; D = lambda fam, args, eta, x, v, src: g.append(dens(fam, args, eta, x, v, src))
    for a, b, x in ((1, -0.5, 0.25), (-2.5, -0.3, -6), (3, -50, 0.125)):
        D("gaussian", [], (a, b), [x], st.norm(-a / (2 * b), (-2 * b) ** -0.5).logpdf(x), "scipy norm")
        pos = st.truncnorm(-a * (-2 * b) ** -0.5, np.inf, loc=-a / (2 * b), scale=(-2 * b) ** -0.5)
        D("rectified_gaussian", [], (a, b), [abs(x)], pos.logpdf(abs(x)), "scipy truncnorm")
    for d, M in ((1, [[-0.5]]), (2, ar(2)), (3, ar(3)), (5, ar(5))):
        C = np.linalg.inv(-2 * np.array(M)); v = np.array(lin(d)); x = np.arange(d) * 0.5 - 0.75
        for f, F in (("mvn", rows), ("mvn_tril", tril)):
            D(f, [d], list(v) + F(M), x, st.multivariate_normal(C @ v, C).logpdf(x), "scipy multivariate_normal")
    D("clipped_mvn", [[-1], [1]], (0.5, -0.5), [0.25], st.truncnorm(-1.5, 0.5, loc=0.5).logpdf(0.25), "scipy truncnorm")
    Z = mp.log(mp.quad(lambda t: mp.exp(t + 2 * t * t), [0, 1, 2, 3]))
    D("clipped_mvn", [[0], [3]], (1, 2), [2.5], 2.5 + 2 * 6.25 - Z, "mpmath quad")
    q = lambda s, t: mp.exp(s + t / 4 + s * s / 2 - 1.5 * s * t + t * t / 4)
    with mp.workdps(20): Z = mp.log(mp.quad(q, [0, 3], [-1, 0.5]))
    D("clipped_mvn", [[0, -1], [3, 0.5]], (1, 0.25, 0.5, -0.75, -0.75, 0.25), (1.5, -0.5),
      1.5 - 0.125 + 1.125 + 1.125 + 0.0625 - Z, "mpmath 2-D quad")
    lap = lambda a, b, x: -a * abs(x - 1) - b * abs(x + 1) - mp.log(mp.quad(
        lambda t: mp.exp(-a * abs(t - 1) - b * abs(t + 1)), [-90, -30, -10, -1, 1, 10, 30, 90]))
    for a, b, x in ((1, 1, 0.25), (-0.5, 2, 3)): D("laplace_product", [1], (a, b), [x], lap(a, b, x), "mpmath quad")
    D("laplace_product", [2], (1, 3, 2, 1.5), (-2, 0.5), lap(1, 2, -2) + lap(3, 1.5, 0.5), "mpmath quad")
    for s, r, x in ((2.5, 2, 0.75), (0.5, 1, 0.125), (11, 3, 4)):
        D("gamma", [], (s - 1, -r), [x], st.gamma(s, scale=1 / r).logpdf(x), "scipy gamma")
        D("exponential", [], [-r], [x], st.expon(scale=1 / r).logpdf(x), "scipy expon")
        D("inverse_gaussian", [], (-s, -r), [x], st.invgauss((s * r) ** -0.5 / 2, scale=2 * s).logpdf(x), "scipy invgauss")
        D("beta", [], (r - 1, s - 1), [x / 8], st.beta(s, r).logpdf(x / 8), "scipy beta")
        D("poisson", [], [s / 2], [int(4 * x)], st.poisson(math.exp(s / 2)).logpmf(int(4 * x)), "scipy poisson")
        D("von_mises", [], (s, -r), [x - 1], st.vonmises(math.hypot(s, r), math.atan2(-r, s)).logpdf(x - 1), "scipy vonmises")
        D("bernoulli", [], [s - r], [int(r) % 2], st.bernoulli(1 / (1 + math.exp(r - s))).logpmf(int(r) % 2), "scipy bernoulli")
        c, v = r / 2, x - 1                            # tau ~ Gamma(s, r), m | tau ~ N(v/(2c), 1/(2c tau))
        D("normal_gamma", [], (s - 0.5, -r - v * v / (4 * c), v, -c), (0.5, x), st.gamma(s, scale=1 / r).logpdf(x)
          + st.norm(v / (2 * c), (2 * c * x) ** -0.5).logpdf(0.5), "scipy gamma + norm")
    for al, x in (((2, 3), (0.25, 0.75)), ((0.5, 2, 3.5), (0.25, 0.5, 0.25)), ((1, 2, 3, 4, 5), (0.125, 0.25) * 2 + (0.25,))):
        k = len(al); p = np.exp(np.array(al) / 2); p /= p.sum(); hot = np.arange(k) == k - 2
        D("dirichlet", [k], off1(*al), x, st.dirichlet(al).logpdf(x), "scipy dirichlet")
        D("categorical", [k], [t / 2 for t in al], [k - 2], st.multinomial(1, p).logpmf(hot), "scipy multinomial")
    for d in (1, 2, 3):
        M = np.array(ar(d)); W = np.array(ar(d, -0.5, -0.25)); v = np.array(lin(d)); m = v[::-1] * 0.5; c, h = 0.75, 1.25
        w = lambda n, B: st.wishart(n, np.linalg.inv(2 * B)).logpdf(W)
        D("wishart", [d], list(M.ravel()) + [h], W.ravel(), w(2 * h + d + 1, -M), "scipy wishart")
        nrm = st.multivariate_normal(v / (2 * c), np.linalg.inv(2 * c * W)).logpdf(m)
        D("normal_wishart", [d], [*(M - np.outer(v, v) / (4 * c)).ravel(), *v, h, -c], [*m, *W.ravel()],
          nrm + w(2 * h + d, -M), "scipy multivariate_normal + wishart")
    for u, k, x in (((0.6, 0.8), 1, (0, 1)), ((0, -0.6, 0.8), 10, (0.48, -0.6, 0.64)),
                    ((0.5, -0.5, 0.5, -0.5, 0), 4, (0, 0, 0.6, -0.8, 0))):
        vmf = st.vonmises_fisher(np.array(u), k)
        D("von_mises_fisher", [len(u)], [k * t for t in u], x, vmf.logpdf(np.array(x)), "scipy vonmises_fisher")
    return max(g)

def quadrature_checks():
    line, tail, logit = over(*range(-24, 25, 6)), over(*range(-60, 7, 6), phi=EXP), over(*range(-60, 61, 10), phi=LOGIT)
    circle = over(-mp.pi, -2, 0, 2, mp.pi)
    for fam, args in (("gaussian", []), ("mvn", [1]), ("mvn_tril", [1])): check(fam, args, (1, -0.5), line)
    check("rectified_gaussian", [], (-1.5, -0.3), over(0, 3, 8, 16, 30))
    check("rectified_gaussian", [], (-400, -0.5), over(0, 0.02, 0.1, 0.4))
    for e in ((0.5, -0.5), (0.5, 0), (0.5, 2), (60, -0.5)): check("clipped_mvn", [[-1], [1]], e, over(-1, 0, 0.5, 1))
    for e in ((1, 1), (1 + 1e-9, 1), (-0.5, 2)): check("laplace_product", [1], e, over(-90, -30, -8, -1, 1, 8, 30, 90))
    check("gamma", [], (1.5, -2), tail); check("exponential", [], [-1], tail); check("wishart", [1], (-2, 1.5), tail)
    check("inverse_gaussian", [], (-1, -2), over(*range(-6, 7, 2), phi=EXP))
    check("beta", [], (2, 1), logit); check("dirichlet", [2], (2, 1), lambda g: logit(lambda x: g([x[0], 1 - x[0]])))
    check("von_mises", [], (6, -8), circle); check("von_mises_fisher", [2], (6, -8), lambda g: circle(lambda t: g([mp.cos(t[0]), mp.sin(t[0])])))
    check("bernoulli", [], [1], lambda g: g([mpf(0)]) + g([mpf(1)]))
    check("categorical", [3], (0.5, -1, 2), lambda g: sum(g([k]) for k in range(3)))
    check("poisson", [], [math.log(20)], lambda g: mp.fsum(g([mpf(k)]) for k in range(200)))

def main(out):
    t0 = time.time(); quadrature_checks(); cases(); worst = densities()
    for r in FAM:                                      # sizes, finiteness, symmetry, PSD
        n = len(r["eta"]); C = np.array(r["cov"])
        assert C.shape == (n, n) and len(r["mu_T"]) == n and (C == C.T).all(), r
        assert np.isfinite(C).all() and np.isfinite([*r["eta"], *r["mu_T"], r["A"]]).all(), r
        s = np.sqrt(np.diag(C)); s[s == 0] = 1
        assert np.linalg.eigvalsh(C / np.outer(s, s))[0] > -1e-13 * n, r
    count = lambda rows: collections.Counter(r["family"] for r in rows).values()
    assert len(count(FAM)) == len(count(LOGD)) == 19 and min(count(FAM)) >= 10 and min(count(LOGD)) >= 3
    with open(out, "w") as fh:                         # one row a line, floats as repr
        lines = lambda rows: ",\n".join(json.dumps(r, allow_nan=False) for r in rows)
        fh.write(f'{{"about": {json.dumps(__doc__)},\n"families": [\n{lines(FAM)}],\n"log_density": [\n{lines(LOGD)}]}}\n')
    print(f"{len(FAM)} rows, {len(LOGD)} densities, {time.time() - t0:.0f} s, worst log_density gap {worst:.1e} -> {out}")

if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "families.json")
