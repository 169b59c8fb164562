from dataclasses import replace

from goldleaf.exports.card import CardFacts, card, duration, escape

FACTS = CardFacts(
    title="Reviews",
    rows=1000,
    items=990,
    labels=("negative", "positive"),
    class_counts={"negative": (40, 360), "positive": (60, 530)},
    asked=[("human:anna", 100, 420.0)],
    questions_by_purpose={"training": 40, "audit": 60, "census": 0},
    certificate="At most 4.7 % of these labels are wrong, with 95 % confidence.",
    cant_tell=10,
    encoder="bge.v1",
    source_files=["reviews.csv"],
    replayed=False,
    created="2026-11-24",
    version="0.1.0",
    limits=["Reviews of one shop only."],
)


def test_says_what_was_asked_of_whom_and_what_is_proven():
    text = card(FACTS)
    assert text.startswith("# Reviews\n\n1,000 rows (990 of them distinct), labeled with goldleaf 0.1.0")
    assert "At most 4.7 % of these labels are wrong" in text
    assert "| human:anna | 100 | 7 min |" in text
    assert "| audit | 60 |" in text
    assert "census" not in text
    assert "| positive | 60 | 530 | 590 | 59.0 % |" in text
    assert "10 rows have no label: whoever was asked could not tell" in text
    assert "- Reviews of one shop only.\n" in text
    assert "replayed" not in text


def test_says_plainly_when_nothing_is_proven():
    text = card(replace(FACTS, certificate=None, asked=[], questions_by_purpose={}, cant_tell=0))
    assert "**There is no certificate for these labels.**" in text
    assert "Nobody was asked" in text
    assert "every row has a label" in text
    assert "The bound holds" not in text


def test_says_when_answers_were_replayed():
    assert "**The answers were replayed**" in card(replace(FACTS, replayed=True))


def test_user_text_cannot_break_the_page():
    text = card(
        replace(
            FACTS, title="a|b <script>\n# x", labels=("p|q",), class_counts={"p|q": (0, 0)}, rows=0, items=0
        )
    )
    assert "<script>" not in text.replace("\\<script\\>", "")
    assert text.splitlines()[0] == "# a\\|b \\<script\\> \\# x"
    assert "| p\\|q | 0 | 0 | 0 | 0 % |" in text
    assert len(escape("x" * 2_000_000)) == 500


def test_time_as_a_person_says_it():
    assert [duration(s) for s in (0, 20, 600, 7260)] == [
        "not recorded",
        "under a minute",
        "10 min",
        "2 h 1 min",
    ]


def test_slices_are_listed_and_the_limit_is_theirs():
    slices = [("a|b", 700, 0.0431, True), ("c", 300, 0.09, False)]
    text = card(replace(FACTS, per="source", slices=slices))
    assert "| source | Rows | Wrong, at most | Target |" in text
    assert "| a\\|b | 700 | 4.4 % | reached |\n| c | 300 | 9.0 % | not reached |" in text
    assert "The bounds hold for each source, not for other parts" in text
    assert "not for each label" not in text
