"""What a label is: the label set, the columns an item is read from, and how two answers compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from goldleaf.errors import ConfigError, VotesError, did_you_mean, names

Modality = Literal["text", "image", "table"]
CLASS = "class"  # `Target.per`: a slice is the items delivered with one label


@dataclass(frozen=True)
class Classify:
    """One label per item, out of a fixed list that may grow.

    Args:
        labels: the label names, in the order of their keys and of the exported class integers.
        text: the column that holds the text of an item; or
        image: the column that holds an image (a path, or encoded bytes); or
        table: the columns that make up a table row, `"*"` for all but the key.
        key: a column whose value names a row for good; without it a row is named by its content.
        descriptions: a sentence for a label, shown to whoever answers, and to the LLMs.
        guidelines: how to decide between the labels, for LLMs (and people).
    """

    labels: tuple[str, ...]
    text: str | None = None
    image: str | None = None
    table: tuple[str, ...] | Literal["*"] | None = None
    key: str | None = None
    descriptions: tuple[tuple[str, str], ...] = ()
    guidelines: str | None = None

    def __init__(
        self,
        labels: Sequence[str],
        *,
        text: str | None = None,
        image: str | None = None,
        table: Sequence[str] | Literal["*"] | None = None,
        key: str | None = None,
        descriptions: dict[str, str] | None = None,
        guidelines: str | None = None,
    ) -> None:
        names_ = tuple(str(label) for label in labels)
        if len(names_) < 2:
            raise ConfigError(f"`labels` needs at least two labels, got {list(names_)!r}.")
        twice = {name for name in names_ if names_.count(name) > 1}
        if twice or any(not name.strip() for name in names_):
            raise ConfigError(f"`labels` must be distinct and not empty, got {list(names_)!r}.")
        if sum(column is not None for column in (text, image, table)) != 1:
            raise ConfigError(
                f"Classify needs exactly one of `text`, `image`, `table`, got text={text!r}, image={image!r}, table={table!r}."
            )
        for label in descriptions or {}:
            if label not in names_:
                raise ConfigError(
                    f"`descriptions` names {label!r}, which is not among the labels {names(names_)}."
                )
        columns: Any = table if table is None or table == "*" else tuple(table)
        set_ = object.__setattr__
        set_(self, "labels", names_)
        set_(self, "text", text)
        set_(self, "image", image)
        set_(self, "table", columns)
        set_(self, "key", key)
        set_(self, "descriptions", tuple((descriptions or {}).items()))
        set_(self, "guidelines", guidelines)

    @property
    def modality(self) -> Modality:
        return "text" if self.text is not None else "image" if self.image is not None else "table"

    def fields(self, columns: Sequence[str]) -> tuple[str, ...]:
        """The content columns out of those the data has: what is shown, hashed and encoded."""
        wanted = (
            tuple(name for name in columns if name != self.key)
            if self.table == "*"
            else self.table or tuple(name for name in (self.text, self.image) if name is not None)
        )
        for name in (*wanted, *((self.key,) if self.key else ())):
            if name not in columns:
                raise ConfigError(
                    f"No column `{name}`; the data has {names(columns)}.{did_you_mean(name, columns)}",
                    do="Name the column as it stands in the first line of the file.",
                )
        return wanted

    def index(self, label: str, where: str) -> int:
        """The class integer of `label`; `where` says whose answer it was, for the error."""
        try:
            return self.labels.index(label)
        except ValueError:
            raise VotesError(
                f"Unknown label {label!r} in {where}; allowed: {names(self.labels)}.{did_you_mean(label, self.labels)}",
                do="Correct it, or add the label to `labels` in goldleaf.toml.",
            ) from None

    def loss(self, label: int, truth: int) -> float:
        """1.0 when the label is wrong, else 0.0."""
        return float(label != truth)

    def with_label(self, label: str) -> Classify:
        """The same task with one more label at the end."""
        return Classify.from_dict({**self.to_dict(), "labels": [*self.labels, label]})

    def to_dict(self) -> dict[str, Any]:
        """As it stands under [task] in goldleaf.toml."""
        body: dict[str, Any] = {"type": "classify", "labels": list(self.labels)}
        for name in ("text", "image", "key"):
            if getattr(self, name) is not None:
                body[name] = getattr(self, name)
        if self.table is not None:
            body["table"] = self.table if self.table == "*" else list(self.table)
        if self.guidelines is not None:
            body["guidelines"] = self.guidelines
        if self.descriptions:
            body["descriptions"] = dict(self.descriptions)
        return body

    @classmethod
    def from_dict(cls, body: dict[str, Any]) -> Classify:
        body = dict(body)
        kind = body.pop("type", "classify")
        if kind != "classify":
            raise ConfigError(f"Unknown task type {kind!r}; allowed: `classify`.")
        allowed = ("labels", "text", "image", "table", "key", "descriptions", "guidelines")
        for name in body:
            if name not in allowed:
                raise ConfigError(
                    f"Unknown setting `{name}` under [task]; allowed: {names(allowed)}.{did_you_mean(name, allowed)}"
                )
        if "labels" not in body:
            raise ConfigError("[task] has no `labels`.", do='Write e.g. labels = ["positive", "negative"].')
        return cls(body.pop("labels"), **body)


@dataclass(frozen=True)
class Target:
    """The error you can live with, and how sure you want to be.

    Args:
        error: the largest share of wrong labels in the delivered data set, in (0, 1).
        confidence: the probability, over the random draws of the audit, that the claim is true, in (0, 1).
        cant_tell: what an audit answer "can't tell" is: an "error" that stays in the data set (default), or
            "exclude": the item leaves the data set and is not counted. Fixed before the audit starts.
        per: the error is to hold in every slice, at once: "class", the rows delivered with one label; or the name
            of a column, such as a source or a language. None: in the data set as a whole.
        second_opinions: rows, drawn at random, that a second person answers too, so that the certificate can say how
            far people agree. 0: none, and it says nothing of the people's own errors.
    """

    error: float = 0.05
    confidence: float = 0.95
    cant_tell: Literal["error", "exclude"] = "error"
    per: str | None = None
    second_opinions: int = 0

    def __post_init__(self) -> None:
        for name in ("error", "confidence"):
            value = getattr(self, name)
            if not isinstance(value, int | float) or not 0 < value < 1:
                share = isinstance(value, int | float) and 1 <= value < 100
                raise ConfigError(
                    f"`{name}` must lie strictly between 0 and 1, got {value!r}.",
                    do=f"For {value:g} %, write {value / 100:g}." if share else None,
                )
        if self.cant_tell not in ("error", "exclude"):
            raise ConfigError(f"`cant_tell` must be `error` or `exclude`, got {self.cant_tell!r}.")
        if self.per is not None and not (isinstance(self.per, str) and self.per):
            raise ConfigError(f"`per` must be `{CLASS}` or the name of a column, got {self.per!r}.")
        _check_second_opinions(self.second_opinions, self.confidence)

    @property
    def alpha(self) -> float:
        return 1.0 - self.confidence


def _check_second_opinions(count: int, confidence: float) -> None:
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise ConfigError(
            f"`second_opinions` must be a whole number of rows, 0 or more, got {count!r}.",
            do="Write e.g. 60: without a difference among them, people differ in at most about 5 % of the rows.",
        )
    if count and confidence <= 0.5:
        raise ConfigError(
            f"`second_opinions` needs a `confidence` above 0.5, got {confidence!r}: the combined bound's risk is twice "
            "the target's."
        )
