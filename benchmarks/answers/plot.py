"""The chart of the page: human answers against the certified error, ours and the peers'."""

from __future__ import annotations

from pathlib import Path

from benchmarks.answers.methods import ORACLE, OURS
from benchmarks.answers.summary import Cells, errors_of, shown
from benchmarks.figures import DOCS, into_docs
from goldleaf.certificates.report_charts import Ruler, nice_ticks

SETS = ("wrench_trec", "text_subj", "weak_agnews_24k", "mnist_test_labelerrors")
ERRORS = (0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2)
SEEDS = 5
COLOURS = ("#4477aa", "#66ccee", "#228833", "#aa3377", "#cc6677")  # Tol's bright scheme, for the colour-blind
OWN_COLOUR, ORACLE_COLOUR = "#d4a017", "#888888"
IMAGE = DOCS.parent / "images" / "answers.svg"
WIDTH, HEIGHT = 1280, 860


def publish(table: Cells) -> None:
    """Draw docs/images/answers.svg and show it in docs/benchmarks.md."""
    draw(table, IMAGE)
    print(f"written: {IMAGE}")
    alt = "Human answers against the certified error, goldleaf and its peers, a chart a set"
    into_docs("<!-- answers:chart -->", "<!-- /answers:chart -->", f"![{alt}](images/{IMAGE.name})")


def draw(table: Cells, path: Path) -> None:
    """Write an SVG with a chart a set; methods by the colours of one legend."""
    import leather

    heads = {head: method for head, method in shown(table).items() if any(m == method for _, m, _ in table)}
    grid = leather.Grid()
    for name in SETS:
        chart = _chart(table, name, heads)
        if chart is not None:
            grid.add_one(chart)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(grid.to_svg(width=WIDTH, height=HEIGHT).replace("Monaco", "sans-serif"))  # a Mac's font


def _chart(table: Cells, name: str, heads: dict[str, str]) -> object | None:
    import leather

    colours = iter(COLOURS)
    chart = leather.Chart(f"{name}: human answers, % of the items")
    top, lines = 0.0, 0
    for head, method in heads.items():
        colour = {OURS: OWN_COLOUR, ORACLE: ORACLE_COLOUR}.get(method) or next(colours)
        points = [
            (100 * error, 100 * cell.share)
            for error in errors_of(table)
            if (cell := table.get((name, method, error)))
        ]
        if len(points) < 2:
            continue
        top, lines = max(top, *(share for _, share in points)), lines + 1
        chart.add_line(points, name=head, stroke_color=colour, width=4 if method == OURS else 2)
    if not lines:
        return None
    x, y = Ruler([0, 5, 10, 15, 20]), Ruler(nice_ticks(top))
    chart.set_x_scale(x)
    chart.set_y_scale(y)
    chart.add_x_axis(ticks=x.ticks(), tick_formatter=lambda v, i, n: f"{v:g}", name="certified error, %")
    chart.add_y_axis(ticks=y.ticks(), tick_formatter=lambda v, i, n: f"{v:g}")
    return chart
