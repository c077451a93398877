"""Runs of a world's corpus: whole ones, which are compared with the oracle, and such that break off."""

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tasks.config.loading import load_corpus
from tasks.config.settings import Extraction
from tasks.errors import EmbedlakeError, ModelError, ShrunkSource, SwitchRefused
from tasks.evaluate import verdict as evaluations
from tasks.evaluate.evaluation import Options, evaluate
from tasks.evaluate.landing import land
from tasks.evaluate.verdict import Verdict
from tasks.lake.lease import writing
from tasks.lake.tables import Lake
from tasks.operate.promote import promote, rollback
from tasks.operate.retire import remove, retire
from tasks.operate.verify import verify
from tests.machine import check, oracle
from tests.machine.damage import damage
from tests.machine.encoders import Scribe, StandIn, fails, heard_as, tokens_of
from tests.machine.engine import Failed, Killed, Writes, run_backfill, run_ingest
from tests.machine.service import Service
from tests.machine.world import ESTIMATED, World, form_of

FEATURES = frozenset({"on_failure"} & set(Extraction.model_fields))


@contextmanager
def judged(good: bool | None) -> Iterator[None]:
    """While it lasts, evaluations find any table not worse than the live one, or worse; or there are none."""
    found = Verdict("e", "nDCG@10", 0.0, -0.1, 0.1, 0.2 if good else 0.0, 9, bool(good), datetime.now(UTC))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluations, "latest_verdict", lambda *_: None if good is None else found)
        yield


class Driver:
    """A world, its lake, and what is remembered of them.

    Args:
        folder: empty; for the sources and the lake.
        models: the folder of `make_model_folders`.
        done: counts what is done.
        chance: for choices that no history depends on.
        served: the service whose model is one of those that there are, and its reference.
    """

    def __init__(
        self,
        folder: Path,
        models: Path,
        done: Counter[str],
        chance: random.Random,
        served: tuple[Service | None, str] = (None, ""),
    ) -> None:
        self.service, reference = served
        self.world = World(folder / "sources", models, folder / "lake", FEATURES, reference)
        self._broken: tuple[str, int, list[str]] | None = None  # how the service fails in the next run
        self._paid: set[tuple[str, str]] = set()  # what the service gave to runs that broke off before this one
        self.memory: oracle.Memory = {}
        self.kept: set[str | None] = {None}  # tokenizers that the lake may keep
        self.spoilt: dict[tuple[str, str], Any] = {}  # what files held before they became unreadable
        self.live: str | None = None
        self.been: set[str] = set()  # tables that were live
        self.done, self.chance = done, chance
        self._listed: Counter[str] = Counter()
        self._texts: set[str] = set()  # of the chunks before a run

    def run(self, wait: bool = False, allow: bool = True) -> None:
        """A run that nothing disturbs, and a second one that has nothing to do."""
        self.done["runs"] += 1
        StandIn.begin()
        if not self._run(wait, allow):
            return
        self.nothing_to_do(allow)

    def nothing_to_do(self, allow: bool = True) -> None:
        """A run that finds every table up to its sources."""
        lake = check.lake_of(self.world)
        versions = check.table_versions(lake)
        StandIn.begin()
        with judged(self.world.settings.judged):
            again = run_ingest(str(self.world.corpus_file()), allow_shrinking=allow)
        assert again.idle, f"not idle: {again}"
        after = check.table_versions(lake)
        assert after == versions, f"an idle run wrote {after.items() ^ versions.items()}"
        assert not StandIn.calls

    def run_with_a_broken_encoder(self, mode: str, failing: frozenset[int]) -> None:
        """A run whose encoder fails at every call or at some; it ends with ModelError, or as if nothing had been."""
        self.done[f"runs with encoder {mode}"] += 1
        StandIn.begin(mode, failing)
        try:
            self._run(False, True)
        except ModelError:
            self.done[f"ended by encoder {mode}"] += 1
            self._broke_off()

    def run_with_a_broken_service(self, state: str, after: int, faults: list[str]) -> None:
        """A run whose service fails at some requests, or as a whole after so many answers; it ends with ModelError, or
        as if nothing had been."""
        self.done["runs with a broken service"] += 1
        StandIn.begin()
        self._broken = state, after, faults
        try:
            self._run(False, True)
        except ModelError:
            self.done[f"ended by service {state}"] += 1
            assert state
            self._broke_off()

    def crash(self, writes: Writes) -> bool:
        """A run that breaks off at one of its writes, if it makes so many; whether it broke off."""
        StandIn.begin()
        with writes.watched():
            try:
                report = self._ingest(False, True)
            except (Killed, EmbedlakeError, Failed) as error:
                if not isinstance(error, Killed | Failed) and not isinstance(error.__context__, Failed):
                    raise
                self.done["killed" if writes.killed else "failed writes"] += 1
                self._broke_off()
                return True
        self._compare(report)
        return False

    def backfill(self, which: str, share: float = 1.0) -> None:
        """Fill another model's table, or a part of it, and look that it has every chunk that the lake has there."""
        lake = check.lake_of(self.world)
        if not self.memory or not lake.count(lake.name("chunks")):
            return
        StandIn.begin()
        now = self.world.settings
        model = which if which in now.models else str(self.world.model_folder / "letters")
        report = run_backfill(str(self.world.corpus_file()), model, sample=share)
        lake.refresh()
        name = which if which in now.models else "three" if "three" in now.models else "letters"  # of that folder
        chunks = lake.read(lake.name("chunks"), ["chunk_id", "document_id", *check.PARTS]).to_pylist()
        refused = now.overlong == "refuse"
        template = now.template if name in now.models else "headings"  # of one that the file does not name
        contents = check._contents(template, chunks)
        takes = check.taken_by(next(e for e in lake.catalog() if e["table"] == report.models[0].table))
        stale = set(check.stale_documents(lake).to_pylist())
        right = {
            c["chunk_id"]
            for c, content in zip(chunks, contents, strict=True)
            if c["modality"] in takes
            and not (c["modality"] != "text" and c["document_id"] in stale)
            and int(c["chunk_id"], 16) < share * 16**32
            and not fails(content)
            and not (refused and tokens_of(content) > StandIn.max_cost)
        }
        assert set(lake.read(report.models[0].table, ["chunk_id"])["chunk_id"].to_pylist()) >= right
        assert f".{name}." in report.models[0].table
        self._live_stays()
        self.done["backfills"] += 1

    def switch(self, how: str, pick: int, writes: Writes) -> None:
        """Promote or retire some table, or roll back; it may break off, and is done a second time."""
        lake = check.lake_of(self.world)
        tables = sorted(entry["table"] for entry in lake.catalog())
        if not tables:
            return
        table = tables[pick % len(tables)]
        StandIn.begin()
        with writes.watched():
            try:
                self._switch(how, table)
            except Killed:
                self.done[f"killed in {how}"] += 1
            except SwitchRefused:
                pass
        live, refused = self._switched(how, table), False
        try:
            if how != "retire now" or table in {entry["table"] for entry in lake.catalog()}:
                self._switch(how, table)
        except SwitchRefused:
            refused = True
        if refused:
            assert self._switched(how, table) == live
            self.done[f"refused to {how}"] += 1
        live = self._switched(how, table)
        if live != self.live and live:
            self.done[how] += 1
            self.been.add(live)
        self.live = live

    def _switch(self, how: str, table: str) -> None:
        lake = check.lake_of(self.world)
        if how == "promote":
            promote(lake, table, "test")
        elif how == "roll back":
            rollback(lake, "test")
        else:
            retire(lake, table, timedelta(days=7 * (how == "retire later")), "test")
            if how == "retire now":
                remove(lake, table, "test", wait=False)
                assert table not in {entry["table"] for entry in lake.catalog()}
                assert not check.lake_of(self.world).has(table)
                self.done[how] += 1

    def _switched(self, how: str, table: str) -> str | None:
        """The table that is live: the one that was, or one that may be."""
        lake = check.lake_of(self.world)
        found = check.live_tables(lake)
        assert len(found) == bool(self.live) or (how == "promote" and found == [table])
        if found and found != [self.live]:
            assert how == "roll back" or (how == "promote" and found == [table])
            assert how == "promote" or found[0] in self.been
            check.may_serve(lake, self.world, found[0])
        return found[0] if found else None

    def _may_promote(self) -> bool:
        """Whether a run may promote, for which it embeds a sample again."""
        now = self.world.settings
        return now.promote == "automatic" and bool(now.judged)

    def _live_stays(self) -> None:
        """What is live stays so, but for the first time, and where the file has runs promote."""
        lake, now = check.lake_of(self.world), self.world.settings
        found = check.live_tables(lake)
        assert len(found) <= 1
        if self.live and found != [self.live]:
            assert found == check.tables_of(lake)[:1]
            assert now.promote == "automatic"
            assert now.judged
            assert found[0] not in self.been
            self.done["promoted by itself"] += 1
        self.live = found[0] if found else None
        self.been |= {*found}

    def evaluate(self) -> None:
        """Compare by a chunk of the live table, which its own text must find; nothing but the result is written."""
        lake = check.lake_of(self.world)
        live = lake.live_table()
        every = lake.read(live, ["document_id", "text"]).to_pylist() if live else []
        every = [row for row in every if row["text"]]
        times = Counter(row["text"] for row in every)
        rows = [row for row in every if times[row["text"]] == 1]  # else another document may show the text
        if not rows:
            return
        row = self.chance.choice(sorted(rows, key=lambda row: (row["document_id"], row["text"])))
        StandIn.begin()
        before = check.table_versions(lake)
        asked = Options(
            [live], ("vector",), queries={"q": row["text"]}, grades={"q": {row["document_id"]: 1}}
        )  # fmt: skip
        found = evaluate(lake, asked)
        land(lake, found)
        after = check.table_versions(lake)
        written = {table for table in after if after[table] != before.get(table)}
        assert written == {lake.name("evaluations")}, f"an evaluation wrote {written}"
        assert not StandIn.calls
        assert found.arms[0].means["recall@100"].mean == 1.0
        self.done["evaluations"] += 1

    def damage_and_repair(self, kind: str, pick: int) -> None:
        """Damage a table, repair the lake, and run."""
        lake = check.lake_of(self.world)
        what = damage(lake, kind, pick)
        if not what:
            return
        self.done[kind] += 1
        lake = Lake(load_corpus(self.world.corpus_file()), create=True)
        scopes = ["documents", *(entry["table"] for entry in lake.catalog())]
        StandIn.begin()
        with writing(lake, scopes, "repair", False):
            verify(lake, sample=1000, repair=True)
        for options in self.memory.values():  # what cannot be read anew may be lost
            options.add(None)
        try:
            self.run()
        except AssertionError as error:
            raise AssertionError(f"after {what}: {error}") from error

    def _run(self, wait: bool, allow: bool) -> bool:
        """A run, compared; False where it refused to shrink."""
        try:
            report = self._ingest(wait, allow)
        except ShrunkSource:
            listed = self._files()
            assert not allow
            assert any(listed[source] < before for source, before in self._listed.items()) or self._has_records()
            self.done["refused to shrink"] += 1
            self._broke_off()
            return False
        self._compare(report)
        return True

    def _ingest(self, wait: bool, allow: bool) -> Any:
        """A run; no text that a table had a vector for, and that it need not give up, is embedded for it."""
        lake = check.lake_of(self.world)
        refused = self.world.settings.overlong == "refuse"
        now = self.world.settings
        before = {
            (entry["table"].removeprefix(lake.name("")), text)
            for entry in lake.catalog()
            if check.template_of(entry) == now.template
            for text in check._contents(now.template, lake.read(entry["table"], check.PARTS).to_pylist())
            if not (refused and tokens_of(text) > StandIn.max_cost)
        }
        self._texts = self._contents_of_chunks(lake)
        kept = lake.read(lake.name("transcripts"), ["model", "content_hash"]).to_pylist()
        written = {(Path(row["model"]).name, heard_as(check.sounds()[row["content_hash"]].levels())) for row in kept}
        Scribe.heard.clear()
        try:
            with judged(self.world.settings.judged), self._served():
                return run_ingest(str(self.world.corpus_file()), wait=wait, allow_shrinking=allow)
        finally:
            assert not written & set(Scribe.heard), "heard again what was written down"
            assert max(Scribe.heard.values(), default=1) == 1, f"heard more than once: {Scribe.heard}"
            self.done["sounds heard"] += len(Scribe.heard)
            again = before & set(StandIn.embedded)
            assert self._may_promote() or not again, f"embedded again: {again}"

    @contextmanager
    def _served(self) -> Iterator[None]:
        """A run that asks the service, which fails as it is to; what it gave to runs that broke off is not paid for
        again."""
        if self.service is None:
            yield
            return
        told, self._broken = self._broken or ("", 0, []), None
        self._paid = set(self.service.unlanded)
        self.service.given, self.service.doubted = set(), False
        ended = False
        try:
            with self.service.broken(*told):
                yield
            ended = True
        finally:
            twice = self.service.given & self.service.unlanded
            assert self._may_promote() or self.service.doubted or not twice, f"paid for again: {twice}"
            self.service.unlanded = set() if ended else self.service.unlanded | self.service.given

    def _contents_of_chunks(self, lake: Lake) -> set[str]:
        """What would be embedded of the chunks that there are."""
        rows = lake.read(lake.name("chunks"), check.PARTS).to_pylist()
        return set(check._contents(self.world.settings.template, rows))

    def _files(self) -> Counter[str]:
        return Counter(identity.split(":")[0] for identity in self.world.held())

    def _has_records(self) -> bool:
        return any(form_of(identity) != "text" for identity in self.world.held())

    def _broke_off(self) -> None:
        now = self.world.settings
        self._live_stays()
        counting = oracle.tokenizers(self.world, self.kept)
        memory = self.memory
        for tokenizer in counting:
            found = oracle.outcomes(oracle.look(self.world, tokenizer), self.memory, now)
            memory = oracle.after_crash(memory, now.metadata, found)
        self.memory = memory
        self.kept |= counting
        self._listed |= self._files()

    def _compare(self, report: Any) -> None:
        lake = check.lake_of(self.world)
        counting = oracle.tokenizers(self.world, self.kept)
        kept = lake.read(lake.name("tokenizer"), ["reference"])["reference"].to_pylist()
        if kept:
            name = ESTIMATED if kept[0] == self.world.served else Path(kept[0]).name
            assert name in counting, f"{kept} counts, expected {counting}"
            counting = {name}
        tokenizer = min(counting)
        seen = oracle.look(self.world, tokenizer)
        right = check.documents_agree(lake, self.world, seen, self.memory)
        check.tables_agree(lake, self.world, right, self.live, bool(report.unkept))
        self._live_stays()
        self._counts_agree(lake, report)
        StandIn.begin()
        if not report.unkept:
            check.whole(self.world)
        self.done["searches"] += not report.unkept and check.search_agrees(self.world, right, self.chance)
        self.memory = check.remembered(right)
        self.kept = set(counting) if kept or seen.files or seen.records else self.kept | counting
        self._listed = self._files()
        self.done["lakes compared"] += 1

    def _counts_agree(self, lake: Lake, report: Any) -> None:
        """What the run says that it embedded is what the encoder gave; each text once. Some may be of records that
        were landed and, in the same run, gave way to those of an earlier file; and some the service may have given to a
        run that broke off."""
        if StandIn.troubled or self._may_promote():
            return
        texts = self._texts | self._contents_of_chunks(lake)
        given = {key: count for key, count in StandIn.embedded.items() if key[1] in texts}
        assert max(given.values(), default=1) == 1, f"more than once: {given}"
        said = sum(model.embedded for model in report.models)
        most = len({*StandIn.embedded, *self._paid})
        assert len(given) <= said <= most, f"{said} embedded, so the report; {given} by the encoder"
