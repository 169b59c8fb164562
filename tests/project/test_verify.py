"""Any change to a certificate, its ledger or its items is found; an untouched one of any age holds."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from goldleaf.errors import CertificateError, GoldleafError, ItemsError, LedgerTampered
from goldleaf.project.base import Project
from goldleaf.project.proof import to_bytes
from tests.helpers import world

ITEMS = 100


@pytest.fixture(scope="module", params=["threshold.v1", "gro.v1"])
def finished(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A certified project; tests that change it copy it."""
    folder = tmp_path_factory.mktemp("finished") / "p"
    some = world(ITEMS)
    some.project(folder).close()
    toml = folder / "goldleaf.toml"
    toml.write_text(toml.read_text().replace('method = "auto"', f'method = "{request.param}"'))
    with Project.open(folder) as project:
        project.label(some.person)
        project.certify()
        project.export_to(folder / "out")
        project.verify()
    return folder


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "p"))


def verify(folder: Path, certificate: Path | None = None) -> Any:
    with Project.open(folder, write=False) as project:
        return project.verify(certificate)


def test_every_flipped_byte_is_found(finished: Path, tmp_path: Path) -> None:
    written = (finished / "certificate.json").read_bytes()
    chance = random.Random(0)
    with Project.open(finished, write=False) as project:
        for at in chance.sample(range(len(written)), 25):
            changed = bytearray(written)
            changed[at] ^= 1 << chance.randrange(8)
            (tmp_path / "changed.json").write_bytes(changed)
            with pytest.raises(CertificateError):
                project.verify(tmp_path / "changed.json")
        assert project.verify().certified


def edits(body: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each setting in turn changed, and removed."""
    for name, value in body.items():
        if isinstance(value, dict):
            for inner, part in value.items():
                yield name, {**body, name: {**value, inner: other(part)}}
        else:
            yield name, {**body, name: other(value)}
        yield name, {key: kept for key, kept in body.items() if key != name}


def other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    return [*value, "more"] if isinstance(value, list) else "other" if isinstance(value, str) else {}


def test_every_edited_setting_is_found_and_named(finished: Path, tmp_path: Path) -> None:
    body = json.loads((finished / "certificate.json").read_bytes())
    with Project.open(finished, write=False) as project:
        for name, changed in edits(body):
            (tmp_path / "changed.json").write_bytes(to_bytes(changed))
            match = (
                r"(names entry|is not a certificate|differs from)"
                if name == "ledger"
                else f"differs .*`{name}`"
            )
            with pytest.raises(CertificateError, match=match):
                project.verify(tmp_path / "changed.json")
        (tmp_path / "changed.json").write_bytes(to_bytes({**body, "more": 1}))
        with pytest.raises(CertificateError, match=r"`more` is 1, which no certificate has"):
            project.verify(tmp_path / "changed.json")
        (tmp_path / "changed.json").write_text(json.dumps(body))
        with pytest.raises(CertificateError, match="its bytes were edited"):
            project.verify(tmp_path / "changed.json")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b"null",
        b'{"ledger": 3}',
        b'{"ledger": {"seq": "x", "hash": "y"}}',
        b'{"ledger": {"seq": 1e999, "hash": "y"}}',
        b'{"ledger": {"seq": -1, "hash": "y"}}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_certificate_is_refused(finished: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "c.json").write_bytes(content)
    with pytest.raises(CertificateError, match=r"c\.json (is not a certificate of goldleaf|names entry)"):
        verify(finished, tmp_path / "c.json")


def test_a_missing_certificate_says_how_to_write_one(finished: Path, tmp_path: Path) -> None:
    with pytest.raises(CertificateError, match=r"Cannot read .*\nWrite one: goldleaf certify"):
        verify(finished, tmp_path / "none.json")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE settings SET body = body || ' '",
        "UPDATE items SET digest = upper(digest)",
        "UPDATE items SET rows = rows + 1",
        "UPDATE votes SET label = CASE label WHEN 'c0' THEN 'c1' ELSE 'c0' END WHERE seq = (SELECT max(seq) FROM votes)",
        "UPDATE votes SET source = 'human:anna'",
        "UPDATE questions SET probability = probability * 1.0001 WHERE purpose = 'audit'",
        "UPDATE questions SET position = position + 1 WHERE seq = (SELECT max(seq) FROM questions)",
        "UPDATE posteriors SET facts = replace(facts, '0.05', '0.5') WHERE attempt = 1",
        "UPDATE posteriors SET body = zeroblob(100) WHERE attempt = 1",
        "DELETE FROM certificates",
        "UPDATE exports SET rows = 1",
        "DELETE FROM votes WHERE seq = (SELECT max(seq) FROM votes)",
        "DELETE FROM chain WHERE seq = (SELECT max(seq) FROM chain)",
        "INSERT INTO chain SELECT seq + 1, noun, hash FROM chain ORDER BY seq DESC LIMIT 1",
    ],
)
def test_every_edit_of_the_ledger_is_found(copy: Path, statement: str) -> None:
    connection = sqlite3.connect(copy / "ledger.db")
    with connection:
        assert connection.execute(statement).rowcount
    connection.close()
    with pytest.raises(LedgerTampered, match=r"entry \d+"):
        verify(copy)


def forge(folder: Path, statement: str) -> None:
    """Change a ledger, and all hashes so that they fit again."""
    from goldleaf.ledger.base import GENESIS, Ledger, entry_hash
    from goldleaf.ledger.tables import NOUNS

    connection = sqlite3.connect(folder / "ledger.db")
    with connection:
        assert connection.execute(statement).rowcount
    connection.close()
    with Ledger.open(folder / "ledger.db", write=False) as ledger:
        rows = sorted(
            ((noun, dict(row._mapping)) for noun in NOUNS for row in ledger.rows(noun)),
            key=lambda pair: pair[1]["seq"],
        )
    connection = sqlite3.connect(folder / "ledger.db")
    with connection:
        digest = GENESIS.hash
        for noun, row in rows:
            digest = entry_hash(digest, noun, row)
            connection.execute("UPDATE chain SET hash = ? WHERE seq = ?", [digest, row["seq"]])
    connection.close()
    with Ledger.open(folder / "ledger.db", write=False) as ledger:
        ledger.check()


def test_a_chain_rewritten_to_fit_no_longer_fits_the_certificate(copy: Path) -> None:
    """Who can write the ledger can recompute its hashes; the certificate that was given away then differs."""
    forge(copy, "UPDATE votes SET seconds = 9.0 WHERE seq = (SELECT max(seq) FROM votes)")
    with pytest.raises(CertificateError, match=r"names entry \d+ with hash .* which .* does not have"):
        verify(copy)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE questions SET probability = probability * 1.0001 WHERE purpose = 'audit'",
        "UPDATE questions SET purpose = 'census' WHERE seq = (SELECT max(seq) FROM questions WHERE purpose = 'audit')",
        "UPDATE posteriors SET facts = replace(facts, '\"seed\": ', '\"seed\": 1') WHERE attempt = 1",
    ],
)
def test_a_draw_that_was_not_made_is_found_in_a_ledger_whose_hashes_fit(copy: Path, statement: str) -> None:
    """Also with a certificate written anew: the draws are recomputed."""
    forge(copy, statement)
    with Project.open(copy) as project:
        project.certify()
        with pytest.raises(CertificateError, match="does not recompute"):
            project.verify()


def test_other_items_are_found(copy: Path, tmp_path: Path) -> None:
    other_world = world(ITEMS, seed=9)
    texts = [text.replace("text", "word") for text in other_world.texts]
    other_world.project(tmp_path / "other", items=texts).close()
    (part,) = (copy / "items").glob("part-*.parquet")
    (foreign,) = (tmp_path / "other" / "items").glob("part-*.parquet")
    shutil.copy(foreign, part)
    with pytest.raises(ItemsError, match="does not hold the rows that were added"):
        verify(copy)
    shutil.rmtree(copy / "items")
    shutil.copytree(tmp_path / "other" / "items", copy / "items")
    with pytest.raises(CertificateError, match="stored items are not those in the ledger"):
        verify(copy)


def test_a_damaged_part_is_an_error_in_words(copy: Path) -> None:
    (part,) = (copy / "items").glob("part-*.parquet")
    content = bytearray(part.read_bytes())
    content[len(content) // 3] ^= 0xFF
    part.write_bytes(content)
    with pytest.raises(GoldleafError):
        verify(copy)


def test_no_thread_holds_what_python_gave_it_when_a_command_ends(
    finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`pq.read_table` reads in threads that may let go of Python's bytes only after Python: one verify in five aborted."""
    read = pq.read_table

    def of_files(source: Any, **options: Any) -> Any:
        assert isinstance(source, str | Path)
        return read(source, **options)

    monkeypatch.setattr(pq, "read_table", of_files)
    assert verify(finished).certified


def test_certificates_of_two_projects_cannot_be_swapped(finished: Path, tmp_path: Path) -> None:
    some = world(ITEMS, seed=4)
    with some.project(tmp_path / "other") as project:
        project.label(some.person)
        project.certify()
        with pytest.raises(CertificateError, match="It belongs to another ledger"):
            project.verify(finished / "certificate.json")
    with pytest.raises(CertificateError, match="It belongs to another ledger"):
        verify(finished, tmp_path / "other" / "certificate.json")


def test_an_earlier_certificate_holds_as_of_then(tmp_path: Path) -> None:
    some = world(ITEMS)
    with some.project(tmp_path / "p") as project:
        while project.status().stage == "training":
            project.label(some.person, limit=1)
            project.ask()
        early = project.certify(tmp_path / "early")
        assert not early.certified and "NOT reached" in early.body["statement"]
        project.label(some.person)
        late = project.certify(tmp_path / "late")
        assert late.certified and late.bound < early.bound
        question = next(q for q in project.loop.record.asked.values() if q.purpose != "training")
        project.answer(question.seq, "c0")
        project.answer(question.seq, "c1")
        assert not project.verify(tmp_path / "early" / "certificate.json").certified
        assert project.verify(tmp_path / "late" / "certificate.json").certified
