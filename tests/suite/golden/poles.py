"""Moments of densities with a pole inside, |x - c|^e exp(-x^2) on an interval, to 14 digits (mpmath): poles.json.

On each side of the pole x = c +- exp(u), in which the integrand falls exponentially towards the pole.
Run: python poles.py > poles.json
"""

import json

import mpmath as mp

mp.mp.dps = 30


def moments(e, c, below, above):
    e, c = mp.mpf(e), mp.mpf(c)

    def total(power_of_u, power_of_square):
        out = mp.mpf(0)
        for side, length in ((1, above), (-1, below)):
            def f(u):
                x = c + side * mp.e**u
                return mp.e ** ((e + 1) * u) * u**power_of_u * mp.e ** (-(x**2)) * (x**2) ** power_of_square

            top, low = mp.log(length), -80 / (e + 1)
            inner = [p for p in (-8, -6, -4, -3, -2, -1, 0, mp.mpf(1) / 2, 1, mp.mpf(3) / 2) if p < top and p > low / 10]
            out += mp.quad(f, [low * part for part in (1, 0.7, 0.5, 0.3, 0.2, 0.1)] + inner + [top])
        return out

    z = total(0, 0)
    return [mp.nstr(v, 16) for v in (total(1, 0) / z, total(0, 1) / z, mp.log(z))]


cases = []
for support, c, below, above in (
    ("real(1)", 0.0, 12, 12),
    ("interval(-1, 1)", 0.0, 1, 1),
    ("real(1)", 0.3, 12, 12),
    ("interval(-1, 1)", 0.3, 1 + mp.mpf(0.3), 1 - mp.mpf(0.3)),
    ("positive(1)", 0.3, mp.mpf(0.3), 12),
):
    for e in (0.5, -0.2, -0.5, -0.7):
        log, square, normalizer = moments(e, c, below, above)
        cases.append({"x": support, "c": c, "e": e, "log": log, "square": square, "log_normalizer": normalizer})
print(json.dumps(cases, indent=1))
