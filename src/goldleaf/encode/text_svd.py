"""`text.svd.v1`: TF-IDF of words and character n-grams, reduced to 128 dimensions on the pool itself.

The cheap domain adaptation beside a pretrained encoder: up to +7 points of probe accuracy at ten labels a class.
128 dimensions did as well as 256, or better, on text_subj and TREC, and within 0.2 points on banking77.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from goldleaf.encode.base import Encoder, Vectors, fingerprint, only_field, texts

_FEWEST = 3  # texts; a character n-gram must be in as many to count


class SvdText:
    """The recipe: word (1, 2)-grams and word-bounded character (3, 5)-grams → SVD → unit norm."""

    name = "text.svd.v1"
    sample = 4_000

    def __init__(self, fields: tuple[str, ...], dimensions: int = 128, seed: int = 0) -> None:
        self.field = only_field(fields, self.name)
        self.dimensions, self.seed = dimensions, seed
        self.fingerprint = fingerprint(self.name, field=self.field, dimensions=dimensions, seed=seed)

    def fit(self, sample: pa.Table) -> Encoder:
        """Learn the vocabulary and the directions; without a repeated word there are none, and the vector is 0."""
        return _Fitted(self, texts(sample, self.field))


class _Fitted:
    def __init__(self, recipe: SvdText, pool: list[str]) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        self.field, self.fingerprint = recipe.field, recipe.fingerprint
        common: dict[str, Any] = {"sublinear_tf": True, "dtype": np.float32}
        words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, max_features=100_000, **common)
        characters = TfidfVectorizer(
            analyzer="char_wb", ngram_range=(3, 5), min_df=_FEWEST, max_features=50_000, **common
        )
        self.vectorizers = [one for one in (words, characters) if _learns(one, pool)]
        if self.vectorizers:
            self.components = main_directions(self._matrix(pool), recipe.dimensions, recipe.seed)

    def encode(self, batch: pa.RecordBatch) -> Vectors:
        if not self.vectorizers:
            return np.zeros((batch.num_rows, 1), np.float32)
        vectors: Vectors = self._matrix(texts(batch, self.field)) @ self.components
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        norms[norms < 1e-12] = 1
        return np.asarray(vectors / norms, np.float32)

    def _matrix(self, some: list[str]) -> Any:
        return sp.hstack([vectorizer.transform(some) for vectorizer in self.vectorizers], format="csr")


def main_directions(matrix: Any, dimensions: int, seed: int) -> Vectors:
    """float32 [columns, ≤ dimensions]: the leading right singular vectors of a sparse [rows, columns] matrix."""
    from sklearn.utils.extmath import randomized_svd
    from threadpoolctl import threadpool_limits

    at_most = max(1, min(dimensions, *(size - 1 for size in matrix.shape)))
    with threadpool_limits(1, "blas"):  # small products: more threads only wait for each other
        _, _, directions = randomized_svd(
            matrix, at_most, n_iter=2, power_iteration_normalizer="none", random_state=seed
        )
    return np.ascontiguousarray(directions.T, np.float32)


def _learns(vectorizer: Any, pool: list[str]) -> bool:
    """Fit; False where no term is in enough texts, which scikit-learn only says by a ValueError."""
    if len(pool) < _FEWEST:
        return False
    try:
        vectorizer.fit(pool)
    except ValueError as error:
        if "empty vocabulary" in str(error) or "no terms remain" in str(error):
            return False
        raise
    return True
