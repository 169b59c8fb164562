"""The report's structure: complete, self-contained, safe. How it looks was looked at in a browser."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from html import unescape

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldleaf.certificates.report import clean, render
from goldleaf.certificates.report_charts import (
    bars_chart,
    bound_chart,
    columns_chart,
    display_width,
    nice_ticks,
    reliability_chart,
    shorten,
)
from goldleaf.certificates.report_facts import ReportFacts, SliceFacts

FACTS = ReportFacts(
    title="Reviews",
    statement="At most 4.7 % of these labels are wrong, with 95 % confidence",
    certified=True,
    error=0.05,
    confidence=0.95,
    bound=0.0469,
    rows=50_000,
    items=49_000,
    human=1_000,
    machine=48_000,
    replayed=False,
    bound_path=(np.arange(0, 1000, 10), np.maximum(0.0469, 1 - np.arange(0, 1000, 10) / 500)),
    purposes={"training": 300, "audit": 600, "census": 100},
    reliability=[(0.6, 0.5, 10), (0.9, 0.92, 100)],
    found_errors=[("0-10 %", 4.2, 3, 500), ("> 10 %", 11.0, 14, 100)],
    class_mix=[("positive", 600, 30_000), ("negative", 400, 18_000)],
    suspects=[("r-1", "Great, until it broke.", "positive", 0.48)],
    hours_spent=2.5,
    hours_by_hand=122.0,
    seconds_assumed=False,
    certificate={"bound": 0.0469, "ledger_head": "9f2a"},
    created="2026-11-24",
    version="0.1.0",
)
EMPTY = replace(
    FACTS,
    certified=False,
    bound=1.0,
    human=0,
    machine=0,
    bound_path=([], []),
    purposes={"training": 0, "audit": 0},
    reliability=[],
    found_errors=[],
    class_mix=[],
    suspects=[],
    hours_spent=0.0,
    hours_by_hand=0.0,
    certificate={},
)
HEADINGS = [
    "The bound, answer by answer",
    "What the answers were for",
    "Hours",
    "Are the probabilities honest?",
    "Errors predicted, errors found",
    "The labels",
    "Most likely still wrong",
    "The certificate",
]
HOSTILE = "<script>alert('1')</script>&\u202egnp.exe\x00\x1b[31m]]>"


def parse(page: str) -> ET.Element:
    """As XML: stricter than any browser."""
    assert page.startswith("<!DOCTYPE html>\n")
    return ET.fromstring(page.removeprefix("<!DOCTYPE html>\n"))


def found(tree: ET.Element, tag: str) -> list[ET.Element]:
    return [element for element in tree.iter() if element.tag.rsplit("}")[-1] == tag]


def text_of(page: str) -> str:
    return " ".join("".join(parse(page).itertext()).replace("\N{NO-BREAK SPACE}", " ").split())


@pytest.mark.parametrize(("facts", "charts"), [(FACTS, 6), (EMPTY, 0)])
def test_every_section_is_there(facts, charts):
    tree = parse(render(facts))
    assert [heading.text for heading in found(tree, "h2")] == HEADINGS
    plots = found(tree, "svg")
    assert len(plots) == charts
    assert all(plot.get("role") == "img" and plot.get("viewBox") for plot in plots)
    assert len(found(tree, "details")) == charts  # the same figures, as a table
    assert len([element for element in tree.iter() if element.get("class") == "empty"]) == (
        0 if charts else 8
    )


@pytest.mark.parametrize(
    "facts", [FACTS, EMPTY, replace(FACTS, title=HOSTILE, certificate={HOSTILE: HOSTILE})]
)
def test_nothing_is_loaded_and_nothing_runs(facts):
    page = render(facts)
    tree = parse(page)
    assert not {"script", "link", "img", "iframe", "object", "embed", "image", "use", "a"} & {
        element.tag.rsplit("}")[-1] for element in tree.iter()
    }
    attributes = {name for element in tree.iter() for name in element.attrib}
    assert not [name for name in attributes if name.startswith("on") or name in ("src", "href")]
    assert not re.search(r"url\(|@import|@font-face", page)
    assert re.findall(r"https?://\S+?(?=[\"' ])", page) == [
        "http://www.w3.org/1999/xhtml"
    ]  # a name, never fetched


def test_the_first_screen_says_it_all():
    text = text_of(render(FACTS))
    assert "At most 4.7 % of these labels are wrong, with 95 % confidence" in text
    assert "Certified. Target: at most 5 % wrong, with 95 % confidence" in text
    assert "1,000human answers" in text
    assert "50,000rows, 49,000 of them distinct" in text
    assert "97.9 %labeled by the machine" in text  # 48,000 of 49,000, rounded down
    assert "120 hof human work saved" in text
    assert "replayed" not in text


def test_says_what_is_not_so():
    text = text_of(render(replace(FACTS, certified=False, replayed=True, seconds_assumed=True)))
    assert "Not certified. Target" in text
    assert "The answers were replayed: read from labels that existed before" in text
    assert "1,000replayed answers" in text
    assert "saved, estimated" in text
    assert "Estimated from an assumed time per answer." in text


def test_what_is_printed_claims_no_more_than_is_proven():
    assert "The proven error bound after 990 human answers is 4.7 %" in text_of(render(FACTS))
    assert "is 4.8 %" in text_of(render(replace(FACTS, bound=0.04701)))


def test_no_error_found_reads_well():
    text = text_of(
        render(replace(FACTS, found_errors=[("0-5 %", 0.4, 0, 60)], reliability=[(0.97, 1.0, 60)]))
    )
    assert "No error was found in 60." in text


@pytest.mark.parametrize("field", ["title", "statement", "created", "version"])
def test_hostile_text_is_text(field):
    page = render(replace(FACTS, **{field: HOSTILE}))
    assert "<script" not in page
    assert not {"\u202e", "\x00", "\x1b"} & set(page)
    assert "<script>alert('1')</script>&\N{REPLACEMENT CHARACTER}gnp.exe" in unescape(page)


def test_hostile_data_is_text():
    facts = replace(
        FACTS,
        purposes={HOSTILE: 3},
        class_mix=[(HOSTILE, 1, 2), ("\ud800\ufffe", 1, 1)],
        suspects=[(HOSTILE, HOSTILE, HOSTILE, 0.5)],
        found_errors=[(HOSTILE, 1.0, 1, 2)],
        certificate={HOSTILE: [HOSTILE, "\ud800"]},
    )
    page = render(facts)
    page.encode("utf-8")
    assert len(found(parse(page), "svg")) == 6
    assert "<script" not in page
    assert not {"\u202e", "\x00", "\x1b", "\ufffe"} & set(page)


def test_a_huge_text_is_cut():
    huge = "x" * 2_000_000
    facts = replace(FACTS, title=huge, class_mix=[(huge, 1, 1)], suspects=[(huge, huge, huge, 0.5)])
    assert len(render(facts)) < 50_000


def test_joined_letters_and_emoji_stay():
    assert clean("👩‍👩‍👧 می‌خواهم") == "👩‍👩‍👧 می‌خواهم"


def test_two_hundred_labels_draw_twenty_and_list_all():
    page = render(replace(FACTS, class_mix=[(f"class {n}", 1, n) for n in range(200)]))
    chart = found(parse(page), "svg")[-1]
    drawn = [t for t in "".join(chart.itertext()).split("\u2068") if t.startswith("class ")]
    assert len(drawn) == 20
    assert "The 20 largest of 200; the others hold 16,290 rows." in text_of(page)  # 180 + 0 + 1 + … + 179
    assert all(f"<td>class {n}</td>" in page for n in range(200))


def test_the_certificate_is_shown_in_full():
    page = render(replace(FACTS, certificate={"deep": {"list": [1, {"x": "é<"}]}}))
    shown = "".join(found(parse(page), "pre")[0].itertext())
    assert (
        shown
        == '{\n  "deep": {\n    "list": [\n      1,\n      {\n        "x": "\\u00e9<"\n      }\n    ]\n  }\n}'
    )
    assert "goldleaf verify" in page


def points(svg: str) -> list[tuple[float, float]]:
    """The corners of the last line drawn."""
    path = found(ET.fromstring(svg), "path")[-1].get("d")
    numbers = [float(number) for number in re.findall(r"-?[\d.]+(?:e[+-]?\d+)?", path)]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=30),
    st.floats(0.001, 0.5),
)
def test_any_bound_path_is_drawn_inside_the_chart(bounds, target):
    falling = sorted(bounds, reverse=True)
    svg = bound_chart(list(range(len(falling))), falling, target, "t")
    assert all(x >= -0.01 and -0.01 <= y <= 340 for x, y in points(svg))


def test_the_bound_enters_the_chart_where_it_crosses_its_top():
    (x0, y0), *_, (x1, y1) = points(bound_chart([0, 100, 200], [1.0, 0.5, 0.0], 0.05, "t"))
    assert y0 == pytest.approx(0.0)  # 25 %, the top
    assert x0 == pytest.approx(0.75 * x1, rel=1e-3)  # half way between 100 and 200
    assert y1 > 100


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.integers(1, 999)), min_size=1, max_size=12))
def test_any_reliability_is_drawn(bins):
    assert len(found(ET.fromstring(reliability_chart(bins, "t")), "circle")) == len(bins)


def test_columns_and_bars_are_as_long_as_their_numbers():
    columns = found(
        ET.fromstring(columns_chart(["a", "b"], [([1, 2], "red"), ([4, 0], "blue")], "x", "t")), "rect"
    )
    heights = [float(rect.get("height")) for rect in columns]
    assert heights[1] / heights[0] == pytest.approx(2, rel=1e-3)
    assert heights[2] / heights[0] == pytest.approx(4, rel=1e-3)
    assert heights[3] == 0
    bars = found(
        ET.fromstring(bars_chart([("a", "", (1, 3)), ("b", "", (2, 0))], ("red", "blue"), "t")), "rect"
    )
    widths = [float(rect.get("width")) for rect in bars]  # the sums, b first, then the first parts over them
    assert [width / widths[1] for width in widths] == pytest.approx([0.5, 1, 0.5, 0.25], rel=1e-3)


@given(top=st.floats(1e-6, 1e9), about=st.integers(2, 10), below=st.floats(0, 0.99))
def test_ticks_span_the_values(top, about, below):
    low = top * below
    ticks = nice_ticks(top, about, low)
    assert ticks[0] <= low * (1 + 1e-9) + 1e-9
    assert ticks[-1] >= top * (1 - 1e-8)
    assert 2 <= len(ticks) <= about + 3
    assert ticks == sorted(set(ticks))


@given(st.text(), st.integers(2, 30))
def test_shortened_text_fits(text, longest):
    short = shorten(text, longest)
    assert display_width(short) <= longest
    assert short == text or short.endswith("…")


def test_a_table_of_slices_with_the_worst_first_and_names_escaped():
    slices = [
        SliceFacts("small & safe", 900, 0.01, 9, True, 12),
        SliceFacts(HOSTILE, 1_200, 0.0731, 87, False, 40),
        SliceFacts(None, 10, 0.02, 0, True, 10),
    ]
    page = render(replace(FACTS, per=HOSTILE, slices=slices))
    tree = parse(page)
    assert [heading.text for heading in found(tree, "h2")][1] == "Slice by slice"
    table = next(one for one in found(tree, "table") if one.get("class") == "slices")
    rows = [" ".join("".join(cell.itertext()) for cell in found(row, "td")) for row in found(table, "tr")][1:]
    assert rows[0].endswith("1,200 87 7.4\N{NO-BREAK SPACE}% 40 not reached")
    assert rows[1:] == [
        "no value 10 0 2\N{NO-BREAK SPACE}% 10 reached",
        "small & safe 900 9 1\N{NO-BREAK SPACE}% 12 reached",
    ]
    assert not found(tree, "script") and "\u202e" not in page
    assert "worst slice after each human answer" in text_of(page)
    assert "human answers is 7.4 %" in text_of(page)


def test_what_people_agree_on_is_shown_where_it_was_asked() -> None:
    assert "How far the people agree" not in text_of(render(FACTS))
    shown = text_of(
        render(replace(FACTS, people="A second person would <b>differ</b>", purposes={"repeat": 60}))
    )
    assert "How far the people agree" in shown and "would <b>differ</b>" in shown
    assert "A repeat asks a second person" in shown
