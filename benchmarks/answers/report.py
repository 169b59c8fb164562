"""The figures and the tables of the page."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from benchmarks.answers.methods import HUMAN, ORACLE, OURS, is_ablation
from benchmarks.answers.summary import (
    Cells,
    against,
    best_settings,
    eligible,
    errors_of,
    geometric,
    luck,
    sets_of,
    shown,
    violations,
)
from benchmarks.figures import Figure
from benchmarks.figures import into_docs as _into_docs

COMMAND = "python -m benchmarks.answers"
PUBLISHED = {  # budget saved at 5 % with the files' own votes, in percent: the best column of the design's table B.6
    "pac_stance_votes": 29.3,
    "pac_misinfo_votes": 21.3,
    "pac_imagenetv2_votes": 40.3,
    "pac_imagenet_votes": 62.8,
    "pac_stance_text_votes": 29.3,
    "pac_misinfo_text_votes": 21.3,
}
LARGE = 10_000  # items from which on the cost of the proof is small beside the lower bound

_figure = partial(Figure, command=COMMAND)


def headline(table: Cells) -> list[Figure]:
    """What the page shows: the ratios, the median share, the violations."""
    figures = [one for error in errors_of(table) for one in (*_ratios(table, error), *_median(table, error))]
    figures += _saved(table)
    for head, method in shown(table).items():
        if method != ORACLE:
            figures.append(_violations(table, head, method))
    return figures


def _ratios(table: Cells, error: float) -> Iterator[Figure]:
    best = best_settings(table)
    fair = [method for method in best.values() if eligible(table, method)]
    target = abs(error - 0.05) < 1e-9  # the promises are made at 5 %
    at = f"at {100 * error:g} %"
    for name, ratios, promise in (
        ("geometric mean, goldleaf / PAC labels", against(table, error, [best.get("pac_wsr", "")]), 0.5),
        ("geometric mean, goldleaf / best eligible peer of each set", against(table, error, fair), 0.8),
        (
            f"geometric mean, goldleaf / lower bound, n >= {LARGE:,}",
            against(table, error, [ORACLE], LARGE),
            1.25,
        ),
    ):
        if ratios:
            value = geometric(ratios.values())
            yield _figure(
                f"{at}: {name}",
                value,
                "ratio",
                f"<= {promise}" * target,
                value <= promise if target else None,
            )
    ratios = against(table, error, fair)
    if ratios:
        worst = max(ratios, key=ratios.__getitem__)
        yield _figure(
            f"{at}: largest ratio to the best eligible peer ({worst})",
            ratios[worst],
            "ratio",
            "<= 1.05" * target,
            ratios[worst] <= 1.05 if target else None,
        )


def _median(table: Cells, error: float) -> Iterator[Figure]:
    for head, method in shown(table).items():
        shares = [cell.share for (_, other, at), cell in table.items() if (other, at) == (method, error)]
        value = 100 * float(np.median(shares)) if shares else 0.0
        ours = method == OURS
        if shares:
            yield _figure(
                f"at {100 * error:g} %: median share of human answers, {head}",
                value,
                "%",
                "<= 10" * ours,
                value <= 10 if ours else None,
            )


def _saved(table: Cells) -> Iterator[Figure]:
    for name, target in PUBLISHED.items():
        ours = table.get((name, OURS, 0.05))
        if ours:
            saved = 100 * (1 - ours.share)
            yield _figure(f"at 5 %: saved on {name}", saved, "%", f">= {target}", saved >= target)


def _violations(table: Cells, head: str, method: str) -> Figure:
    wrong, runs = violations(table, method)
    alpha = next(cell.alpha for (_, other, _), cell in table.items() if other == method)
    limit = luck(runs, alpha)
    note = "" if method == OURS or eligible(table, method) else "; not eligible as best"
    return _figure(
        f"false certificates of {runs} ({100 * alpha:g} % allowed), {head}{note}",
        wrong,
        "runs",
        f"<= {limit}",
        wrong <= limit,
    )


def details(table: Cells) -> list[Figure]:
    """Every cell of the tables, for the JSON; the peers' other settings are in the long table."""
    columns = set(shown(table).values())
    return [
        _figure(f"{name} at {100 * error:g} %, {method}: {what}", value, unit)
        for (name, method, error), cell in table.items()
        if method in columns or is_ablation(method)
        for what, value, unit in (
            ("share of the items", 100 * cell.share, "%"),
            ("share, 90th percentile", 100 * cell.p90, "%"),
            ("true error, largest", 100 * cell.worst_error, "%"),
            (f"false certificates of {cell.runs}", cell.violated, "runs"),
        )
    ]


def sets_table(table: Cells, error: float) -> str:
    """Markdown: a row a set, a column a method; mean share of human answers in percent, 90th percentile behind it."""
    heads = shown(table)
    fair = {method for method in heads.values() if method != ORACLE and eligible(table, method)}
    lines = [
        f"| at {100 * error:g} % | items | {' | '.join(heads)} | largest true error of ours |",
        f"|---|--:|{'--:|' * len(heads)}--:|",
    ]
    for name in sets_of(table):
        row = {method: table.get((name, method, error)) for method in heads.values()}
        present = [cell for cell in row.values() if cell]
        if not present:
            continue
        least = min((cell.share for method, cell in row.items() if cell and method in fair), default=0.0)
        printed = [_cell(table, name, method, error, least, method in fair) for method in heads.values()]
        ours = row.get(OURS)
        error_of_ours = f"{100 * ours.worst_error:.1f}" if ours else ""
        lines.append(f"| {name} | {present[0].items:,} | {' | '.join(printed)} | {error_of_ours} |")
    return "\n".join(lines)


def _cell(table: Cells, name: str, method: str, error: float, least: float, fair: bool) -> str:
    cell = table.get((name, method, error))
    if cell is None:
        return ""
    mean = f"{100 * cell.share:.1f}"
    if fair and cell.share <= least:
        mean = f"**{mean}**"
    return f"{mean} ({100 * cell.p90:.1f}){'†' * cell.unlucky}"


def ablation_table(table: Cells, error: float) -> str:
    """Markdown: goldleaf without each ingredient, in geometric mean over the sets that both were run on."""
    without = dict.fromkeys(method for _, method, _ in table if is_ablation(method))
    lines = [
        f"| at {100 * error:g} % | answers, times goldleaf's | largest on a set | false certificates |",
        "|---|--:|--:|--:|",
    ]
    for method in without:
        ratios = {name: 1 / ratio for name, ratio in against(table, error, [method]).items()}
        if not ratios:
            continue
        worst = max(ratios, key=ratios.__getitem__)
        wrong, runs = violations(table, method)
        mean = geometric(ratios.values())
        lines.append(f"| {method} | {mean:.2f} | {ratios[worst]:.2f} ({worst}) | {wrong} of {runs} |")
    return "\n".join(lines) if len(lines) > 2 else ""


def into_docs(table: Cells) -> None:
    """Both tables, and which settings the peers run at, into docs/benchmarks.md."""
    errors = errors_of(table)
    settings = ", ".join(f"`{method}`" for method in best_settings(table).values())
    both = "\n\n".join(sets_table(table, error) for error in errors)
    _into_docs(
        "<!-- answers:sets -->",
        "<!-- /answers:sets -->",
        f"{both}\n\nThe peers' best fixed settings: {settings}. All human (`{HUMAN}`) is 100.",
    )
    ablations = "\n\n".join(filter(None, (ablation_table(table, error) for error in errors)))
    if ablations:
        _into_docs("<!-- answers:ablation -->", "<!-- /answers:ablation -->", ablations)
