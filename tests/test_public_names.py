"""What users import stays: a name that goes, or another signature, breaks their scripts."""

import inspect
import subprocess
import sys

import pytest

import embedlake

SIGNATURES = {
    "ingest": "(corpus_file: str, wait: bool = False, allow_shrinking: bool = False, reread: list[str] | None = None)"
    " -> tasks.progress.RunReport",
    "backfill": "(corpus_file: str, model: str, wait: bool = False, where: str | None = None, sample: float = 1.0, "
    "limit: int | None = None) -> tasks.progress.RunReport",
    "register_provider": "(name: str, provider: tasks.models.providers.Provider) -> None",
    "search_all": "(lakes: collections.abc.Sequence[tasks.search.query.OpenLake], query: str, **options:"
    " *<class 'tasks.search.options.Options'>) -> tasks.search.passage.Passages",
    "open_lake": "(corpus_file: str | pathlib.Path) -> tasks.search.query.OpenLake",
}
ATTRIBUTES = {
    "OpenLake": "clones coverage document embed_query entry models search search_async search_many similar table"
    " thumbnail word_vectors",
    "Passage": "chunk_id corpus document_id end headings metadata modality page rank reference region score scores"
    " start text time title to_dict uri",
    "Boost": "field half_life weight",
    "Passages": "analysis append clear copy count expanded extend index insert note pop remove reverse sort to_arrow"
    " to_pandas",
    "RunReport": "corpus documents failed failures hints idle kind models notes others promoted retired run_id seconds"
    " to_dict unkept unkept_cost",
    "EmbedlakeError": "add_note args exit_code with_traceback",
    "Takes": "from_dict longest modalities rate scale side to_dict",
    "ServiceError": "add_note args exit_code with_traceback",
    "OversizedBatch": "add_note args exit_code with_traceback",
    "RefusedChunk": "add_note args exit_code transient with_traceback",
    "Encoded": "costs count index vectors",
    "Encoder": "encode_documents encode_queries",
    "Item": "content cost modality",
    "Provider": "find load",
    "Reranker": "scores",
    "ResolvedModel": "calibration name origin provenance revision settings takes weights",
    "Samples": "rate samples",
    "Served": "identity name provider takes version",
}


def test_the_public_names_are_these_and_no_others() -> None:
    assert set(embedlake.__all__) == {*SIGNATURES, *ATTRIBUTES}
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = embedlake.nothing


@pytest.mark.parametrize("name", SIGNATURES)
def test_a_function_takes_what_it_took(name: str) -> None:
    function = getattr(embedlake, name)
    assert str(inspect.signature(getattr(function, "fn", function))) == SIGNATURES[name]


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_a_class_has_what_it_had(name: str) -> None:
    found = dir(getattr(embedlake, name))
    assert " ".join(attribute for attribute in found if not attribute.startswith("_")) == ATTRIBUTES[name]


def test_a_script_that_only_searches_waits_for_neither_prefect_nor_lancedb() -> None:
    code = "import sys, embedlake; embedlake.open_lake; sys.exit(any(n in sys.modules for n in ('prefect', 'lancedb')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
