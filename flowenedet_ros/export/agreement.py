"""How alike two score maps are."""

import numpy as np
from numpy.typing import NDArray


def correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Return Pearson's correlation; constant scores that agree count as 1."""
    x, y = (v.ravel().astype(np.float64) - float(v.mean()) for v in (a, b))
    spread = float(np.sqrt((x @ x) * (y @ y)))
    if spread < 1e-12:
        return 1.0 if float(np.abs(a - b).max()) < 1e-4 else 0.0
    return float(x @ y) / spread
