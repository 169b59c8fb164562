"""The data card: what was asked, of whom, what is proven, and what to beware of. Markdown, for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from goldleaf.schema import percent_up


@dataclass(frozen=True)
class CardFacts:
    """Everything the card says.

    Args:
        rows: rows of the data; items: distinct contents among them.
        class_counts: rows by label, as (labeled by a person, labeled by the machine).
        asked: (who, answers, seconds spent) for each source of answers.
        questions_by_purpose: answers by purpose: training, audit, census, repeat.
        certificate: the certificate in words; None when there is none.
        cant_tell: rows without a label, because the person asked could not tell.
        replayed: the answers were read from earlier ones instead of asked of a person.
        created: when, as it is to be printed.
        limits: what the reader should beware of, a sentence each.
        per: what the proof holds for each part of: "class" or a column. slices: (its name, rows, bound, reached).
    """

    title: str
    rows: int
    items: int
    labels: tuple[str, ...]
    class_counts: dict[str, tuple[int, int]]
    asked: list[tuple[str, int, float]]
    questions_by_purpose: dict[str, int]
    certificate: str | None
    cant_tell: int
    encoder: str
    source_files: list[str]
    replayed: bool
    created: str
    version: str
    limits: list[str] = field(default_factory=list)
    per: str | None = None
    slices: list[tuple[str, int, float, bool]] = field(default_factory=list)


def card(facts: CardFacts) -> str:
    """The data card in Markdown."""
    parts = [
        f"# {escape(facts.title)}",
        _summary(facts),
        "## What is proven",
        _proof(facts),
        "## What was asked, and of whom",
        _asked(facts),
        "## Labels",
        _classes(facts),
        "## How it was made",
        _origin(facts),
        "## Limits",
        "\n".join(f"- {escape(limit)}" for limit in [*facts.limits, *_own_limits(facts)]),
    ]
    return "\n\n".join(parts) + "\n"


def _summary(facts: CardFacts) -> str:
    distinct = "" if facts.items == facts.rows else f" ({facts.items:,} of them distinct)"
    return (
        f"{facts.rows:,} rows{distinct}, labeled with goldleaf {facts.version}, {escape(facts.created)}. "
        "Beside the data's own columns each row has its label, the probability that the label is right, the "
        "source that decided, and whether that was a human or the machine."
    )


def _proof(facts: CardFacts) -> str:
    if facts.certificate is None:
        return (
            "**There is no certificate for these labels.** Nothing is proven about how many of them are "
            "wrong; the probabilities are the machine's own opinion."
        )
    replayed = "\n\nIt rests on replayed answers, see below." if facts.replayed else ""
    return "\n\n".join([escape(facts.certificate, 1000) + replayed, *_slices(facts)])


def _slices(facts: CardFacts) -> list[str]:
    if not facts.slices:
        return []
    rows = [
        (escape(name), f"{rows:,}", f"{percent_up(bound)} %", "reached" if reached else "not reached")
        for name, rows, bound, reached in facts.slices
    ]
    return [_table((escape(facts.per or ""), "Rows", "Wrong, at most", "Target"), rows)]


def _asked(facts: CardFacts) -> str:
    parts = []
    if facts.replayed:
        parts.append(
            "**The answers were replayed**: read from labels that existed before, not given by a person "
            "while this data set was labeled. What is said of errors is measured against those labels."
        )
    if not facts.asked:
        parts.append("Nobody was asked: there are no answers.")
    else:
        rows = [(escape(who), f"{answers:,}", duration(seconds)) for who, answers, seconds in facts.asked]
        parts.append(_table(("Who", "Answers", "Time"), rows))
    purposes = [
        (escape(name), f"{answers:,}") for name, answers in facts.questions_by_purpose.items() if answers
    ]
    if purposes:
        parts.append(_table(("Asked for", "Answers"), purposes))
    return "\n\n".join(parts)


def _classes(facts: CardFacts) -> str:
    counts = {label: facts.class_counts.get(label, (0, 0)) for label in facts.labels}
    rows = [
        (
            escape(label),
            f"{human:,}",
            f"{machine:,}",
            f"{human + machine:,}",
            _share(human + machine, facts.rows),
        )
        for label, (human, machine) in counts.items()
    ]
    cant_tell = "every row has a label" if not facts.cant_tell else f"{facts.cant_tell:,} rows have no label"
    why = "" if not facts.cant_tell else ": whoever was asked could not tell"
    table = _table(("Label", "By a human", "By the machine", "Rows", "Share"), rows)
    return f"{table}\n\nOf {facts.rows:,} rows, {cant_tell}{why}."


def _origin(facts: CardFacts) -> str:
    files = ", ".join(escape(file) for file in facts.source_files) or "not recorded"
    lines = (
        f"Data read from: {files}",
        f"Encoder: {escape(facts.encoder)}",
        f"Written by: goldleaf {facts.version}",
    )
    return "\n".join(f"- {line}" for line in lines)


def _own_limits(facts: CardFacts) -> list[str]:
    """What is true of every card."""
    limits = ["A label counts as right when it agrees with the people asked; where they are wrong, so is it."]
    if facts.slices:
        limits.append(f"The bounds hold for each {facts.per}, not for other parts of the data set.")
    elif facts.certificate is not None:
        limits.append("The bound holds for the data set as a whole, not for each label or each part of it.")
    return limits


def duration(seconds: float) -> str:
    """Seconds as a person would say them."""
    if seconds <= 0:
        return "not recorded"
    minutes = round(seconds / 60)
    if minutes < 1:
        return "under a minute"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min" if hours else f"{minutes} min"


def escape(text: str, longest: int = 500) -> str:
    """A user's text on one line, with nothing in it that Markdown or HTML would take for its own."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text[: 4 * longest]).split())
    line = line if len(line) <= longest else line[: longest - 1] + "…"
    return "".join("\\" + char if char in "\\`*_[]<>|#~$" else char for char in line).replace("&", "&amp;")


def _share(count: int, total: int) -> str:
    return f"{100 * count / total:.1f} %" if total else "0 %"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Markdown, the first column to the left and numbers to the right."""
    rule = ("---", *("---:" for _ in head[1:]))
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *rows))
