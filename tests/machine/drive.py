"""Runs of a world's corpus: whole ones, which are compared with the oracle, and such that break off."""

import random
from collections import Counter
from pathlib import Path
from typing import Any

from tasks.config.loading import load_corpus
from tasks.config.settings import Extraction
from tasks.errors import EmbedlakeError, ModelError, ShrunkSource
from tasks.evaluate.evaluation import Options, evaluate
from tasks.evaluate.landing import land
from tasks.lake.lease import writing
from tasks.lake.tables import Lake
from tasks.operate.verify import verify
from tests.machine import check, oracle
from tests.machine.damage import damage
from tests.machine.encoders import StandIn, fails, tokens_of
from tests.machine.engine import Failed, Killed, Writes, run_backfill, run_ingest
from tests.machine.world import World, form_of

FEATURES = frozenset({"on_failure"} & set(Extraction.model_fields))


class Driver:
    """A world, its lake, and what is remembered of them.

    Args:
        folder: empty; for the sources and the lake.
        models: the folder of `make_model_folders`.
        done: counts what is done.
        chance: for choices that no history depends on.
    """

    def __init__(self, folder: Path, models: Path, done: Counter[str], chance: random.Random) -> None:
        self.world = World(folder / "sources", models, folder / "lake", FEATURES)
        self.memory: oracle.Memory = {}
        self.kept: set[str | None] = {None}  # tokenizers that the lake may keep
        self.spoilt: dict[tuple[str, str], Any] = {}  # what files held before they became unreadable
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
        run_backfill(str(self.world.corpus_file()), model, sample=share)
        lake.refresh()
        name = which if which in now.models else "three" if "three" in now.models else "letters"  # of that folder
        chunks = lake.read(lake.name("chunks"), ["chunk_id", "text"]).to_pylist()
        refused = now.overlong == "refuse"
        right = {
            c["chunk_id"]
            for c in chunks
            if int(c["chunk_id"], 16) < share * 16**32
            and not fails(c["text"])
            and not (refused and tokens_of(c["text"]) > StandIn.max_cost)
        }
        [entry] = [row for row in lake.catalog() if row["model"] == name]
        assert set(lake.read(entry["table"], ["chunk_id"])["chunk_id"].to_pylist()) >= right
        self.done["backfills"] += 1

    def evaluate(self) -> None:
        """Compare by a chunk of the live table, which its own text must find; nothing but the result is written."""
        lake = check.lake_of(self.world)
        live = lake.live_table()
        rows = lake.read(live, ["document_id", "text"]).to_pylist() if live else []
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
        before = {
            (entry["model"], text)
            for entry in lake.catalog()
            for text in lake.read(entry["table"], ["text"])["text"].to_pylist()
            if not (refused and tokens_of(text) > StandIn.max_cost)
        }
        self._texts = set(lake.read(lake.name("chunks"), ["text"])["text"].to_pylist())
        try:
            return run_ingest(str(self.world.corpus_file()), wait=wait, allow_shrinking=allow)
        finally:
            again = before & set(StandIn.embedded)
            assert not again, f"embedded again: {again}"

    def _files(self) -> Counter[str]:
        return Counter(identity.split(":")[0] for identity in self.world.held())

    def _has_records(self) -> bool:
        return any(form_of(identity) != "text" for identity in self.world.held())

    def _broke_off(self) -> None:
        now = self.world.settings
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
            assert Path(kept[0]).name in counting, f"{kept} counts, expected {counting}"
            counting = {Path(kept[0]).name}
        tokenizer = min(counting)
        seen = oracle.look(self.world, tokenizer)
        right = check.documents_agree(lake, self.world, seen, self.memory)
        check.tables_agree(lake, self.world, right)
        self._counts_agree(lake, report)
        StandIn.begin()
        check.whole(self.world)
        self.done["searches"] += check.search_agrees(self.world, right, self.chance)
        self.memory = check.remembered(right)
        self.kept = set(counting) if kept or seen.files or seen.records else self.kept | counting
        self._listed = self._files()
        self.done["lakes compared"] += 1

    def _counts_agree(self, lake: Lake, report: Any) -> None:
        """What the run says that it embedded is what the encoder gave; each text once. Some may be of records that
        were landed and, in the same run, gave way to those of an earlier file."""
        if StandIn.troubled:
            return
        texts = self._texts | set(lake.read(lake.name("chunks"), ["text"])["text"].to_pylist())
        given = {key: count for key, count in StandIn.embedded.items() if key[1] in texts}
        assert max(given.values(), default=1) == 1, f"more than once: {given}"
        said = sum(model.embedded for model in report.models)
        assert len(given) <= said <= len(StandIn.embedded), f"{said} embedded, so the report; {given} by the encoder"
