"""Whole projects, many times: what is certified is true as often as promised."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

from goldleaf.project.base import Project
from goldleaf.schema import Item
from goldleaf.task import Target
from tests.helpers import world

RUNS, ITEMS = 21, 150


@pytest.mark.parametrize("method", ["gro.v1", "uniform.v1"])
def test_certified_means_true(tmp_path: Path, method: str) -> None:
    """Hard data, an error target that leaves many labels to the machine; the certificate is false at most at alpha."""
    false = certified = machine = 0
    for number in range(RUNS if method == "gro.v1" else RUNS // 3):
        some = world(ITEMS, 3, noise=1.1, seed=100 + number)
        folder = tmp_path / f"p{number}"
        some.project(folder, seed=number, target=Target(error=0.15, confidence=0.8)).close()
        toml = folder / "goldleaf.toml"
        toml.write_text(toml.read_text().replace("gro.v1", method))
        with Project.open(folder) as project:
            asked = 0

            def person(item: Item, some=some) -> str:
                nonlocal asked
                asked += 1
                return some.person(item)

            project.label(person)
            certificate, table = project.certificate, project.export()
        labels = table["label"].to_pylist()
        wrong = sum(given != true for given, true in zip(labels, some.truth, strict=True))
        certified += certificate.certified
        false += certificate.certified and wrong > certificate.bound * ITEMS
        machine += ITEMS - asked
        assert certificate.human_answers == asked == int(np.sum(table["human"].to_numpy()))
        assert certificate.bound <= 0.15 or not certificate.certified
    assert certified and machine  # otherwise nothing was put to the test
    assert binom.sf(false - 1, certified, 0.8 * 0.2) > 0.001  # the first attempt spends 80 % of alpha
