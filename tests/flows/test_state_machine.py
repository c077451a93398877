"""Documents, settings and models change, runs break off anywhere, encoders and tables break: a settled lake always
equals its sources.

`EXACTLY_ONCE_EXAMPLES` sets how many histories are tried; each has up to 30 steps. `pytest -s` says how many came.
`EXACTLY_ONCE_SEED` tries others; without it they are the same each time. `EXACTLY_ONCE_SHRINK=1` takes up to five
minutes to shorten a history that failed.
"""

import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.machine import check, oracle
from tests.machine.drive import Driver
from tests.machine.encoders import BLANK, POISON
from tests.machine.engine import Writes, quick
from tests.machine.service import FAULTS, STATES, Service, service
from tests.machine.world import (
    ARCHIVES,
    DAMAGED,
    SERVED,
    UNREADABLE,
    WITHIN,
    Content,
    Picture,
    Record,
    Sound,
    Source,
    Within,
    fits,
    form_of,
    make_model_folders,
)
from tests.machine.world import (
    RECORDS as RECORD_FORMS,
)

pytestmark = pytest.mark.slow

EXAMPLES = int(os.environ.get("EXACTLY_ONCE_EXAMPLES", "8"))
SEED = os.environ.get("EXACTLY_ONCE_SEED")
RULES = set(
    os.environ.get(
        "EXACTLY_ONCE_RULES", "sources records within images settings models encoders damage quiet keep exact"
    ).split()
)

FOLDERS = ["left", "left", "right", "right", "third"]
PATHS = ["a.txt", "b.txt", "deep/c.txt", "deep/er/d.txt", "r", "r/e.txt", "r.jsonl", "s.jsonl", "t.csv", "u.parquet"]
IMAGES = ["p.png", "deep/q.png", "s.wav", "deep/t.wav"]
FILES_OF_FILES = ["y.tar", "deep/z.zip", "z.zip", "m.mbox", "e.eml"]
SENTENCES = [
    "The river rose.",
    "Stones were carried far by it, down to the sea and along the coast.",
    "Die Flüsse stiegen, und der Regen fiel über Köln.",
    "Nobody saw it.",
    "Birds came back in spring, one by one.",
    "It rained.",
    f"{POISON} was found here.",
    f"{BLANK} pages follow.",
]
KEYS = ["k1", "k2", "k3", "k4", "a.txt", None]
TEXTS = st.lists(st.sampled_from(SENTENCES + SENTENCES[:5]), min_size=1, max_size=8).map("\n\n".join)
RECORDS = st.builds(
    Record,
    key=st.sampled_from(KEYS),
    text=st.one_of(st.just("The river rose."), TEXTS, st.just(" ")),
    year=st.sampled_from([2001, 2002, "bad", None]),
    lang=st.sampled_from(["en", "fr", None]),
    broken=st.sampled_from([False] * 7 + [True]),
)
MEMBERS = {
    "zip": ["a.txt", "b/c.txt", "b/r.jsonl", "d.txt", "r.jsonl", "p.png", "s.wav"],
    "tar": ["a.txt", "b/c.txt", "r.jsonl"],
    "mbox": ["m@1", "m@2", "m@3", "m@4"],
    "eml": ["a.txt", "b.txt"],
}
SETTINGS = [
    "metadata",
    "size",
    "overlap",
    "tokenizer",
    "overlong",
    "dedup",
    "failing",
    "unfit",
    "least",
    "template",
    "timeout",
    "pictures",
    "sounds",
]
TABLES = [{}, {"year": "integer"}, {"year": "string"}, {"year": "number", "lang": "string"}, {"lang": "string"}]


PICTURES = st.builds(
    Picture, st.integers(0, check.PICTURES - 1), st.sampled_from([None, *SENTENCES[:4], "\n\n".join(SENTENCES[:5])])
)


SOUNDS = st.builds(Sound, st.integers(0, check.SOUNDS - 1), st.sampled_from(check.LENGTHS))


def content_for(path: str, data: st.DataObject) -> Content:
    form = form_of(path)
    if data.draw(st.integers(0, 9)) == 0:
        return UNREADABLE if data.draw(st.booleans()) or "records" not in RULES else b""
    if form == "png":
        return data.draw(PICTURES)
    if form == "wav":
        return data.draw(SOUNDS)
    if form in WITHIN:
        names = data.draw(st.lists(st.sampled_from(MEMBERS[form]), max_size=4, unique=True))
        members = [(name, member_for(name, form, data)) for name in names]
        return Within(((("", data.draw(TEXTS)),) if form == "eml" else ()) + tuple(members))
    if Path(path).suffix in (".jsonl", ".csv", ".parquet"):
        return tuple(data.draw(st.lists(RECORDS, max_size=5)))
    return data.draw(TEXTS)


def member_for(name: str, form: str, data: st.DataObject) -> Any:
    """What lies in a file under a name."""
    if name.endswith(".jsonl"):
        return tuple(data.draw(st.lists(RECORDS, max_size=3)))
    if name.endswith(".png"):
        return Picture(data.draw(st.integers(0, check.PICTURES - 1)))
    if name.endswith(".wav"):
        return data.draw(SOUNDS)
    if form in ARCHIVES and data.draw(st.integers(0, 7)) == 0:
        return DAMAGED if form == "zip" and data.draw(st.booleans()) else UNREADABLE
    return data.draw(TEXTS) if form != "zip" or data.draw(st.integers(0, 9)) else ""


class History(RuleBasedStateMachine):
    """Changes of the sources and settings, and runs, some of them broken off.

    Attributes:
        done: how often each step was made.
    """

    done: ClassVar[Counter[str]] = Counter()
    seconds: ClassVar[float] = 0.0
    models: ClassVar[Path]
    served: ClassVar[tuple[Service, str]]

    @initialize(seed=st.integers(0, 999))
    def begin(self, seed: int) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.driver = Driver(self.folder, self.models, self.done, random.Random(seed), self.served)
        self.world = self.driver.world
        if "keep" not in RULES:
            self.world.settings.on_failure = "drop"
        if "exact" not in RULES:
            self.world.settings.deduplication = "none"
        for path, text in zip(PATHS[:3], SENTENCES, strict=False):
            self.world.put("left", path, text)
            self.world.put("right", path, "\n\n".join([text, *SENTENCES[2:5]]))
        if "records" in RULES:
            records = [
                Record(key, text, 2001 + i) for i, (key, text) in enumerate(zip(KEYS[:3], SENTENCES, strict=False))
            ]
            for folder, path in [("left", "r.jsonl"), ("right", "r.jsonl"), ("right", "t.csv"), ("third", "u.parquet")]:
                self.world.put(folder, path, tuple(records))
                records.append(Record("k4", f"There is {path} in {folder}."))
        if "within" in RULES:
            self.world.put("left", "z.zip", Within((("a.txt", SENTENCES[1]), ("b/c.txt", "\n\n".join(SENTENCES[:3])))))
            self.world.put("right", "m.mbox", Within((("m@1", SENTENCES[0]), ("m@2", SENTENCES[3]))))
            self.world.put("left", "e.eml", Within((("", SENTENCES[2]), ("a.txt", SENTENCES[4]))))

        if "images" in RULES:
            self.world.settings.images, self.world.settings.window = "files", 1
            self.world.settings.models = [("one",), ("four",), ("one", "four"), ("five",)][seed % 4]
            self.world.put("left", "p.png", Picture(1, SENTENCES[0]))
            self.world.put("right", "p.png", Picture(2))
            self.world.put("left", "s.wav", Sound(1, 2))

    def teardown(self) -> None:
        if not hasattr(self, "folder"):
            return
        try:
            if sys.exc_info()[0] is None:  # a history that went well ends in a lake that is compared
                self.driver.run()
        finally:
            shutil.rmtree(self.folder)

    def _any_file(self, data: st.DataObject) -> tuple[str, str]:
        return data.draw(
            st.sampled_from([(f, path) for f, files in self.world.files.items() for path in sorted(files)])
        )

    def _has_files(self) -> bool:
        return any(self.world.files.values())

    # Sources

    @rule(
        data=st.data(),
        folder=st.sampled_from(FOLDERS),
        path=st.sampled_from(PATHS + FILES_OF_FILES + IMAGES),
        quietly=st.booleans(),
    )
    def write(self, data: st.DataObject, folder: str, path: str, quietly: bool) -> None:
        if ("records" not in RULES and form_of(path) in RECORD_FORMS) or (
            "within" not in RULES and form_of(path) in WITHIN
        ):
            path = "a.txt"
        self.world.put(folder, path, content_for(path, data), quietly and "quiet" in RULES)
        self.done["write"] += 1

    @precondition(_has_files)
    @rule(data=st.data(), more=st.lists(RECORDS, max_size=2), sentence=st.sampled_from(SENTENCES))
    def edit(self, data: st.DataObject, more: list[Record], sentence: str) -> None:
        folder, path = self._any_file(data)
        content = self.world.files[folder][path]
        if isinstance(content, str):
            parts = content.split("\n\n")
            parts.insert(data.draw(st.integers(0, len(parts))), sentence)
            self.world.put(folder, path, "\n\n".join(parts))
        elif isinstance(content, tuple):
            start = data.draw(st.integers(0, len(content)))
            end = data.draw(st.integers(start, len(content)))
            self.world.put(folder, path, (*content[:start], *more, *content[end:]))
        self.done["edit"] += 1

    @precondition(
        lambda self: any(c for files in self.world.files.values() for c in files.values() if type(c) is tuple)
    )
    @rule(data=st.data(), what=st.sampled_from(["break", "empty", "bad year", "again", "to other file"]))
    def edit_record(self, data: st.DataObject, what: str) -> None:
        held = [
            (f, p, c) for f, files in self.world.files.items() for p, c in sorted(files.items()) if type(c) is tuple
        ]
        folder, path, content = data.draw(st.sampled_from([entry for entry in held if entry[2]]))
        at = data.draw(st.integers(0, len(content) - 1))
        old = content[at]
        if what in ("again", "to other file"):
            others = [p for f, p, _ in held if f == folder]
            to = path if what == "again" else data.draw(st.sampled_from(others))
            self.world.put(folder, to, (*self.world.files[folder][to], old))
            self.done[what] += 1
            return
        new = {
            "break": Record(old.key, old.text, old.year, old.lang, True),
            "empty": Record(old.key, "", old.year, old.lang),
            "bad year": Record(old.key, old.text, "bad", old.lang),
        }[what]
        self.world.put(folder, path, (*content[:at], new, *content[at + 1 :]))
        self.done[what] += 1

    @precondition(
        lambda self: any(isinstance(c, Picture) for files in self.world.files.values() for c in files.values())
    )
    @rule(data=st.data(), what=st.sampled_from(["pixels", "caption", "caption", "break"]), picture=PICTURES)
    def edit_image(self, data: st.DataObject, what: str, picture: Picture) -> None:
        held = [(f, p, c) for f, files in self.world.files.items() for p, c in sorted(files.items())]
        folder, path, old = data.draw(st.sampled_from([one for one in held if isinstance(one[2], Picture)]))
        new: Content = old.content()[:40]
        if what != "break":
            new = Picture(picture.seed, old.caption) if what == "pixels" else Picture(old.seed, picture.caption)
        self.world.put(folder, path, new)
        self.done[f"edit {what} of an image"] += 1

    @precondition(lambda self: any(isinstance(c, Sound) for files in self.world.files.values() for c in files.values()))
    @rule(data=st.data(), sound=SOUNDS, cut=st.integers(0, 3))
    def edit_sound(self, data: st.DataObject, sound: Sound, cut: int) -> None:
        held = [(f, p, c) for f, files in self.world.files.items() for p, c in sorted(files.items())]
        folder, path, old = data.draw(st.sampled_from([one for one in held if isinstance(one[2], Sound)]))
        self.world.put(folder, path, sound if cut else old.content()[:9_000])
        self.done["edit a sound" if cut else "cut a sound off"] += 1

    @precondition(_has_files)
    @rule(data=st.data(), folder=st.sampled_from(FOLDERS), path=st.sampled_from(PATHS + FILES_OF_FILES + IMAGES))
    def copy(self, data: st.DataObject, folder: str, path: str) -> None:
        from_folder, from_path = self._any_file(data)
        if fits(path, self.world.files[from_folder][from_path]):
            self.world.put(folder, path, self.world.files[from_folder][from_path])
            self.done["copy"] += 1

    @precondition(_has_files)
    @rule(data=st.data())
    def spoil(self, data: st.DataObject) -> None:
        """Make a file unreadable, or make it as it was before."""
        folder, path = self._any_file(data)
        was = self.driver.spoilt.pop((folder, path), None)
        if was is None and self.world.files[folder][path] != UNREADABLE:
            self.driver.spoilt[folder, path] = self.world.files[folder][path]
        self.world.put(folder, path, UNREADABLE if was is None else was)
        self.done["spoil" if was is None else "unspoil"] += 1

    @precondition(_has_files)
    @rule(data=st.data())
    def touch(self, data: st.DataObject) -> None:
        folder, path = self._any_file(data)
        self.world.put(folder, path, self.world.files[folder][path])
        self.done["touch"] += 1

    @precondition(lambda self: sum(map(len, self.world.files.values())) > 2)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        self.world.remove(*self._any_file(data))
        self.done["delete"] += 1

    @precondition(_has_files)
    @rule(data=st.data(), folder=st.sampled_from(FOLDERS), path=st.sampled_from(PATHS + FILES_OF_FILES + IMAGES))
    def rename(self, data: st.DataObject, folder: str, path: str) -> None:
        from_folder, from_path = self._any_file(data)
        if fits(path, self.world.files[from_folder][from_path]):
            self.world.move(from_folder, from_path, folder, path)
            self.done["rename"] += 1

    @precondition(
        lambda self: any(isinstance(c, Within) for files in self.world.files.values() for c in files.values())
    )
    @rule(data=st.data(), what=st.sampled_from(["add", "change", "take out", "rename", "swap", "empty"]))
    def edit_within(self, data: st.DataObject, what: str) -> None:
        held = [(f, p, c) for f, files in self.world.files.items() for p, c in sorted(files.items())]
        folder, path, content = data.draw(st.sampled_from([one for one in held if isinstance(one[2], Within)]))
        form = form_of(path)
        members = list(content.members)
        first = 1 if form == "eml" else 0
        free = [name for name in MEMBERS[form] if name not in dict(members)]
        at = data.draw(st.integers(first, len(members) - 1)) if len(members) > first else None
        if what == "empty":
            members = members[:first]
        elif what == "add" and free:
            name = data.draw(st.sampled_from(free))
            members.insert(data.draw(st.integers(first, len(members))), (name, member_for(name, form, data)))
        elif at is not None and what == "change":
            members[at] = (members[at][0], member_for(members[at][0], form, data))
        elif at is not None and what == "take out":
            del members[at]
        elif at is not None and what == "swap":
            members.append(members.pop(at))
        elif at is not None and what == "rename":
            same = [name for name in free if form_of(name) == form_of(members[at][0])]
            if same:
                members[at] = (data.draw(st.sampled_from(same)), members[at][1])
        self.world.put(folder, path, Within(tuple(members)))
        self.done[f"{what} within"] += 1

    # Settings

    @precondition(lambda self: "settings" in RULES or RULES & set(SETTINGS))
    @rule(
        what=st.sampled_from([w for w in SETTINGS if w in RULES or "settings" in RULES] or SETTINGS),
        pick=st.integers(0, 9),
    )
    def set(self, what: str, pick: int) -> None:
        now = self.world.settings
        if what == "metadata":
            now.metadata = TABLES[pick % len(TABLES)]
        elif what == "size":
            now.size = [16, 32][pick % 2]
        elif what == "overlap":
            now.overlap = [0, 4][pick % 2]
        elif what == "tokenizer":
            now.tokenizer = [None, "words", "letters"][pick % 3]
        elif what == "overlong":
            now.overlong = ["count", "refuse"][pick % 2]
        elif what == "dedup":
            now.deduplication = ["exact", "none"][pick % 2]
        elif what == "unfit":
            now.metadata_errors = ["count", "refuse"][pick % 2]
        elif what == "least":
            now.least_confidence = [0.5, 0.99][pick % 2]
        elif what == "template":
            now.template = ["headings", "text", "{title}: {text}"][pick % 3]
        elif what == "pictures":
            now.images = ["files", "none", "files"][pick % 3]
        elif what == "sounds":
            now.window = [1, 2, None, 3][pick % 4]
        elif what == "failing":
            now.on_failure = ["keep", "drop"][pick % 2]
        else:
            now.timeout = [300, 299][pick % 2]
        self.done[f"set {what}"] += 1

    @precondition(lambda self: "sources" in RULES)
    @rule(
        sources=st.sampled_from(
            [
                {"docs": ("left", False), "books": ("right", True)},
                {"docs": ("left", False), "books": ("right", True), "more": ("third", False)},
                {"docs": ("left", False)},
                {"papers": ("left", False), "books": ("right", True)},
                {"docs": ("left", True), "books": ("right", False)},
                {"docs": ("right", True), "books": ("left", True)},
            ]
        )
    )
    def change_sources(self, sources: dict[str, tuple[str, bool]]) -> None:
        self.world.settings.sources = {name: Source(*source) for name, source in sources.items()}
        self.done["change sources"] += 1

    @precondition(lambda self: "models" in RULES)
    @rule(
        models=st.sampled_from(
            [
                ("one",),
                ("one", "two"),
                ("two", "one"),
                ("two",),
                ("three", "one"),
                ("three",),
                ("four",),
                ("one", "four"),
                ("four", "one"),
                ("four",),
                ("five",),
                ("five", "one"),
                ("one", "five"),
            ]
        ),
        revision=st.sampled_from([0, 0, 0, 1]),
        promote=st.sampled_from(["by hand", "by hand", "automatic"]),
        judged=st.sampled_from([None, True, True, False]),
    )
    def change_models(self, models: tuple[str, ...], revision: int, promote: str, judged: bool | None) -> None:
        now = self.world.settings
        now.models, now.revision, now.promote, now.judged = models, revision, promote, judged
        self.done["change models"] += 1

    @precondition(lambda self: "models" in RULES)
    @rule(
        steps=st.lists(
            st.tuples(
                st.sampled_from(["run", "promote", "promote", "roll back", "retire later", "retire now"]),
                st.integers(0, 9),
                st.sampled_from([None, None, 0, 1, 2, 3]),
                st.booleans(),
            ),
            min_size=1,
            max_size=4,
        )
    )
    def switch(self, steps: list[tuple[str, int, int | None, bool]]) -> None:
        for how, pick, at, written in steps:
            if how == "run":
                self.driver.run()
            else:
                self.driver.switch(how, pick, Writes(at, written))

    # Runs

    @rule(wait=st.booleans(), allow=st.sampled_from([True, True, False]))
    def run(self, wait: bool, allow: bool) -> None:
        self.driver.run(wait, allow)

    @rule(at=st.sampled_from([*range(14), *range(8), *range(4)]), written=st.booleans(), killed=st.booleans())
    def run_and_break_off(self, at: int, written: bool, killed: bool) -> None:
        self.world.put("left", "b.txt", f"It rained {self.done['killed'] % 7} times.")
        self.driver.crash(Writes(at, written, killed))

    @precondition(lambda self: "encoders" in RULES)
    @rule(mode=st.sampled_from(["cuda", "nan", "flaky", "flaky"]), failing=st.frozensets(st.integers(1, 6), max_size=2))
    def run_with_a_broken_encoder(self, mode: str, failing: frozenset[int]) -> None:
        self.driver.run_with_a_broken_encoder(mode, failing)

    @precondition(lambda self: "encoders" in RULES and SERVED in self.world.settings.models)
    @rule(state=st.sampled_from(STATES), after=st.integers(0, 3), faults=st.lists(st.sampled_from(FAULTS), max_size=4))
    def run_with_a_broken_service(self, state: str, after: int, faults: list[str]) -> None:
        self.driver.run_with_a_broken_service(state, 0 if state == "down" else after, faults)

    @precondition(lambda self: "models" in RULES)
    @rule(
        which=st.sampled_from(["one", "two", "three", "four", "five", "letters"]),
        share=st.sampled_from([0.25, 0.5, 1.0]),
    )
    def backfill(self, which: str, share: float) -> None:
        self.driver.backfill(which, share)

    @precondition(lambda self: "models" in RULES)
    @rule()
    def evaluate(self) -> None:
        self.driver.evaluate()

    @precondition(lambda self: "damage" in RULES)
    @rule(kind=st.sampled_from(["rows removed", "rows doubled", "column altered"]), pick=st.integers(0, 99))
    def damage_and_repair(self, kind: str, pick: int) -> None:
        self.driver.damage_and_repair(kind, pick)


@pytest.fixture
def _quick(tmp_path: Path) -> Any:
    make_model_folders(tmp_path / "models")
    oracle.use_models(str(tmp_path / "models"))
    History.models = tmp_path / "models"
    with quick(), service() as History.served:
        yield


@pytest.mark.usefixtures("_quick")
def test_a_settled_lake_equals_the_sources_whatever_happened() -> None:
    began = time.monotonic()
    settings = hypothesis.settings(
        max_examples=EXAMPLES,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=SEED is None,
        database=None,
        phases=[Phase.generate, *([Phase.shrink] if os.environ.get("EXACTLY_ONCE_SHRINK") else [])],
        print_blob=False,
    )
    machine: Any = History if SEED is None else hypothesis.seed(int(SEED))(History)
    try:
        run_state_machine_as_test(machine, settings=settings)
    finally:
        steps = sum(History.done.values())
        print(f"{time.monotonic() - began:.0f} s, {steps} steps and comparisons:", dict(sorted(History.done.items())))
    assert History.done["lakes compared"] >= EXAMPLES
