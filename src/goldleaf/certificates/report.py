"""The report: one HTML file for whoever has to trust the labels. Opens offline, prints, runs no script.

The page is well-formed XML as well as HTML. Everything that came from the data is cut to length, stripped of
control and direction-changing characters, and escaped.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from math import ceil
from string import Template

from goldleaf.certificates.report_charts import (
    HALF,
    HUMAN,
    MACHINE,
    QUIET,
    bars_chart,
    bound_chart,
    columns_chart,
    reliability_chart,
)
from goldleaf.certificates.report_facts import ReportFacts

CLASSES_DRAWN = 20
SUSPECTS_SHOWN = 50
TABLE_ROWS = 24  # of the bound's path, which has thousands
NUMBER = ' class="number"'


def render(facts: ReportFacts) -> str:
    """The report as one HTML page, without scripts or anything loaded from elsewhere."""
    css = files("goldleaf.certificates").joinpath("report.css").read_text(encoding="utf-8")
    sections = (
        _head(facts),
        _bound(facts),
        *([_slices(facts)] if facts.slices else []),
        *([_people(facts.people)] if facts.people else []),
        f'<div class="pair">{_purposes(facts)}{_hours(facts)}</div>',
        f'<div class="pair">{_reliability(facts)}{_found(facts)}</div>',
        _classes(facts),
        _suspects(facts),
        _certificate(facts),
    )
    return _PAGE.substitute(
        title=text(facts.title, 200),
        css=css,
        body="\n".join(sections),
        version=text(facts.version),
        created=text(facts.created),
    )


_PAGE = Template("""\
<!DOCTYPE html>
<html lang="en" xmlns="http://www.w3.org/1999/xhtml">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<title>$title: quality report</title>
<style>
$css</style>
</head>
<body>
<main>
$body
<footer>Written by goldleaf $version, $created. This page is complete in itself: it loads nothing and runs no
script.</footer>
</main>
</body>
</html>
""")


def text(value: str, longest: int = 120) -> str:
    """A user's text, safe to print in HTML: cut to length, nothing invisible that reorders it, escaped."""
    return escape(clean(value, longest))


def clean(value: str, longest: int = 120) -> str:
    """Printable text on one line; characters that steer the display become a visible �."""
    line = " ".join(value[: 8 * longest].split())
    line = line[: longest - 1] + "…" if len(line) > longest or len(value) > 8 * longest else line
    return "".join("\N{REPLACEMENT CHARACTER}" if _steers(char) else char for char in line)


def _steers(char: str) -> bool:
    """Controls, marks that reorder or hide text, and what XML forbids; joiners make letters and emoji, and stay."""
    return (
        unicodedata.category(char) in ("Cc", "Cf", "Cs") and char not in "\u200c\u200d"
    ) or char in "\ufffe\uffff"


def _head(facts: ReportFacts) -> str:
    target = f"at most {_percent(facts.error)} wrong, with {_percent(facts.confidence)} confidence"
    kind, state = ("good", "Certified") if facts.certified else ("warn", "Not certified")
    state += f". Target: {target}"
    answers = sum(facts.purposes.values()) or facts.human
    done = facts.human + facts.machine
    saved = max(0.0, facts.hours_by_hand - facts.hours_spent)
    figures = (
        (f"{answers:,}", "replayed answers" if facts.replayed else "human answers"),
        (
            f"{facts.rows:,}",
            "rows" if facts.rows == facts.items else f"rows, {facts.items:,} of them distinct",
        ),
        (_percent(facts.machine / done, floor=True) if done else _percent(0), "labeled by the machine"),
        (_hours_text(saved), "saved, estimated" if facts.seconds_assumed else "of human work saved"),
    )
    replayed = (
        '<p class="notice">The answers were <b>replayed</b>: read from labels that existed before, not given '
        "by a person during this run. Errors are measured against those labels.</p>"
        if facts.replayed
        else ""
    )
    tiles = "".join(f'<div class="figure"><b>{value}</b><span>{name}</span></div>' for value, name in figures)
    return (
        f'<header>\n<p class="eyebrow"><bdi>{text(facts.title, 200)}</bdi> · quality report · '
        f"{text(facts.created)}</p>\n<h1>{_unbroken(text(facts.statement, 300))}</h1>\n"
        f'<span class="status {kind}">{state}</span>\n{replayed}\n'
        f'<div class="figures">{tiles}</div>\n</header>'
    )


def _bound(facts: ReportFacts) -> str:
    answers, bounds = ([float(v) for v in values] for values in facts.bound_path)
    whose = " in the worst slice" if facts.slices else ""
    lead = (
        f"The error proven{whose} after each human answer. It starts at 100 % and falls as the audit goes on."
    )
    last = max((one.bound for one in facts.slices), default=facts.bound)
    if not answers:
        return _section(
            "The bound, answer by answer", lead, _empty("No audit has been drawn yet: nothing is proven.")
        )
    title = (
        f"The proven error bound after {answers[-1]:,.0f} human answers is {_percent(last)}; "
        f"the target is {_percent(facts.error)}."
    )
    legend = _legend(
        (MACHINE, "proven error bound", False), (HUMAN, f"target, {_percent(facts.error)}", True)
    )
    step = max(1, ceil(len(answers) / TABLE_ROWS))
    kept = sorted({*range(0, len(answers), step), len(answers) - 1})
    table = _data(
        ("Human answers", "Proven error bound"), [(f"{answers[i]:,.0f}", _percent(bounds[i])) for i in kept]
    )
    chart = bound_chart(answers, bounds, facts.error, title)
    return _section("The bound, answer by answer", lead, legend + _chart(chart) + table)


def _slices(facts: ReportFacts) -> str:
    by = "class" if facts.per == "class" else text(facts.per or "", 60)
    lead = (
        f"The error proven in every {by}, all at once. Rows that a person moved into another class count there, "
        "as right. Largest bound first."
    )
    head = "".join(
        f"<th{mark}>{name}</th>"
        for name, mark in (
            (by, ""),
            ("Rows", NUMBER),
            ("Wrong, at most", NUMBER),
            ("Share, at most", NUMBER),
            ("Audit answers", NUMBER),
            ("Target", ""),
        )
    )
    rows = "".join(
        f"<tr><td><bdi>{'no value' if one.name is None else text(one.name, 60)}</bdi></td>"
        f"<td{NUMBER}>{one.rows:,}</td><td{NUMBER}>{one.wrong_rows_at_most:,}</td>"
        f"<td{NUMBER}>{_percent(one.bound)}</td><td{NUMBER}>{one.answers:,}</td>"
        f"<td>{'reached' if one.certified else 'not reached'}</td></tr>"
        for one in sorted(facts.slices, key=lambda one: -one.bound)
    )
    table = f'<table class="slices"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
    return _section("Slice by slice", lead, table)


def _people(sentence: str) -> str:
    lead = "Rows drawn at random were answered by a second person too, blind to the first answer."
    return _section("How far the people agree", lead, f"<p>{text(sentence, 600)}</p>")


def _purposes(facts: ReportFacts) -> str:
    total = sum(facts.purposes.values())
    heading = "What the answers were for"
    lead = (
        "Training teaches the machine. The audit is drawn blind and proves the error. A census settles items "
        "outright."
    )
    lead += " A repeat asks a second person, blind." if "repeat" in facts.purposes else ""
    if not total:
        return _section(heading, lead, _empty("Nobody has been asked yet."))
    rows = [(clean(name), f"{count:,}", (count,)) for name, count in facts.purposes.items()]
    chart = bars_chart(rows, (HUMAN,), f"{total:,} human answers by purpose", HALF)
    table = _data(
        ("Purpose", "Answers"), [(text(name), f"{count:,}") for name, count in facts.purposes.items()]
    )
    return _section(heading, lead, _chart(chart) + table)


def _hours(facts: ReportFacts) -> str:
    heading = "Hours"
    how = (
        "Estimated from an assumed time per answer."
        if facts.seconds_assumed
        else "Measured while people answered."
    )
    lead = f"{how} By hand means that a person labels every item."
    if facts.hours_by_hand <= 0:
        return _section(heading, lead, _empty("No answer has been timed yet."))
    rows = [
        ("with goldleaf", _hours_text(facts.hours_spent), (facts.hours_spent, 0.0)),
        ("all by hand", _hours_text(facts.hours_by_hand), (0.0, facts.hours_by_hand)),
    ]
    chart = bars_chart(rows, (HUMAN, QUIET), f"{rows[0][1]} with goldleaf, {rows[1][1]} by hand", HALF)
    table = _data(("Way", "Hours"), [(name, f"{sum(parts):,.2f}") for name, _, parts in rows])
    return _section(heading, lead, _chart(chart) + table)


def _reliability(facts: ReportFacts) -> str:
    heading = "Are the probabilities honest?"
    lead = "Of labels given a probability, the share found right; larger dots: more audited."
    if not facts.reliability:
        return _section(heading, lead, _empty("No audited label to compare with yet."))
    chart = reliability_chart(facts.reliability, "Share found right against the probability said, by bin")
    legend = _legend((MACHINE, "found right", False), (QUIET, "what was said", True))
    rows = [(_percent(said), _percent(found), f"{count:,}") for said, found, count in facts.reliability]
    return _section(heading, lead, legend + _chart(chart) + _data(("Said", "Found right", "Audited"), rows))


def _found(facts: ReportFacts) -> str:
    heading = "Errors predicted, errors found"
    checked = sum(audited for *_, audited in facts.found_errors)
    errors = sum(found for _, _, found, _ in facts.found_errors)
    lead = "Among the audited labels, by how likely the machine thought each was to be wrong."
    if not checked:
        return _section(heading, lead, _empty("No label has been audited yet."))
    lead += f" {errors:,} errors in {checked:,}." if errors else f" No error was found in {checked:,}."
    series = (
        ([predicted for _, predicted, _, _ in facts.found_errors], QUIET),
        ([float(found) for _, _, found, _ in facts.found_errors], HUMAN),
    )
    names = [clean(name, 24).replace(" to ", "–").removesuffix(" %") for name, *_ in facts.found_errors]
    title = f"{errors:,} errors found, {sum(series[0][0]):,.1f} predicted"
    chart = columns_chart(names, series, "probability of being wrong, in %", title)
    legend = _legend((QUIET, "predicted", False), (HUMAN, "found", False))
    rows = [(text(name), f"{p:,.1f}", f"{found:,}", f"{n:,}") for name, p, found, n in facts.found_errors]
    table = _data(("Probability of being wrong", "Predicted", "Found", "Audited"), rows)
    return _section(heading, lead, legend + _chart(chart) + table)


def _classes(facts: ReportFacts) -> str:
    heading = "The labels"
    mix = sorted(facts.class_mix, key=lambda row: -(row[1] + row[2]))
    if not sum(human + machine for _, human, machine in mix):
        return _section(heading, "", _empty("No row has a label yet."))
    lead = "Rows by label, and who gave it."
    rest = mix[CLASSES_DRAWN:]
    if rest:
        others = sum(human + machine for _, human, machine in rest)
        lead += f" The {CLASSES_DRAWN} largest of {len(mix):,}; the others hold {others:,} rows."
    rows = [
        (clean(name), f"{human + machine:,}", (human, machine))
        for name, human, machine in mix[:CLASSES_DRAWN]
    ]
    chart = bars_chart(rows, (HUMAN, MACHINE), f"Rows by label, for {len(mix):,} labels")
    legend = _legend((HUMAN, "by a human", False), (MACHINE, "by the machine", False))
    total = [(text(label), f"{h:,}", f"{m:,}", f"{h + m:,}") for label, h, m in mix]
    return _section(
        heading, lead, legend + _chart(chart) + _data(("Label", "Human", "Machine", "All"), total)
    )


def _suspects(facts: ReportFacts) -> str:
    heading = "Most likely still wrong"
    if not facts.suspects:
        return _section(heading, "", _empty("No label stands out as likely wrong."))
    rows = "".join(
        f'<tr><td class="id">{text(id_, 40)}</td><td><bdi>{text(preview, 240)}</bdi></td>'
        f'<td><bdi>{text(label, 60)}</bdi></td><td class="number">{_percent(p)}</td></tr>'
        for id_, preview, label, p in facts.suspects[:SUSPECTS_SHOWN]
    )
    head = '<tr><th>Id</th><th>Item</th><th>Label</th><th class="number">May be wrong</th></tr>'
    lead = "The labels to look at first, by the machine's own probability of being wrong."
    return _section(
        heading, lead, f'<table class="suspects"><thead>{head}</thead><tbody>{rows}</tbody></table>'
    )


def _certificate(facts: ReportFacts) -> str:
    lead = "Anyone with the ledger can recompute it: <code>goldleaf verify certificate.json</code>"
    if not facts.certificate:
        return _section("The certificate", "", _empty("There is no certificate yet."))
    body = json.dumps(facts.certificate, indent=2, ensure_ascii=True, default=str)
    return _section("The certificate", lead, f"<pre>{escape(body)}</pre>")


def _section(heading: str, lead: str, body: str) -> str:
    below = f'<p class="lead">{lead}</p>' if lead else ""
    return f"<section>\n<h2>{heading}</h2>{below}\n{body}\n</section>"


def _empty(sentence: str) -> str:
    return f'<p class="empty">{sentence}</p>'


def _chart(svg: str) -> str:
    return f'<div class="chart">{svg}</div>'


def _legend(*entries: tuple[str, str, bool]) -> str:
    """(colour, name, dashed line or not) for each mark of a chart."""
    marks = "".join(
        f'<li><i class="dash" style="border-color:{colour}"></i>{name}</li>'
        if dashed
        else f'<li><i style="background:{colour}"></i>{name}</li>'
        for colour, name, dashed in entries
    )
    return f'<ul class="legend">{marks}</ul>'


def _data(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The figures of a chart as a table, for who cannot see it or wants them. Cells are escaped already."""

    def line(tag: str, cells: Sequence[str]) -> str:
        first, *rest = cells
        return (
            f"<tr><{tag}>{first}</{tag}>"
            + "".join(f'<{tag} class="number">{c}</{tag}>' for c in rest)
            + "</tr>"
        )

    body = "".join(line("td", row) for row in rows)
    return (
        f"<details><summary>The figures</summary><div><table><thead>{line('th', head)}</thead>"
        f"<tbody>{body}</tbody></table></div></details>"
    )


def _percent(share: float, *, floor: bool = False) -> str:
    """A share in percent to one decimal, rounded up: what is printed claims no more than is proven."""
    tenths = int(share * 1000 + 1e-9) if floor else ceil(share * 1000 - 1e-9)
    return f"{tenths / 10:g}\N{NO-BREAK SPACE}%"


def _unbroken(sentence: str) -> str:
    """A number and its % stay on one line."""
    return sentence.replace(" %", "\N{NO-BREAK SPACE}%")


def _hours_text(hours: float) -> str:
    """12.4 h, 38 min."""
    if 0 < hours < 1:
        return f"{max(1, round(60 * hours))} min"
    return f"{hours:,.0f} h" if hours >= 100 or hours == 0 else f"{hours:,.1f} h"
