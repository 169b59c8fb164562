"""Answers replayed from a file or a table. Whatever they decide is called replayed, everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goldleaf.errors import VotesError, did_you_mean, names


@dataclass(frozen=True)
class Replay:
    """Answers known beforehand, e.g. `Replay("gold.csv")`, `Replay(frame, label="gold")`.

    Args:
        answers: a file or table that `Project.create` could read as items, with a column of labels.
        label: that column; by default `label`, or the only column that is not the task's own.
    """

    answers: Any
    label: str | None = None

    @property
    def name(self) -> str:
        """The source written into the ledger."""
        return f"replay:{Path(self.answers).name}" if isinstance(self.answers, str | Path) else "replay:table"

    @property
    def _shown(self) -> str:
        return self.name.removeprefix("replay:")

    def label_column(self, columns: tuple[str, ...], own: tuple[str, ...]) -> str:
        """The column of labels among `columns`, where `own` are the task's columns."""
        if self.label is not None:
            if self.label not in columns:
                raise VotesError(
                    f"No column `{self.label}` in {self._shown}; it has {names(columns)}."
                    f"{did_you_mean(self.label, columns)}"
                )
            return self.label
        others = [column for column in columns if column not in own and not column.startswith("goldleaf_")]
        if "label" in others:
            return "label"
        if len(others) == 1:
            return others[0]
        raise VotesError(
            f"Which column of {self._shown} holds the labels? It has {names(others)} beside the items' own.",
            do="Name it: Replay(file, label=COLUMN), or on the command line --answer-column COLUMN.",
        )
