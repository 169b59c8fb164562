from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldleaf.encode.names import build
from goldleaf.encode.table_columns import Category, Date, Number, ShortText, fit_column, plain
from goldleaf.errors import EncodeError

from .support import one_batch


def _fit(values, kind=None):
    array = plain(pa.array(values, kind))
    column = fit_column(array, 0)
    return column, column(array)


def _rows(**columns):
    table = pa.table(columns)
    fitted = build("table.v1", fields=tuple(columns)).fit(table)
    return fitted, fitted.encode(one_batch(table))


def test_numbers_are_scores_ranks_and_a_mark_where_missing() -> None:
    column, found = _fit([1.0, 2.0, 3.0, 4.0, None, float("nan"), float("inf")])
    assert isinstance(column, Number)
    assert found.shape == (7, 3)
    assert found[:, 2].tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert not found[4:, :2].any()
    np.testing.assert_allclose(found[:4, 0], (np.arange(4) - 1.5) / np.std([1, 2, 3, 4]), atol=1e-6)
    assert (np.diff(found[:4, 1]) > 0).all()


def test_an_outlier_does_not_squash_the_rest() -> None:
    _, found = _fit([*range(100), 1e12])
    assert np.abs(found).max() <= 5
    assert found[90, 1] - found[10, 1] > 1.5


@given(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=60, unique=True))
def test_ranks_keep_the_order(values) -> None:
    _, found = _fit(values)
    order = np.argsort(values)
    assert (np.diff(found[order, 1]) >= -1e-6).all()
    assert np.isfinite(found).all()


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([Decimal("1.5"), Decimal("2.5"), None], None, Number),
        ([1, 2, 3], pa.int64(), Number),
        (["1", " 2.5e3", "?", "-4", "N/A"], None, Number),
        ([True, False, None, True], None, Category),
        (["red", "green", "red", "green"], None, Category),
        (["red", "green", "red"], pa.dictionary(pa.int8(), pa.string()), Category),
        ([date(2024, 1, 1), date(2024, 5, 2), None], None, Date),
        ([datetime(2024, 1, 1, 5), datetime(2024, 5, 2)], None, Date),
        ([timedelta(seconds=3), timedelta(days=2)], None, Number),
        ([f"the {n} quick brown fox {n * 7}" for n in range(80)], None, ShortText),
    ],
)
def test_the_kind_of_a_column(values, kind, expected) -> None:
    column, found = _fit(values, kind)
    assert isinstance(getattr(column, "column", column), expected)
    assert found.shape[0] == len(values)
    assert np.isfinite(found).all()
    assert found.std(axis=0).max() > 0


def test_dates_as_text_are_dates() -> None:
    texts = ["2024-01-31", "2023-07-01 10:00:00", "2022-12-25T00:00:00Z", ""]
    column, found = _fit(texts)
    days = [date(2024, 1, 31), date(2023, 7, 1), date(2022, 12, 25), None]
    assert isinstance(column.column, Date)
    np.testing.assert_allclose(found, _fit(days)[1], atol=1e-6)
    assert found[:, -1].tolist() == [0, 0, 0, 1]


def test_a_week_and_a_year_are_circles() -> None:
    days = [date(2024, 1, 1) + timedelta(days=n) for n in range(0, 730)]
    _, found = _fit(days)
    np.testing.assert_allclose(found[0, 4:6], found[7, 4:6], atol=1e-6)
    assert np.abs(found[0, 4:6] - found[3, 4:6]).max() > 0.5
    np.testing.assert_allclose(found[0, 4:6], [0, 1], atol=1e-6)  # a Monday opens the week
    assert (np.diff(found[:, 0]) > 0).all()


def test_rare_unseen_and_missing_levels() -> None:
    column, _ = _fit(["a"] * 5 + ["b"] * 3 + ["once", None])
    found = column(plain(pa.array(["a", "b", "once", "never", None, "?"])))
    assert found.tolist() == [
        [1, 0, 0, 0],
        [0, 1, 0, 0],
        [0, 0, 1, 0],
        [0, 0, 1, 0],
        [0, 0, 0, 1],
        [0, 0, 0, 1],
    ]


def test_columns_that_carry_nothing_are_left_out_with_the_reason() -> None:
    n = 100
    fitted, found = _rows(
        good=np.arange(n),
        constant=["x"] * n,
        empty=pa.nulls(n),
        blank=["", "?"] * (n // 2),
        plate=[f"ab-{k:05d}" for k in range(n)],
        tags=[["a"]] * n,
    )
    assert fitted.left_out == {
        "constant": "one value only",
        "empty": "every value is missing",
        "blank": "every value is missing",
        "plate": "nearly every value is another one, such as a name or a number plate",
        "tags": "values of type list<item: string>",
    }
    assert np.isfinite(found).all()


def test_a_table_of_nothing_is_refused() -> None:
    with pytest.raises(EncodeError, match=r"No column of the table can be encoded \(`a`: one value only\)"):
        _rows(a=["x"] * 5)


def test_a_value_of_another_kind_later_is_missing_not_an_error() -> None:
    table = pa.table(
        {"n": ["1", "2", "3", "4"], "d": ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"]}
    )
    fitted = build("table.v1", fields=("n", "d")).fit(table)
    late = pa.table({"n": ["5", "many"], "d": ["2024-13-45", "tomorrow"]})
    assert np.isfinite(fitted.encode(one_batch(late))).all()


def test_a_linear_probe_can_bend() -> None:
    """A ring around a disc: not linear in the columns, linear in the random waves."""
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 600))
    truth = np.hypot(x, y) > 1.2
    _, found = _rows(x=x, y=y)
    score = {}
    for name, columns in (("linear", found[:, :4]), ("all", found)):
        score[name] = (
            LogisticRegression(C=10).fit(columns[:300], truth[:300]).score(columns[300:], truth[300:])
        )
    assert score["linear"] < 0.7
    assert score["all"] > 0.93
