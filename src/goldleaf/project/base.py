"""A project: a folder with goldleaf.toml, items, vectors and the ledger, and the verbs on it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from goldleaf.certificates import report
from goldleaf.encode.features import Views, pool_features
from goldleaf.errors import ConfigError, ItemsError, VotesError, names
from goldleaf.exports.export import export as write_export
from goldleaf.items.open import open_reader
from goldleaf.items.store import Added, ItemStore
from goldleaf.ledger.base import GENESIS, Ledger
from goldleaf.posteriors.opinions import Opinions
from goldleaf.progress import track
from goldleaf.project import config as configs
from goldleaf.project import diagnosing, proof, repeats, summary, voting
from goldleaf.project.answering import refuse_standstill, vote
from goldleaf.project.config import Config
from goldleaf.project.content import content_batches
from goldleaf.project.delivery import Delivery
from goldleaf.project.encoder import pinned
from goldleaf.project.keeping import Voted
from goldleaf.project.loop import REASON, Loop
from goldleaf.project.making import making
from goldleaf.project.record import Asked
from goldleaf.project.replay import Replayed, replayed
from goldleaf.project.reporting import report_facts
from goldleaf.project.slicing import wanted
from goldleaf.project.sources import Home
from goldleaf.project.summary import Plan, Status
from goldleaf.project.vote_record import VoteRecord
from goldleaf.schema import Answerer, Certificate, Item, Question, Reply, VoteTable
from goldleaf.task import Classify, Target
from goldleaf.votes.names import sources as configured
from goldleaf.votes.replay import Replay
from goldleaf.votes.suggest import Suggestion

CERTIFICATE = "certificate.json"
REPORT = "report.html"


class Project:
    """One labeling project. Make one with `Project.create`, open it again with `Project.open`.

    A project that was opened to write holds the ledger's lock until `close` (or the end of a `with` block).
    """

    def __init__(self, folder: Path, config: Config, ledger: Ledger) -> None:
        self.folder = folder
        self.config = config
        self.ledger = ledger
        self.store = ItemStore.open(folder / "items", config.task)

    # -- making and opening

    @classmethod
    def create(
        cls,
        folder: str | Path,
        *,
        items: Any,
        task: Classify,
        target: Target | None = None,
        encoder: str | None = None,
        vectors: str | Path | NDArray[np.float32] | None = None,
        ledger: str = "ledger.db",
        seed: int | None = None,
        encoding: str = "utf-8",
        skip_empty: bool = False,
    ) -> Self:
        """Make a project folder and import `items`.

        Args:
            folder: a new or empty folder.
            items: a file (CSV, TSV, JSONL, Parquet), a folder of images, a pandas or polars frame, an Arrow
                table, a list, or a `datasets.Dataset`.
            task: what a label is, and which columns make an item.
            target: the error you can live with (5 % at 95 % confidence).
            encoder: how items become vectors; by default the best one that is installed, then pinned.
            vectors: your own vectors instead: a column, an `.npy` file or an array [items, d] in item order.
            ledger: a SQLite file inside the folder, or a `postgresql://` URL.
            seed: of every random choice; drawn at random by default.

        Raises:
            ConfigError: the folder is a project already, or the arguments don't fit together.
            ItemsError: the data cannot be imported; nothing is left behind.
        """
        folder = Path(folder)
        reader = open_reader(items, task=task, encoding=encoding)
        task.fields(reader.columns)
        with making(folder, ledger), ExitStack() as opened:
            store = ItemStore.open(folder / "items", task)
            added = store.add(reader, skip_empty=skip_empty)
            target = target or Target()
            wanted(task, target, store)  # refuses now what it would refuse at the first round
            config = Config(
                task=task,
                target=target,
                encoder=pinned(encoder, vectors, task, store, folder),
                seed=secrets.randbits(53) if seed is None else seed,
                ledger=ledger,
            )
            record = opened.enter_context(Ledger.open(where(folder, ledger), write=True))
            _refuse_used(record)
            record.append(
                [("settings", {"body": configs.canonical(config)}), ("items", _import_entry(items, added))]
            )
            configs.write(folder, config)  # last: a folder without goldleaf.toml is no project yet
            project = cls(folder, config, record)
            opened.pop_all()
        project.added = added
        return project

    @classmethod
    def open(cls, folder: str | Path = ".", *, write: bool = True) -> Self:
        """Open a project; a change of goldleaf.toml goes into the ledger.

        Raises:
            ConfigError: no project there. LedgerLocked: another process writes to it.
        """
        folder = Path(folder)
        config = configs.read(folder)
        with ExitStack() as opened:
            record = opened.enter_context(Ledger.open(where(folder, config.ledger), write=write))
            project = cls(folder, config, record)
            if write:
                project._note_settings()
            opened.pop_all()  # it stays open, and locked, only if all went well
        return project

    def _note_settings(self) -> None:
        body = configs.canonical(self.config)
        last = self.ledger.last("settings")
        if last is not None and last.body != body:
            configs.check_change(last.body, self.config)
        if last is None or last.body != body:
            self.ledger.append([("settings", {"body": body})])

    def close(self) -> None:
        """Let others write."""
        self.ledger.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    added: Added | None = None
    """What the import of `create` found."""

    # -- the verbs

    def add(self, items: Any, *, encoding: str = "utf-8", skip_empty: bool = False) -> Added:
        """Import more items; what is there already adds nothing.

        Raises:
            ItemsError: the data cannot be imported, or has columns that the project's items lack.
        """
        reader = open_reader(items, task=self.config.task, encoding=encoding)
        if new := [column for column in reader.columns if column not in self.store.schema.names]:
            raise ItemsError(
                f"{reader.name} has columns that the project's items do not have: {names(new)}.",
                do="Drop them. If they are answers, replay them: goldleaf label --answers FILE",
            )
        added = self.store.add(reader, skip_empty=skip_empty)
        if added.new_rows:
            self.ledger.append([("items", _import_entry(items, added))])
            self._forget()
        return added

    def plan(self) -> Plan:
        """Before any work: items, duplicates, the expected human answers and hours, the machine's time."""
        llms = diagnosing.llm_plans(self.configured_llms(), self._home)
        plan = summary.plan(self.config, self.store, self._batches, self.folder / "vectors")
        return replace(plan, llms=llms, sources=tuple(self.loop.listener.now().versions))

    def ask(self, *, source: str | None = None) -> list[Question]:
        """The open questions, in order; empty when the target is proven or every item has its answer.

        Args:
            source: who will answer. Second opinions are put to a named person only, and never to the one who
                gave the first.
        """
        return self._questions(self.loop.ask(source=source))

    def answer(
        self,
        question: Question | int,
        reply: str | Reply,
        *,
        source: str = "human",
        seconds: float | None = None,
    ) -> None:
        """Write one answer; it is durable when this returns. A second answer to a question corrects the first."""
        seq = question.seq if isinstance(question, Question) else question
        if seq not in self.loop.record.asked:
            raise VotesError(f"There is no question {seq}.", do="Ask for the open ones: project.ask()")
        asked = self.loop.record.asked[seq]
        if asked.attempt not in (0, self.loop.attempt):
            raise VotesError(
                f"Question {seq} belongs to audit {asked.attempt}, which is over.",
                do="Ask for the open ones: project.ask()",
            )
        if asked.purpose == "repeat":
            assert self.loop.frozen is not None
            repeats.refuse_own(self.loop.record, self.loop.frozen, asked, source)
        self._answer([(asked, reply, seconds)], source)

    def _answer(self, replies: Sequence[tuple[Asked, str | Reply, float | None]], source: str) -> None:
        votes = [vote(self.loop, asked, reply, source, seconds) for asked, reply, seconds in replies]
        given = self.loop.record.answer(votes)
        self.loop.answered([(asked, one) for (asked, _, _), one in zip(replies, given, strict=True)])

    def undo(self, *, source: str | None = None) -> Question | None:
        """Take back the newest answer; its question is open again. The ledger keeps both.

        Args:
            source: who takes it back: the second opinion of another person then stays.
        """
        last = self.loop.record.last_answer(source)
        if last is None:
            return None
        asked = self.loop.record.asked[last.question]
        vote = {"question": asked.seq, "item": asked.item, "source": last.source, "answer": "retracted"}
        self.loop.record.answer([vote])
        return self._questions([asked])[0]

    def label(
        self, answerer: Answerer | Replay | Replayed, *, source: str | None = None, limit: int | None = None
    ) -> Self:
        """Ask `answerer` until the target is proven, or `limit` answers have been given.

        Args:
            answerer: `Replay("gold.csv")`, whose items alone are asked in training; or any callable from an `Item` to a label, `Reply.CANT_TELL` or
                `Reply.SKIP`. Each of a callable's answers is durable before it is called again.
            source: who answers, for the ledger; a callable's name by default.
        """
        known: NDArray[np.int64] | None = None
        if isinstance(answerer, Replay):
            answerer = self.match(answerer)
        if isinstance(answerer, Replayed):
            if source is not None:
                raise VotesError(
                    f"Replayed answers are called {answerer.name!r} in the ledger, got source={source!r}.",
                    do="Leave `source` out.",
                )
            name, at_once, known = answerer.name, True, answerer.positions
        else:
            name, at_once = source or f"function:{getattr(answerer, '__name__', 'callable')}", False
        left = limit
        with track("label", unit="answers") as advance:
            while (left is None or left > 0) and (waiting := self.loop.ask(known, name)[:left]):
                replies: list[str | Reply] = []
                for some in [waiting] if at_once else [[asked] for asked in waiting]:
                    new = [answerer(question.item) for question in self._questions(some)]
                    self._answer([(asked, reply, None) for asked, reply in zip(some, new, strict=True)], name)
                    replies += new
                    advance(len(some))
                refuse_standstill(waiting, replies)
                left = None if left is None else left - len(waiting)
        return self

    def vote(
        self, sources: Sequence[Any] | None = None, *, again: bool = False, workers: int | None = None
    ) -> tuple[Voted, ...]:
        """Ask sources of votes about every item that they have not seen; their votes are kept in `votes/`.

        Args:
            sources: labeling functions (Snorkel's too, or any named callable), `LLM`, `ZeroShot`, `Predictions`,
                `Crowd`, `Matrix`, or anything with a `name`, a `version` and `vote`; those of goldleaf.toml by
                default.
            again: about the seen ones too. workers: processes for labeling functions, as many as cores by default.

        Returns:
            What each did, with its errors; those do not stop the others.
        """
        asked = self.configured_sources() if sources is None else sources
        return voting.run(asked, self._home, again=again, workers=workers)

    def configured_sources(self) -> list[Any]:
        """Those under [sources] in goldleaf.toml; a file of labeling functions is run for it."""
        return configured(self.config.sources, self.folder)

    def configured_llms(self) -> list[Any]:
        """The LLMs among them; runs no code of the user's."""
        tables = {name: body for name, body in self.config.sources.items() if "model" in body}
        return configured(tables, self.folder)

    def sources(self, *, estimated: NDArray[np.float64] | None = None) -> diagnosing.Sources:
        """What each source is worth; `estimated` are accuracies for each of `votes().names`, by the votes alone if not given."""
        votes, record = self.votes(), self.loop.record
        if estimated is None and len(votes.item):
            estimated = Opinions(self.config.seed).fit(votes).accuracies()
        return diagnosing.sources(self._home, votes, record.labeled(), record.drawn_at_random(), estimated)

    def suggest(self, most: int = 10) -> list[Suggestion]:
        """Keyword rules that people's training answers speak for, the best first."""
        return diagnosing.suggestions(self._home, self.loop.record.trained(), most)

    def drop(self, source: str) -> None:
        """Let a source no longer count; its votes stay on record."""
        known = self.record_of_votes.standing()
        if source not in known:
            raise VotesError(f"No source {source!r} has voted; there are {names(known)}.")
        self.record_of_votes.drop(source)

    def votes(self, only: Sequence[str] | None = None) -> VoteTable:
        """The votes of all sources, or of those named in `only`, by item position."""
        return self.record_of_votes.table(self.store.items, len(self.config.task.labels), only)

    @property
    def record_of_votes(self) -> VoteRecord:
        return VoteRecord(self.folder, self.ledger)

    @property
    def _home(self) -> Home:
        return Home(self.folder, self.config, self.store, self.record_of_votes, self.loop.record.trained)

    def match(self, replay: Replay) -> Replayed:
        """Join known answers to the items, before any is used.

        Raises:
            VotesError: an unknown label (where), two labels for one item, or a file that names no item.
        """
        return replayed(replay, self.store, self.config.task)

    def retrain(self) -> None:
        """Give up the running audit and train on everything answered so far.

        The next attempt may be false with a smaller probability only, so it needs more answers:
        worth it where the audit turns out to be much longer than was forecast.
        """
        if self.loop.frozen is not None:
            self.loop.abandon("asked to train again")

    def status(self) -> Status:
        """Answers so far, the bound proven so far, and the forecast of answers still needed."""
        return summary.status(self.config, self.store, self.loop)

    @property
    def certificate(self) -> Certificate:
        """The certificate as it stands now.

        Raises:
            CertificateError: no audit has started, so nothing is proven.
        """
        return proof.certificate(proof.build(self.ledger, self.ledger.head, replay=False))

    def certify(self, folder: str | Path | None = None) -> Certificate:
        """Write certificate.json and report.html (into the project's folder by default)."""
        self._must_hold()
        into = Path(folder) if folder is not None else self.folder
        into.mkdir(parents=True, exist_ok=True)
        body = proof.build(self.ledger, self.ledger.head, replay=False)
        text = proof.to_bytes(body)
        self.ledger.append(
            [
                (
                    "certificates",
                    {
                        "attempt": body["audit"]["attempt"],
                        "certified": body["certified"],
                        "body": text.decode(),
                    },
                )
            ]
        )
        (into / CERTIFICATE).write_bytes(text)
        facts = report_facts(self.config, self.store, self.loop, body)
        (into / REPORT).write_text(report.render(facts), encoding="utf-8")
        return proof.certificate(body)

    def _must_hold(self) -> None:
        """A certificate is about the labels that `export` gives: the frozen ones."""
        if self.loop.frozen is None and self.loop.attempts:
            raise ConfigError(
                "The items, the labels or the target changed since the last audit, or it was given up; its certificate does not speak of the labels now.",
                do="Go on with the next attempt: goldleaf label",
            )

    def verify(self, path: str | Path | None = None) -> proof.Verified:
        """Recompute a certificate from the ledger; raises what does not hold."""
        return proof.verify(Path(path or self.folder / CERTIFICATE), self.ledger, self.store)

    def export(self) -> pa.Table:
        """The labeled data set: every row with its columns and `label`, `probability`, `source`, `human`."""
        delivery = Delivery(self.config, self.store, self.loop)
        return pa.Table.from_batches(delivery.batches(), delivery.schema)

    def export_to(self, folder: str | Path, *, to: str = "parquet", overwrite: bool = False) -> list[Path]:
        """The labeled data set as files in `folder`, with a data card and the certificate beside them.

        Args:
            to: parquet, csv, jsonl or hf.
            overwrite: write into a folder that has other files.

        Returns:
            The files written.
        """
        delivery = Delivery(self.config, self.store, self.loop)
        body = proof.build(self.ledger, self.ledger.head, replay=False) if self.loop.frozen else None
        written = write_export(
            to,
            delivery.batches(),
            delivery.schema,
            Path(folder),
            labels=self.config.task.labels,
            card=summary.card_text(self.config, self.store, self.loop, delivery, body),
            image=self.config.task.image,
            image_folder=self.store.image_root,
            extra={CERTIFICATE: proof.to_bytes(body)} if body else None,
            overwrite=overwrite,
        )
        if self.ledger.writable:
            self.ledger.append([("exports", {"format": to, "folder": str(folder), "rows": delivery.rows})])
        return written

    # -- behind the verbs

    @cached_property
    def loop(self) -> Loop:
        return Loop(self.store, self.ledger, self.config, self._features, self.record_of_votes)

    def _forget(self) -> None:
        for name in ("loop", "_vectors"):
            self.__dict__.pop(name, None)

    def _features(self) -> Views:
        return self._vectors

    @cached_property
    def _vectors(self) -> Views:
        return pool_features(
            self.config.task.modality,
            self.config.build_encoder(self.store.fields, self.folder),
            [str(one) for one in self.store.ids().to_pylist()],
            self._batches,
            self.folder / "vectors",
            fields=self.store.fields,
        )

    def _batches(self, start: int) -> Iterator[pa.RecordBatch]:
        columns = self.config.encoded_columns(self.store.fields)
        return content_batches(self.store, self.config.task, columns, start)

    def _questions(self, waiting: Sequence[Asked]) -> list[Question]:
        positions = [asked.position for asked in waiting]
        contents, weights = self.store.take(positions).to_pylist(), self.store.weights()[positions]
        return [
            Question(
                asked.seq,
                Item(asked.item, asked.position, content, int(weight)),
                asked.purpose,
                REASON[asked.reason],
                asked.probability,
            )
            for asked, content, weight in zip(waiting, contents, weights, strict=True)
        ]


def _refuse_used(ledger: Ledger) -> None:
    if ledger.head != GENESIS:
        raise ConfigError(
            f"{ledger.name} holds the record of another project.",
            do="Give each project a database of its own.",
        )


def where(folder: Path, ledger: str) -> str | Path:
    """What `Ledger.open` takes for a project's ledger."""
    return ledger if "://" in ledger else folder / ledger


def _import_entry(items: Any, added: Added) -> dict[str, Any]:
    named = isinstance(items, str | Path)
    return {
        "source": Path(items).name if named else type(items).__name__,
        "rows": added.rows,
        "new_rows": added.new_rows,
        "new_items": added.new_items,
        "digest": added.digest,
    }
