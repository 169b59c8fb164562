"""The freeze: what the machine says of every item, fixed before the audit's first draw."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from sqlalchemy import Row

from goldleaf.certificates import threshold
from goldleaf.certificates.audit import Make
from goldleaf.certificates.base import AuditPlan
from goldleaf.certificates.slices import Slices, make
from goldleaf.certificates.threshold import ThresholdAudit
from goldleaf.ledger.base import Ledger
from goldleaf.posteriors.kernel import KernelProbe
from goldleaf.posteriors.weighing import Weighing
from goldleaf.project.config import Config
from goldleaf.project.model import NAME, WITH_VOTES
from goldleaf.task import CLASS

_READ = ("position", "weight", "label", "probability", "p_wrong")  # the ids are for those without the items
_SLICE = "slice"  # a column that only a target with `per` has


@dataclass(frozen=True)
class Frozen:
    """Frozen predictions of the items that no person had labeled, and the facts the audit was planned with.

    Attributes:
        slices: how the data is parted, where the target has `per`; `facts["slices"]` has their names.
    """

    attempt: int
    positions: NDArray[np.int64]
    weights: NDArray[np.int64]
    labels: NDArray[np.int16]
    probability: NDArray[np.float32]
    p_wrong: NDArray[np.float32]
    facts: dict[str, Any]
    slices: Slices | None = None

    @property
    def make(self) -> Make:
        """What makes the audit of `plan()`."""
        return ThresholdAudit if self.plan().method == threshold.METHOD else make(self.slices)

    @property
    def sources(self) -> dict[str, str]:
        """Whose votes took part → their version."""
        return dict(self.facts.get("sources", {}))

    @property
    def machine(self) -> str:
        """What labeled the items, as exports name it."""
        return f"{KernelProbe.name}+{Weighing.name}" if self.sources else KernelProbe.name

    def with_method(self, chosen: AuditPlan) -> Self:
        """The same, to be audited as `chosen` says."""
        audit = {"method": chosen.method, "draws": chosen.draws, "tolerated": chosen.tolerated}
        return replace(self, facts={**self.facts, "audit": audit})

    def into(self, place: int, label: str | None) -> int | None:
        """The slice that the item at `place` is delivered in once a person said `label` (None: can't tell)."""
        if self.slices is None:
            return None
        if label is None or self.facts["per"] != CLASS:
            return int(self.slices.of[place])
        labels: list[str] = self.facts["labels"]
        return labels.index(label) if label in labels else -1

    def plan(self) -> AuditPlan:
        return AuditPlan(
            weights=self.weights,
            p_wrong=self.p_wrong.astype(np.float64),
            rows=self.facts["rows"],
            error=self.facts["error"],
            alpha=self.facts["alpha"],
            expected_error=self.facts["expected_error"],
            seed=self.facts["seed"],
            cant_tell=self.facts["cant_tell"],
            **self.facts.get("audit", {}),
        )

    def place(self, position: int) -> int:
        """An item's index in the plan."""
        return int(np.searchsorted(self.positions, position))

    def holds(self, position: int) -> bool:
        """Whether the machine labeled the item."""
        place = self.place(position)
        return place < len(self.positions) and bool(self.positions[place] == position)

    def label(self, place: int) -> str:
        """The frozen label of the item at that index."""
        name: str = self.facts["labels"][self.labels[place]]
        return name

    def entry(self, ids: pa.Array[pa.StringScalar]) -> dict[str, Any]:
        """The row of the ledger's `posteriors`: everything, so that the ledger alone can recompute the audit."""
        table = pa.table(
            {
                "id": ids,
                "position": self.positions,
                "weight": self.weights,
                "label": self.labels,
                "probability": self.probability,
                "p_wrong": self.p_wrong,
            }
        )
        if self.slices is not None:
            table = table.append_column(_SLICE, pa.array(self.slices.of, pa.int64()))
        sink = io.BytesIO()
        pq.write_table(table, sink, compression="zstd")
        return {
            "attempt": self.attempt,
            "model": WITH_VOTES if self.sources else NAME,
            "facts": json.dumps(self.facts, sort_keys=True),
            "body": sink.getvalue(),
        }

    @classmethod
    def from_row(cls, row: Row[Any]) -> Self:
        facts = json.loads(row.facts)
        sliced = (_SLICE,) if "slices" in facts else ()
        # not `pq.read_table`: a thread of its own may still hold the bytes when the process ends, and abort it
        table = pq.ParquetFile(io.BytesIO(row.body)).read([*_READ, *sliced], use_threads=False)
        return cls(
            attempt=row.attempt,
            positions=table["position"].to_numpy(),
            weights=table["weight"].to_numpy(),
            labels=table["label"].to_numpy(),
            probability=table["probability"].to_numpy(),
            p_wrong=table["p_wrong"].to_numpy(),
            facts=facts,
            slices=Slices(table[_SLICE].to_numpy(), np.array(facts["slices"]["rows"], np.int64))
            if sliced
            else None,
        )


def last_freeze(ledger: Ledger, *columns: str) -> Any:
    """The newest freeze's row, or None."""
    rows = ledger.rows("posteriors", "seq", "attempt")
    freezes = [row.seq for row in rows if row.attempt > 0]
    return ledger.last("posteriors", *columns, seq=freezes[-1]) if freezes else None


def promise(config: Config) -> dict[str, Any]:
    """What a change of voids an attempt."""
    per = {} if config.target.per is None else {"per": config.target.per}
    return {
        **per,
        "labels": list(config.task.labels),
        "error": config.target.error,
        "confidence": config.target.confidence,
        "cant_tell": config.target.cant_tell,
        "method": config.method,
    }
