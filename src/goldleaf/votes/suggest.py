"""Keyword rules that the human answers so far speak for, for a person to accept.

Each is measured on answers that did not choose it: the answers are split in two, a word is chosen on one half and
counted on the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from goldleaf.votes.diagnose import clopper_pearson
from goldleaf.votes.patterns import keywords

WORDS = r"(?u)\b\w\w+\b"
LONGEST = 3  # words in a phrase
_STREAM = 5067  # of the seed, so that the halves have nothing to do with other draws from it
SURE = 0.3  # the lower end of the precision that a rule must have: three right of three are not enough
CANDIDATES = 4  # for each rule that is wanted, before they are measured


@dataclass(frozen=True)
class Suggestion:
    """A keyword rule and how good it is.

    Attributes:
        right, answered: items with the word among the answers that did not choose it, and those with the label.
        low, high: of the precision, 95 % Clopper-Pearson.
        coverage: the share of all items that have the word.
    """

    label: str
    word: str
    right: int
    answered: int
    low: float
    high: float
    coverage: float

    @property
    def precision(self) -> float:
        return self.right / self.answered if self.answered else float("nan")

    def python(self) -> str:
        return f"goldleaf.keywords({self.label!r}, [{self.word!r}])"

    def toml(self) -> str:
        import json

        label, word = (json.dumps(one, ensure_ascii=False) for one in (self.label, self.word))
        name = json.dumps(f"{self.label}: {self.word}", ensure_ascii=False)
        return f"[sources.{name}]\nkeywords = [{word}]\nlabel = {label}"


def suggest(
    texts: Sequence[str],
    truth: Sequence[int],
    labels: Sequence[str],
    pool: Iterable[Sequence[str]],
    *,
    most: int = 10,
    least: float = 0.6,
    seed: int = 0,
) -> list[Suggestion]:
    """The rules worth reading, the best first.

    Args:
        texts, truth: of the answered items, as text and class integer. pool: the texts of all items, in portions.
        most: how many. least: the precision below which none is shown; nor is one whose interval
            begins below the label's own share, or below `SURE`.
    """
    from sklearn.feature_extraction.text import CountVectorizer

    if len(texts) < 10 or len(set(truth)) < 2:
        return []
    counter = CountVectorizer(
        binary=True, ngram_range=(1, LONGEST), token_pattern=WORDS, min_df=2, dtype=np.int32
    )
    try:
        has = counter.fit_transform(texts).tocsc()
    except ValueError:  # no word stands in two of the texts
        return []
    words, truth_ = counter.get_feature_names_out(), np.asarray(truth)
    half = np.random.default_rng([seed, _STREAM]).permutation(len(texts)) % 2 == 0
    chosen = {
        (word, label)
        for part in (half, ~half)
        for word, label in _choose(has[part], truth_[part], len(labels), CANDIDATES * most)
    }
    measured = [
        _measured(words[word], label, texts, truth_, _away(has, half, word, label, truth_), labels)
        for word, label in sorted(chosen)
    ]
    own = {label: float((truth_ == number).mean()) for number, label in enumerate(labels)}
    good = [one for one in measured if one and one.precision >= least and one.low > max(own[one.label], SURE)]
    good.sort(key=lambda one: (-one.low, -one.answered, one.word))
    return _with_coverage(_distinct(good)[:most], pool)


def _choose(
    has: NDArray[np.int32], truth: NDArray[np.int64], classes: int, most: int
) -> list[tuple[int, int]]:
    """(word, label), by the lower bound of the precision above the label's own share."""
    found = []
    total = np.asarray(has.sum(axis=0)).ravel()
    for label in range(classes):
        right = np.asarray(has[truth == label].sum(axis=0)).ravel()
        low, _ = clopper_pearson(right, total, 0.8)
        gain = low - (truth == label).mean()
        best = np.argsort(-gain, kind="stable")[:most]
        found += [(int(word), label) for word in best if gain[word] > 0]
    return found


def _away(
    has: NDArray[np.int32], half: NDArray[np.bool_], word: int, label: int, truth: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """The half that speaks less for a word: where the other one chose it, this one did not."""
    column = np.asarray(has[:, [word]].sum(axis=1)).ravel() > 0

    def share(part: NDArray[np.bool_]) -> float:
        there = column & part
        right, of = np.array((there & (truth == label)).sum()), np.array(there.sum())
        return float(clopper_pearson(right, of)[0])

    return half if share(half) <= share(~half) else ~half


def _measured(
    word: str,
    label: int,
    texts: Sequence[str],
    truth: NDArray[np.int64],
    part: NDArray[np.bool_],
    labels: Sequence[str],
) -> Suggestion | None:
    """By the rule itself, as it would vote."""
    pattern = keywords(labels[label], [word]).function.pattern  # type: ignore[attr-defined]
    there = [at for at in np.flatnonzero(part).tolist() if pattern.search(texts[at])]
    if not there:
        return None
    right = int((truth[there] == label).sum())
    low, high = clopper_pearson(np.array(right), np.array(len(there)))
    return Suggestion(labels[label], str(word), right, len(there), float(low), float(high), 0.0)


def _distinct(good: Sequence[Suggestion]) -> list[Suggestion]:
    """Without phrases that contain a better word, or the other way round."""
    kept: list[Suggestion] = []
    for one in good:
        mine = set(one.word.split())
        if all(not (mine & set(other.word.split())) or other.label != one.label for other in kept):
            kept.append(one)
    return kept


def _with_coverage(some: Sequence[Suggestion], pool: Iterable[Sequence[str]]) -> list[Suggestion]:
    from dataclasses import replace

    patterns = [keywords(one.label, [one.word]).function.pattern for one in some]  # type: ignore[attr-defined]
    found, total = np.zeros(len(some), np.int64), 0
    for texts in pool:
        total += len(texts)
        found += np.array(
            [sum(pattern.search(text) is not None for text in texts) for pattern in patterns], np.int64
        )
    return [
        replace(one, coverage=count / max(total, 1)) for one, count in zip(some, found.tolist(), strict=True)
    ]
