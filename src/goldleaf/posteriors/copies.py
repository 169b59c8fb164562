"""How much of a voice each source has: one that votes where another does, more than their classes explain, shares it.

Given the class, two independent sources vote alike on as many items as chance has it. The excess, over the most that
there could be, is their correlation; a vote weighs 1 / (1 + the sum of them), the design effect of clustered samples
(Kish, Survey Sampling, 1965). Exact copies weigh together as much as one.
"""

from __future__ import annotations

import numpy as np
import scipy

from goldleaf.posteriors.tally import Floats, Tally

NOISE = 3.0  # standard deviations of chance that an excess has to be above
NEAR = (
    0.5  # correlation from which one is a near copy: less is how rules of one class are, and costs accuracy
)
ITEMS = 20_000  # on which the counts are made


def weights(tally: Tally, given: Floats, posterior: Floats) -> Floats:
    """[sources * classes] the weight of a vote of each column.

    Args:
        given: [sources * classes, classes] votes of each column by true class, in expectation.
        posterior: [items, classes].
    """
    part, share = tally, 1.0
    if tally.items > ITEMS:
        some = np.sort(np.random.default_rng(0).choice(tally.items, ITEMS, replace=False))
        part, share = tally.take(some), ITEMS / tally.items
    both = scipy.sparse.coo_array(part.matrix.T @ part.matrix)
    one, other = both.coords
    alike = (one % tally.classes == other % tally.classes) & (one != other)
    one, other, together = one[alike], other[alike], both.data[alike]
    per_class = np.maximum(posterior.sum(axis=0), 1.0) * share
    chance = np.einsum("pc,pc->p", given[one] * share, given[other] * (share / per_class))
    votes = part.votes
    excess = together - chance
    clear = excess > NOISE * np.sqrt(chance + 1.0)
    room = np.maximum(np.sqrt(votes[one] * votes[other]) - chance, 1e-9)
    correlation = np.minimum(excess / room, 1.0)
    correlation[~clear | (correlation < NEAR)] = 0.0
    return np.asarray(1.0 / (1.0 + np.bincount(one, correlation, len(votes))))
