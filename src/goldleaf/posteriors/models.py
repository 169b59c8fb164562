"""The models of votes by name, and which one suits a table."""

from __future__ import annotations

from goldleaf.posteriors.dawid_skene import DawidSkene, OneCoin
from goldleaf.posteriors.em import VoteModel
from goldleaf.posteriors.mace import Mace
from goldleaf.posteriors.majority import Majority, WeightedMajority
from goldleaf.posteriors.precision import Precision
from goldleaf.posteriors.tally import Tally, shares

MODELS: dict[str, type[Majority] | type[VoteModel]] = {
    kind.name: kind for kind in (Majority, WeightedMajority, OneCoin, DawidSkene, Mace, Precision)
}
LUCK = 0.01


def suited(tally: Tally) -> VoteModel:
    """`precision.v1` where most sources vote for one class only, more often than luck has it; else `dawid_skene.v1`."""
    votes = tally.votes.reshape(tally.sources, tally.classes)
    share = shares(votes.sum(axis=0) + 1.0)
    total, most = votes.sum(axis=1), votes.max(axis=1, initial=0.0)
    by_luck = share[votes.argmax(axis=1)] ** total
    single = (most == total) & (by_luck < LUCK)
    return Precision() if 2 * single.sum() > (total > 0).sum() else DawidSkene()
