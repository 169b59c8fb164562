"""goldleaf.toml: what is written is read back, and what is wrong is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from goldleaf.errors import ConfigError
from goldleaf.project import config as configs
from goldleaf.project.config import Config
from goldleaf.task import Classify, Target

hostile = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip) | st.sampled_from(
    [
        '"',
        "'",
        "\\",
        "a\nb",
        "a\r\nb",
        "#",
        "= [",
        '"""',
        "é",
        "日本",
        "🙂",
        "\x7f",
        "\x00",
        "\u2028x",
        "a.b",
        " a ",
    ]
)


@st.composite
def some_config(draw: st.DrawFn) -> Config:
    labels = draw(st.lists(hostile, min_size=2, max_size=5, unique=True))
    described = draw(st.dictionaries(st.sampled_from(labels), hostile))
    column = draw(hostile)
    reads = draw(
        st.sampled_from([{"text": column}, {"image": column}, {"table": [column, "b"]}, {"table": "*"}])
    )
    task = Classify(labels, key=draw(st.none() | hostile), descriptions=described, **reads)
    share = st.floats(1e-9, 1 - 1e-9)
    return Config(
        task=task,
        target=Target(
            draw(share), draw(share), draw(st.sampled_from(["error", "exclude"])), draw(st.none() | hostile)
        ),
        encoder={"name": draw(hostile), draw(hostile): draw(hostile | st.integers(-9, 9) | st.booleans())},
        seed=draw(st.integers(0, 2**53)),
        ledger=draw(hostile),
        method=draw(st.sampled_from(["auto", "gro.v1", "uniform.v1"])),
        seconds=draw(st.none() | st.floats(0.1, 1e9)),
    )


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(some=some_config())
def test_what_is_written_is_read_back(tmp_path: Path, some: Config) -> None:
    if not all(
        isinstance(some.encoder.get(name, ""), str) for name in ("name", "path", "column", "fingerprint")
    ):
        return
    configs.write(tmp_path, some)
    found = configs.read(tmp_path)
    assert found == some
    assert configs.canonical(found) == configs.canonical(some)


GOOD = """
[task]
labels = ["a", "b"]
text = "text"
[target]
error = 0.05
[encoder]
name = "text.static.v1"
[audit]
seed = 3
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("error = 0.05", "eror = 0.05", "Unknown setting `eror` in [target]; .* Did you mean `error`?"),
        ("[audit]", "[audits]", "Unknown setting `audits` in goldleaf.toml; .* Did you mean `audit`?"),
        (
            "seed = 3",
            "sed = 3",
            "Unknown setting `sed` in [audit]; allowed: `method`, `seed`. Did you mean `seed`?",
        ),
        ('text = "text"', 'txt = "text"', "Unknown setting `txt` in [task]; .* Did you mean `text`?"),
        ("[audit]\nseed = 3", "", "goldleaf.toml has no section [audit]."),
        ("seed = 3", "", "[audit] needs `seed`, a whole number."),
        ('name = "text.static.v1"', "", "[encoder] needs `name`, text."),
        ("seed = 3", 'seed = "3"', "`seed` under [audit] must be a whole number, got '3'."),
        ("seed = 3", "seed = true", "`seed` under [audit] must be a whole number, got True."),
        (
            "seed = 3",
            'seed = 3\nmethod = "x"',
            "Unknown audit method 'x'; allowed: `auto`, `threshold.v1`, `gro.v1`, `uniform.v1`.",
        ),
        ("error = 0.05", 'error = "5 %"', "`error` under [target] must be a number, got '5 %'."),
        ("error = 0.05", "error = 5", "`error` must lie strictly between 0 and 1, got 5."),
        ("error = 0.05", 'cant_tell = "skip"', "`cant_tell` must be `error` or `exclude`, got 'skip'."),
        ("error = 0.05", "error = 0.05\nper = 3", "`per` under [target] must be text, got 3."),
        ("error = 0.05", 'error = 0.05\nper = ""', "`per` must be `class` or the name of a column, got ''."),
        ('["a", "b"]', '"a,b"', "`labels` under [task] must be a list, got 'a,b'."),
        ('["a", "b"]', '["a"]', "`labels` needs at least two labels, got ['a']."),
        ('["a", "b"]', '["a", "a"]', "`labels` must be distinct and not empty, got ['a', 'a']."),
        ('text = "text"', "text = 3", "`text` under [task] must be text, got 3."),
        ('text = "text"', "", "Classify needs exactly one of `text`, `image`, `table`"),
        (
            "[audit]",
            '[people]\nseconds = "3"\n[audit]',
            "`seconds` under [people] must be a number, got '3'.",
        ),
        ("[audit]", "[audit", "is not valid TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    (tmp_path / "goldleaf.toml").write_text(GOOD)
    configs.read(tmp_path)
    assert old in GOOD
    (tmp_path / "goldleaf.toml").write_text(GOOD.replace(old, new))
    with pytest.raises(ConfigError, match=re.escape(message).replace(r"\.\*", ".*")):
        configs.read(tmp_path)


def test_a_section_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "goldleaf.toml").write_text('ledger = "x.db"\n' + GOOD)
    with pytest.raises(ConfigError, match=r"goldleaf\.toml has no section \[ledger\]"):
        configs.read(tmp_path)


def test_a_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "goldleaf.toml").write_bytes(GOOD.replace("a", "ä").encode("latin-1"))
    with pytest.raises(ConfigError, match=r"goldleaf\.toml is not valid TOML"):
        configs.read(tmp_path)


@pytest.mark.parametrize("column", ["key", "text"])
def test_the_items_columns_stay(tmp_path: Path, column: str) -> None:
    before = Config(Classify("ab", text="text"), Target(), {"name": "x"}, 1)
    changed = Classify("ab", **{"text": "text", column: "other"})  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=f"`{column}` in goldleaf.toml was .* when the items were imported"):
        configs.check_change(configs.canonical(before), Config(changed, Target(), {"name": "x"}, 1))
