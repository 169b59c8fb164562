"""opinions.v1: what the votes make of every item, and what the items' neighbours make of that. No answer is needed.

In turns: a model of the votes, a probe fitted on its posteriors, the model again with the probe's left-out predictions
for a prior. Once answers come in, they tell how far each vote can be believed (`heeded`); how far the whole, is learned
by `weighing.v1`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import scipy
from numpy.typing import NDArray

from goldleaf.posteriors.em import VoteModel
from goldleaf.posteriors.heed import Heard, Heeding
from goldleaf.posteriors.models import suited
from goldleaf.posteriors.soft import SoftProbe
from goldleaf.posteriors.sure import Sureness
from goldleaf.posteriors.tally import Floats, Tally, shares
from goldleaf.posteriors.weighing import beside
from goldleaf.schema import VoteTable

Ints = NDArray[np.int64]
Views = Sequence[NDArray[np.floating]]

TURNS = 2
POOL = 50_000  # items up to which the turns are taken on all; in a larger pool the votes' model stands alone
BLOCK = 8_192


class Opinions:
    """The votes on one pool, weighed without answers.

    Args:
        seed: of the probe.

    Attributes after `fit`:
        tally_: the votes. model_: of them. probe_: None without views or votes.
        share_: [classes] of the pool, by the posteriors. heedings_: the votes source by source, all
            alike, and by their confidence where they have any.
    """

    name = "opinions.v1"

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def fit(self, votes: VoteTable, views: Views | None = None) -> Self:
        """Fit on `votes` and the `views` of all their items, each [items, d] with rows of norm 1."""
        self.tally_ = tally = Tally(votes)
        self._views, self.probe_ = views, None
        self.model_: VoteModel = suited(tally).fit_tally(tally)
        posterior = self.model_.posterior(tally)
        covered = np.flatnonzero(tally.covered)
        small = tally.items <= POOL
        if views is not None and len(covered) > 1:
            for _ in range(TURNS if small else 1):
                self.probe_ = SoftProbe(self.seed).fit(views, covered, posterior[covered])
                if small:
                    around = self._around(np.arange(tally.items))
                    self.model_.fit_tally(tally, around)
                    posterior = self.model_.posterior(tally, around)
        self._kept = posterior if small else None
        self.share_ = shares(posterior.sum(axis=0) + 1.0)
        alike = Tally.of(scipy.sparse.csr_array(tally.counts), tally.classes)
        self.heedings_: list[Heeding | Sureness] = [Heeding.of(one, posterior) for one in (tally, alike)]
        if votes.confidence is not None:
            self.heedings_.append(Sureness.of(votes, Heeding.of(tally, posterior)))
        return self

    def predict_proba(self, at: Ints | None = None) -> Floats:
        """P(label) [at, classes] of the items `at`, or of all."""
        at = np.arange(self.tally_.items) if at is None else at
        if self._kept is not None:
            return np.asarray(self._kept[at])
        before = None if self.probe_ is None else self._around(at)
        return self.model_.posterior(self.tally_.take(at), before)

    def accuracies(self) -> Floats:
        """[sources] how often each is right where it votes, by these posteriors; nan where it never votes."""
        tally = self.tally_
        given = tally.expected(self.predict_proba()).reshape(tally.sources, tally.classes, tally.classes)
        right = np.einsum("scc->s", given)
        votes = tally.votes.reshape(tally.sources, tally.classes).sum(axis=1)
        return np.where(votes > 0, right / np.maximum(votes, 1.0), np.nan)

    def heeded(self, at: Ints, labels: Ints) -> Answered:
        """What the votes are worth, source by source and all alike, given the labels [at] of the items `at`."""
        return Answered(self, [one.heard(at, labels) for one in self.heedings_])

    def left_out(self, at: Ints, labels: Ints) -> Floats:
        """[1 + heedings, at, classes] log odds beside the shares: by the posterior, by the answers to other items."""
        return np.stack([self._odds(at), *(one.left_out(at, labels) for one in self.heedings_)])

    def _odds(self, at: Ints) -> Floats:
        return beside(self.predict_proba(at), self.share_)

    def _around(self, at: Ints) -> Floats:
        """What the probe makes of the items `at`; of those it was fitted on, by the others."""
        assert self.probe_ is not None and self._views is not None
        out = np.empty((len(at), self.tally_.classes))
        for part in _blocks(len(at)):
            out[part] = self.probe_.predict_proba([np.asarray(view[at[part]]) for view in self._views])
        fitted = self.probe_.fitted_
        place = np.minimum(np.searchsorted(fitted, at), len(fitted) - 1)
        itself = fitted[place] == at
        out[itself] = self.probe_.held_out_[place[itself]]
        return out


def _blocks(length: int) -> Iterator[slice]:
    for start in range(0, length, BLOCK):
        yield slice(start, start + BLOCK)


@dataclass(frozen=True)
class Answered:
    """Opinions, and what answers have said of them."""

    opinions: Opinions
    heard: list[Heard]

    def log_odds(self, at: Ints) -> Floats:
        """[1 + heedings, at, classes] log odds of the items `at`, as `Opinions.left_out` has them of answered ones."""
        heedings = zip(self.opinions.heedings_, self.heard, strict=True)
        return np.stack([self.opinions._odds(at), *(one.log_odds(heard, at) for one, heard in heedings)])
