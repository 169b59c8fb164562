"""`table.v1`: the columns of a row as numbers, fitted on the pool. In the core install.

Each column by its kind (`table_columns.py`), then, at weight 0.7, random Fourier features of all of them together
(Rahimi & Recht, NIPS 2007), so that a linear probe can bend: -0.1 to +0.7 points
of accuracy on the Adult and Wine quality tables with 100 and 500 labels.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from goldleaf.encode.base import Encoder, Vectors, column, fingerprint
from goldleaf.encode.table_columns import Column, LeftOut, fit_column, plain
from goldleaf.errors import EncodeError

_WAVES, _GAMMA, _WEIGHT = 256, 0.6, 0.7


class TableRows:
    """The recipe; `fit` looks at each column and decides what it is."""

    name = "table.v1"
    sample = 20_000

    def __init__(self, fields: tuple[str, ...], seed: int = 0) -> None:
        self.fields, self.seed = tuple(fields), seed
        self.fingerprint = fingerprint(self.name, fields=self.fields, seed=seed)

    def fit(self, sample: pa.Table) -> Encoder:
        """The encoder for the pool of `sample`; its `left_out` says which columns carry nothing, and why."""
        return FittedRows(self, sample)


class FittedRows:
    """Rows to vectors. `left_out` maps a column that is not used to the reason."""

    def __init__(self, recipe: TableRows, sample: pa.Table) -> None:
        self.fingerprint = recipe.fingerprint
        self.columns: dict[str, Column] = {}
        self.left_out: dict[str, str] = {}
        for field in recipe.fields:
            try:
                self.columns[field] = fit_column(plain(column(sample, field)), recipe.seed)
            except LeftOut as reason:
                self.left_out[field] = str(reason)
        if not self.columns:
            reasons = "; ".join(f"`{field}`: {reason}" for field, reason in self.left_out.items())
            raise EncodeError(f"No column of the table can be encoded ({reasons}).")
        linear = np.hstack([of(plain(column(sample, field))) for field, of in self.columns.items()])
        self.mean = linear.mean(axis=0)
        self.scale = max(float(np.linalg.norm(linear - self.mean, axis=1).mean()), 1e-12)
        rng = np.random.default_rng(recipe.seed)
        self.waves = rng.normal(0, np.sqrt(2 * _GAMMA), (linear.shape[1], _WAVES)).astype(np.float32)
        self.phases = rng.uniform(0, 2 * np.pi, _WAVES).astype(np.float32)

    def encode(self, batch: pa.RecordBatch) -> Vectors:
        linear = np.hstack([of(plain(column(batch, field))) for field, of in self.columns.items()])
        linear = ((linear - self.mean) / self.scale).astype(np.float32)
        # einsum adds each row's terms in one order; a matrix product may choose another for another batch size
        angles = np.einsum("ij,jk->ik", linear, self.waves) + self.phases
        bent = np.cos(angles) * np.float32(_WEIGHT * np.sqrt(2 / _WAVES))
        return np.hstack([linear, bent])
