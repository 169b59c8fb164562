"""Which slice an item lies in: its class, or the value of a column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from goldleaf.certificates.slices import Slices
from goldleaf.errors import ConfigError, did_you_mean, names
from goldleaf.items.store import ItemStore
from goldleaf.task import CLASS, Classify, Target

MOST = 200  # values of a column: each of them has to be audited on its own
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Parting:
    """The slices of a project.

    Attributes:
        names: of the slices; None is that of the items without a value.
        of: [items] the slice of each item by its column; None when a label decides.
    """

    names: tuple[str | None, ...]
    of: Ints | None

    def slice_of(self, positions: Ints, labels: NDArray[np.integer[Any]]) -> Ints:
        """[n] the slice of the items at `positions`, were they delivered with `labels`."""
        return labels.astype(np.int64) if self.of is None else self.of[positions]

    def slices(
        self,
        pool: Ints,
        labels: NDArray[np.integer[Any]],
        known: tuple[Ints, Ints],
        weights: Ints,
        like: Ints | None = None,
    ) -> Slices:
        """The slices of a freeze.

        Args:
            pool, labels: the items that the machine labels, and how.
            known: the items that people labeled, and how.
            weights: [items]
            like: items that stand for the pool's, over and over, and whose `labels` these are; the pool by default.
        """
        stand_ins = np.resize(pool if like is None else like, len(pool))
        of = self.slice_of(stand_ins, np.resize(labels, len(pool)))
        rows = np.bincount(of, weights[pool], minlength=len(self.names))
        rows = rows + np.bincount(self.slice_of(*known), weights[known[0]], minlength=len(self.names))
        return Slices(of, rows.astype(np.int64))


def wanted(task: Classify, target: Target, store: ItemStore) -> Parting | None:
    """The slices that the target asks for, or None; raises as `parting`."""
    return None if target.per is None else parting(target.per, task.labels, store)


def parting(per: str, labels: tuple[str, ...], store: ItemStore) -> Parting:
    """The slices by class, or by the column `per`.

    Raises:
        ConfigError: `per` names no column, or one that cannot part the items.
    """
    if per == CLASS:
        return Parting(labels, None)
    if per not in store.schema.names:
        allowed = (CLASS, *store.schema.names)
        raise ConfigError(
            f"`per` is `{per}`, but the items have no such column; allowed: {names(allowed)}.{did_you_mean(per, allowed)}",
            do="Correct `per` under [target] in goldleaf.toml, or take it out.",
        )
    batches = (batch.column(0) for batch in store.item_batches([per]))
    values = pa.chunked_array([_as_text(values, per) for values in batches], pa.string()).combine_chunks()
    found = sorted(value for value in values.unique().to_pylist() if value is not None)
    parts: tuple[str | None, ...] = (*found, None) if values.null_count else tuple(found)
    if len(parts) > MOST:
        raise ConfigError(
            f"`per` is `{per}`, which has {len(parts):,} values; allowed: up to {MOST}, as each is audited on its own.",
            do="Name a column with few values, such as a source or a language.",
        )
    of = pc.index_in(values, pa.array(found, pa.string())).fill_null(len(found)).to_numpy().astype(np.int64)
    _refuse_mixed(store, per, values)
    return Parting(parts, of)


def _as_text(values: pa.Array[Any], per: str) -> pa.Array[Any]:
    try:
        if pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type):
            raise pa.ArrowNotImplementedError("bytes")
        return values.cast(pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        raise ConfigError(
            f"`per` is `{per}`, a column of type {values.type}; allowed: text, numbers, dates, true or false.",
            do="Name another column.",
        ) from None


def _refuse_mixed(store: ItemStore, per: str, values: pa.Array[Any]) -> None:
    """An item is labeled once, for all of its rows; these must not lie in two slices."""
    if store.rows == store.items:
        return
    for batch in store.row_batches():
        item = batch.column("goldleaf_item")
        mine, first = _as_text(batch.column(batch.schema.get_field_index(per)), per), values.take(item)
        same = pc.equal(mine, first).fill_null(False).to_numpy(zero_copy_only=False)
        same |= np.asarray(mine.is_null()) & np.asarray(first.is_null())
        if not same.all():
            at = int(np.flatnonzero(~same)[0])
            raise ConfigError(
                f"`per` is `{per}`, but item {batch.column('goldleaf_id')[at]} has rows with {first[at].as_py()!r} "
                f"and with {mine[at].as_py()!r} there; allowed: one value an item, as it is asked about once.",
                do=f"Take such rows out, choose another column, or make `{per}` a part of the items: --table.",
            )
