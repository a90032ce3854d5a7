"""Datasets as other programs write them, for tests/suite/pipeline.rs: numpy archives, stored and compressed, in both
widths and both orders of storage, with arrays that are not asked for; and one without ess.

    python npz.py            writes the files beside itself; numpy 2.4.6
"""

from pathlib import Path

import numpy as np

N, K = 3, 2
HERE = Path(__file__).parent


def arrays(dtype, order):
    def filled(*shape):
        return np.asarray(np.arange(np.prod(shape)).reshape(shape) / 8.0, dtype=dtype, order=order)

    return {"eta": filled(N, K), "mu_T": filled(N, K), "cov_TT": filled(N, K, K), "ess": filled(N)}


np.savez(HERE / "stored_f8.npz", **arrays("<f8", "C"))
np.savez(HERE / "fortran_f8.npz", **arrays("<f8", "F"))
np.savez_compressed(HERE / "packed_f4.npz", note=np.array(["a note"]), steps=np.arange(4), **arrays("<f4", "C"))
np.savez_compressed(HERE / "packed_fortran_f4.npz", **arrays("<f4", "F"))
without = arrays("<f8", "C")
del without["ess"]
np.savez(HERE / "without_ess.npz", **without)
