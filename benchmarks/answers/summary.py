"""What many runs say: shares, violations, the best fixed setting of each peer, ratios."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binom

from benchmarks.answers.methods import ORACLE, OURS, PEERS, family
from benchmarks.answers.runs import Run

CHOOSE_AT = 0.05  # the target at which a peer's one setting is chosen
LUCK = 0.999


@dataclass(frozen=True)
class Cell:
    """One method on one set at one target, over its seeds."""

    share: float
    p90: float
    worst_error: float
    violated: int
    runs: int
    items: int
    alpha: float

    @property
    def unlucky(self) -> bool:
        """More false certificates than bad luck explains."""
        return self.violated > luck(self.runs, self.alpha)

    def times(self, other: Cell) -> float:
        """Its mean share over the other's; an oracle may need no answer at all.

        Over all seeds that each was run with: ours and a peer's runs of the same seed have next to nothing in common (their
        answers correlate by -0.03 to 0.06 within a set), so common seeds alone would only be fewer.
        """
        return self.share / max(other.share, 1 / self.items)


Cells = dict[tuple[str, str, float], Cell]
"""By (set, method, error)."""


def luck(runs: int, alpha: float) -> int:
    """As many false certificates a valid method has at most, but once in a thousand times."""
    return int(binom.ppf(LUCK, runs, alpha))


def cells(runs: Iterable[Run]) -> Cells:
    some: dict[tuple[str, str, float], list[Run]] = {}
    for run in runs:
        some.setdefault((run.set, run.method, run.error), []).append(run)
    return {key: _cell(group) for key, group in some.items()}


def _cell(runs: Sequence[Run]) -> Cell:
    shares = np.array([run.share for run in runs])
    return Cell(
        share=float(shares.mean()),
        p90=float(np.quantile(shares, 0.9)),
        worst_error=max(run.true_error for run in runs),
        violated=sum(run.violated for run in runs),
        runs=len(runs),
        items=runs[0].items,
        alpha=runs[0].alpha,
    )


def geometric(values: Iterable[float]) -> float:
    return float(np.exp(np.mean(np.log(list(values)))))


def sets_of(table: Cells) -> list[str]:
    return list(dict.fromkeys(name for name, _, _ in table))


def errors_of(table: Cells) -> list[float]:
    return sorted({error for _, _, error in table})


def best_settings(table: Cells) -> dict[str, str]:
    """For every peer the one setting with the smallest geometric mean share at 5 % over the sets."""
    error = min(errors_of(table), key=lambda one: abs(one - CHOOSE_AT), default=CHOOSE_AT)
    chosen = {}
    for peer in PEERS:
        settings = dict.fromkeys(method for _, method, _ in table if family(method) == peer)
        shares = {
            method: geometric(
                cell.share for (_, other, at), cell in table.items() if (other, at) == (method, error)
            )
            for method in settings
        }
        if shares:
            chosen[peer] = min(shares, key=shares.__getitem__)
    return chosen


def violations(table: Cells, method: str) -> tuple[int, int]:
    """(false certificates, runs) of a method over all sets and targets."""
    some = [cell for (_, other, _), cell in table.items() if other == method]
    return sum(cell.violated for cell in some), sum(cell.runs for cell in some)


def eligible(table: Cells, method: str) -> bool:
    """Whether a method's certificates are true as often as it says, on every set and over all of them."""
    some = [cell for (_, other, _), cell in table.items() if other == method]
    wrong, runs = violations(table, method)
    return bool(some) and not any(cell.unlucky for cell in some) and wrong <= luck(runs, some[0].alpha)


def against(table: Cells, error: float, others: Iterable[str], least: int = 0) -> dict[str, float]:
    """By set of at least `least` items: our mean share over the smallest of the `others`."""
    out = {}
    for name in sets_of(table):
        ours = table.get((name, OURS, error))
        theirs = [table[key] for other in others if (key := (name, other, error)) in table]
        if ours and ours.items >= least and (ratio := max(map(ours.times, theirs), default=0.0)):
            out[name] = ratio
    return out


def shown(table: Cells) -> dict[str, str]:
    """The columns of the table: method by heading."""
    heads = {"goldleaf": OURS} if any(method == OURS for _, method, _ in table) else {}
    heads |= {PEERS[peer]: method for peer, method in best_settings(table).items()}
    if any(method == ORACLE for _, method, _ in table):
        heads["lower bound"] = ORACLE
    return heads
