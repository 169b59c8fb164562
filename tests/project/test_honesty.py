"""Whole projects, many times: what is certified is true as often as promised."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

from goldleaf.project.base import Project
from goldleaf.task import Target
from tests.helpers import counting, world

ITEMS = 150
ALPHA = 0.8 * 0.1  # what the first attempt may spend of 1 - 0.9


@pytest.mark.parametrize(
    ("method", "runs"), [("auto", 10), ("threshold.v1", 25), ("gro.v1", 15), ("uniform.v1", 10)]
)
def test_certified_means_true(
    tmp_path: Path, method: str, runs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Training ends too early, so that only the audit stands between many wrong labels and a certificate."""
    monkeypatch.setattr(
        "goldleaf.ledger.base._durable", lambda connection, _: connection.execute("PRAGMA synchronous=OFF")
    )
    monkeypatch.setattr("goldleaf.project.training.reason_to_stop", lambda *_: "enough for this test")
    false = certified = machine = unaudited = 0
    for number in range(runs):
        some = world(ITEMS, 3, noise=1.1, seed=100 + number)
        folder = tmp_path / f"p{number}"
        some.project(folder, seed=number, target=Target(error=0.1, confidence=0.9)).close()
        toml = folder / "goldleaf.toml"
        toml.write_text(toml.read_text().replace('method = "auto"', f'method = "{method}"'))
        person, asked = counting(some.person)
        with Project.open(folder) as project:
            project.label(person)
            certificate, table = project.certificate, project.export()
            assert project.loop.frozen is not None
            guess, frozen = np.array(some.truth), project.loop.frozen
            guess[frozen.positions] = [frozen.label(place) for place in range(len(frozen.positions))]
        unaudited += int((guess != some.truth).sum() > 0.1 * ITEMS)
        wrong = int((np.array(table["label"].to_pylist()) != some.truth).sum())
        certified += certificate.certified
        false += certificate.certified and wrong > certificate.body["wrong_rows_at_most"]
        machine += ITEMS - len(asked)
        assert certificate.human_answers == len(asked) == int(np.sum(table["human"].to_numpy()))
        assert certificate.bound <= 0.1
    print(f"{method}: {false} of {certified} certificates false; {machine / runs:.0f} machine labels a run")
    assert certified == runs and machine > 5 * runs and unaudited > runs / 2  # a real test
    assert binom.sf(false - 1, certified, ALPHA) > 0.001
