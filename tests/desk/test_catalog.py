"""What the page's tables rest on: the catalog of labels, the shelf of items, how far people agree."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from goldleaf.desk.agreement import agreements
from goldleaf.desk.board import Board, Give
from goldleaf.desk.catalog import HUMAN, Catalog, Filter
from goldleaf.desk.leases import Leases
from goldleaf.desk.notes import note_entries
from goldleaf.desk.shelf import Shelf
from goldleaf.project.base import Project
from goldleaf.schema import Reply
from tests.helpers import world


def board_of(project: Project, overlap: float = 0.0) -> Board:
    return Board(project.loop, Leases(None), overlap=overlap)


def say(board: Board, source: str, reply: str | Reply) -> tuple[int, int]:
    """`source` answers what they are given next: (question, item)."""
    _, [handed] = board.hand(source, 1, settles=source == "human:judge")
    [_] = board.answers.take([Give(source, handed.asked.seq, reply, settles=source == "human:judge")])
    return handed.asked.seq, handed.asked.position


def test_the_catalog_follows_answers_undo_and_notes(tmp_path: Path) -> None:
    with world(50).project(tmp_path / "p") as project:
        board = board_of(project)
        catalog = Catalog(project.loop)
        seq, at = say(board, "human:anna", "c1")
        _, unsure = say(board, "human:anna", Reply.CANT_TELL)
        project.ledger.append(note_entries("x", at, "human:anna", [("comment", "odd"), ("flag", None)]))
        assert catalog.find(Filter(by=HUMAN), "position", 0, 10) == (1, [at])
        assert catalog.find(Filter(answer="cant_tell"), "position", 0, 10) == (1, [unsure])
        assert catalog.find(Filter(flagged=True), "position", 0, 10) == (1, [at])
        assert catalog.find(Filter(person="human:bob"), "position", 0, 10) == (0, [])
        assert catalog.find(Filter(), "recent", 0, 2)[1] == [unsure, at]
        assert catalog.comments[at] == 1 and catalog.people() == ["human:anna"]
        board.answers.undo("human:anna", seq)
        assert catalog.find(Filter(by=HUMAN), "position", 0, 10) == (0, [])
        assert Catalog(project.loop).label.tolist() == catalog.label.tolist()


def test_the_shelf_holds_what_the_store_holds_and_finds_it(tmp_path: Path) -> None:
    with world(40).project(tmp_path / "p") as project:
        shelf = Shelf.of(project.store, tmp_path / "shelf")
        try:
            [third] = shelf.take([3])
            assert third["text"] == "text 3" and third["goldleaf_id"] == project.store.ids()[3].as_py()
            assert np.flatnonzero(shelf.search("TEXT 39")).tolist() == [39]
            assert not shelf.search("nowhere").any()
        finally:
            shelf.close()
        [file] = (tmp_path / "shelf").iterdir()
        made = file.stat().st_mtime_ns
        Shelf.of(project.store, tmp_path / "shelf").close()
        assert file.stat().st_mtime_ns == made
        project.add([{"text": "a new one"}])
        Shelf.of(project.store, tmp_path / "shelf").close()
        [newer] = (tmp_path / "shelf").iterdir()
        assert newer != file


def test_agreement_counts_pairs_and_what_a_third_person_settled(tmp_path: Path) -> None:
    with world(50).project(tmp_path / "p") as project:
        board = board_of(project, overlap=1.0)
        say(board, "human:anna", "c0")
        say(board, "human:bob", "c0")  # the second opinion comes first
        assert agreements(board.record)["human:anna"].accuracy == 1.0
        say(board, "human:anna", "c0")
        say(board, "human:bob", "c1")
        assert agreements(board.record)["human:bob"].agree == 1
        say(board, "human:judge", "c1")
        anna, bob = (agreements(board.record)[f"human:{name}"] for name in ("anna", "bob"))
        assert (anna.pairs, anna.agree, anna.settled, anna.right) == (2, 1, 1, 0)
        assert (bob.pairs, bob.agree, bob.settled, bob.right) == (2, 1, 1, 1)
        assert (anna.accuracy, bob.accuracy) == (0.5, 1.0)
