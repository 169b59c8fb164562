"""The course of an audit by slices, as its report draws it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from goldleaf.certificates.base import AuditPlan, Draw, Said
from goldleaf.certificates.bounds import Steps, evidence, share, steps_of, upper_limit
from goldleaf.certificates.slices import Ints, Slices, members_of, plans


def path(
    plan: AuditPlan,
    slices: Slices,
    draws: Sequence[Draw],
    said: Sequence[Said],
    into: Sequence[int],
    points: int = 60,
) -> tuple[Ints, NDArray[np.float64]]:
    """(answers, the largest bound of a slice then): as `bounds.path`, over all slices.

    Args:
        draws, said, into: the answered draws in the order of their steps, each with the answer that counts.
    """
    own = slices.of[[draw.position for draw in draws]] if draws else np.zeros(0, np.int64)
    ends = np.unique(np.linspace(min(1, len(draws)), len(draws), points).astype(np.int64))
    ends = ends[ends > 0]
    weight = plan.weights[[draw.position for draw in draws]] if draws else np.zeros(0, np.int64)
    worst = np.zeros(ends.size)
    _, place = members_of(slices.of, slices.rows.size)
    for number, (part, outright) in enumerate(plans(plan, slices)):
        at = np.flatnonzero(own == number).tolist()
        mine = [replace(draws[i], position=int(place[draws[i].position])) for i in at]
        steps = steps_of(part, mine, [said[i] for i in at])
        came = np.cumsum(weight * ((np.asarray(into) == number).astype(np.int64) - (own == number)))
        for point, end in enumerate(ends.tolist()):
            seen = evidence(Steps(*(c[: np.searchsorted(at, end)] for c in steps)), part.cant_tell)
            unseen = int(part.weights.sum()) - int(weight[:end][own[:end] == number].sum())
            left = seen.unfixed + unseen if outright else upper_limit(seen, unseen, part.alpha, part.graded)
            bound = share(left, part.rows + int(came[end - 1]) - seen.excluded)
            worst[point] = max(worst[point], bound)
    return ends, worst
