import pyarrow as pa
import pytest

from tests.exports.labeled_rows import labeled


@pytest.fixture
def reviews() -> tuple[list[pa.RecordBatch], pa.Schema]:
    user = pa.table({"id": [1, 2, 3, 4, 5], "text": ['good, "very"', "bad\nline", "=SUM(A1)", "", None]})
    return labeled(user, ["positive", "negative", "positive", None, "negative"])
