"""A user's rows with goldleaf's four columns, as the exporters get them."""

import pyarrow as pa

from goldleaf.exports.base import label_fields

LABELS = ("negative", "positive")


def labeled(user: pa.Table, labels: list[str | None]) -> tuple[list[pa.RecordBatch], pa.Schema]:
    """The user's rows with the four label columns, in batches of two rows."""
    count = len(labels)
    fields = label_fields(user.schema)
    columns = (
        labels,
        [0.5 + 0.1 * (i % 5) for i in range(count)],
        ["probe.v1"] * count,
        [i % 2 == 0 for i in range(count)],
    )
    for field, values in zip(fields, columns, strict=True):
        user = user.append_column(field, pa.array(values, field.type))
    return user.to_batches(max_chunksize=2), user.schema
