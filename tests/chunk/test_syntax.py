"""Programs: a chunk is of a definition, begins with its signature and docstring, and knows its name."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.chunk.test_chunking import chunked, texts_of

STEPS = "\n".join(f"        value_{i} = compute(value_{i}, {i})" for i in range(12))
NAMES = st.text("abcdefgh", min_size=3, max_size=8)


def python(name: str, parameters: int, docstring: int, statements: int) -> str:
    told = ",\n".join(f"        parameter_{i}: dict[str, int]" for i in range(parameters))
    said = "\n".join(["        Says what it does."] * docstring)
    steps = "\n".join(f"        value_{i} = compute({i})" for i in range(statements))
    head = f"    @cached\n    def {name}(\n        self,\n{told}\n    ) -> int:\n"
    return f'{head}        """Of it.\n{said}\n        """\n{steps}\n'


@given(st.lists(st.tuples(NAMES, st.integers(1, 4), st.integers(0, 3), st.integers(1, 40)), min_size=1, max_size=6))
@settings(max_examples=25)
def test_signature_and_docstring_stay_with_their_definition(methods: list[tuple[str, int, int, int]]) -> None:
    text = "class Store:\n" + "\n".join(python(*method) for method in methods)
    chunks = chunked(text, "code:python", size=160)
    for piece in texts_of(text, chunks):
        head = piece.split("\n", 1)[0].strip()
        assert head.startswith(("class Store:", "@cached", "value_", "Says")), head  # the last of a long docstring
    for chunk in chunks:
        assert chunk.headings[:1] == ("Store",)


@pytest.mark.parametrize(
    ("language", "program", "names"),
    [
        ("c", "static int *find(struct tree *t, int key) {\n%s\n}\n", ("find",)),
        ("cpp", "int &Store::put(int value) {\n%s\n}\n", ("Store::put",)),
        ("cpp", "namespace tides {\nclass Store {\n  Store() {\n%s\n  }\n};\n}\n", ("tides", "Store", "Store")),
        ("rust", "impl Store {\n    fn put(&self) {\n%s\n    }\n}\n", ("Store", "put")),
        ("go", "func (s *Store) Put(value int) {\n%s\n}\n", ("Put",)),
        ("java", "class Store {\n  int put(int value) {\n%s\n  }\n}\n", ("Store", "put")),
        ("javascript", "class Store {\n  put(value) {\n%s\n  }\n}\n", ("Store", "put")),
        ("typescript", "const put = (value: number) => {\n%s\n};\n", ("put",)),
        ("ruby", "class Store\n  def put(value)\n%s\n  end\nend\n", ("Store", "put")),
        ("bash", "put() {\n%s\n}\n", ("put",)),
        ("python", "class Store:\n    def put(self):\n%s\n", ("Store", "put")),
    ],
)
def test_definitions_are_named_in_every_language(language: str, program: str, names: tuple[str, ...]) -> None:
    ended = {"python": ")", "ruby": ")", "bash": ""}.get(language, ");")
    steps = STEPS.replace(")", ended).replace(" = compute(", "=" if language == "bash" else " = compute(")
    if language == "bash":
        steps = steps.replace(", ", " ")
    chunks = chunked(program % steps, f"code:{language}", size=96)
    assert len(chunks) > 1
    assert {chunk.headings for chunk in chunks} == {names}


def test_an_argument_is_no_definition() -> None:
    values = ",\n".join(f"        'value number {i}'" for i in range(30))
    text = f"settings = make(\n    values=[\n{values}\n    ],\n)\n"
    assert {chunk.headings for chunk in chunked(text, "code:python", size=64)} == {()}
