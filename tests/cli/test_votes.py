"""`goldleaf vote`, `goldleaf sources`, and what `goldleaf plan` says of LLMs."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tests.cli.terminal import Cli
from tests.votes.server import serving

RULES = """
import goldleaf

@goldleaf.labeling_function
def even(item):
    return "c0" if item.position % 2 == 0 else None

@goldleaf.labeling_function
def broken(item):
    return item.content["nothing"]
"""


def test_rules_from_a_file_then_the_table(project: Path, goldleaf: Cli) -> None:
    Path("rules.py").write_text(RULES)
    ran = goldleaf("vote")
    assert ran.code == 1 and "There are no sources of votes." in ran.err
    ran = goldleaf("vote", "--functions", "rules.py")
    assert ran.code == 0 and "even: 40 items, 20 votes\n" in ran.out
    assert "failed on 40 items, to be asked again:" in ran.out and "KeyError: 'nothing'" in ran.out
    assert "even: nothing new" in goldleaf("vote", "--functions", "rules.py", "--only", "even").out
    ran = goldleaf("vote", "--functions", "rules.py", "--only", "evn")
    assert ran.code == 1 and "No source 'evn'; there are `even`, `broken`. Did you mean `even`?" in ran.err
    goldleaf("label", "--answers", "gold.csv", "--limit", 10)
    ran = goldleaf("sources")
    assert ran.code == 0 and "even       20  50.0 %" in ran.out and "broken: failed on 40 items" in ran.out
    assert "of the 10 answered items were drawn at random, and the interval is theirs." in ran.out
    assert (
        "The training answers so far speak for no keyword; more of them may."
        in goldleaf("sources", "--suggest").out
    )
    assert "even no longer counts" in goldleaf("sources", "--drop", "even").out
    assert "even" not in goldleaf("sources").out
    assert goldleaf("verify").code == 1  # no certificate yet; the ledger opens


def test_an_llm_of_goldleaf_toml(project: Path, goldleaf: Cli) -> None:
    with serving(lambda text: "c0") as server:
        with Path("goldleaf.toml").open("a") as file:
            file.write(
                f'\n[sources.llama]\nbase_url = "{server.base_url}"\nmodel = "m"\nprice_in = 1.0\nbudget = 5.0\n'
            )
        ran = goldleaf("plan")
        assert ran.code == 0 and "llm llama  40 calls of m, about " in ran.out and "(estimated)" in ran.out
        assert "5 of the budget is left\nnext: goldleaf vote" in ran.out and not server.bodies
        ran = goldleaf("vote")
        assert "llama: 40 items, 40 votes; 40 calls, 4,000 + 280 tokens, 0.004 paid" in ran.out
        assert "llm llama  0 calls of m" in goldleaf("plan").out
        assert "llama: 40 calls, 4,000 + 280 tokens, 0.004 paid in all" in goldleaf("sources").out


def test_a_project_of_before_is_read_and_then_migrated(project: Path, goldleaf: Cli) -> None:
    with sqlite3.connect("ledger.db") as database:
        database.execute("DROP TABLE sources")
        database.execute("DELETE FROM goldleaf_schema WHERE version = 2")
    database.close()
    assert "No source has voted yet." in goldleaf("sources").out
    Path("rules.py").write_text(RULES)
    assert goldleaf("vote", "--functions", "rules.py").code == 0
    assert "even" in goldleaf("sources").out
