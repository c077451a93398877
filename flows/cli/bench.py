"""The command `embedlake bench`."""

from typing import Annotated

import typer

from flows.cli.options import Corpus, Json
from tasks.errors import ConfigurationError


def bench(
    corpus_file: Corpus,
    model: Annotated[str | None, typer.Option(help="Name of a model in the corpus file; the first by default.")] = None,
    texts: Annotated[int, typer.Option(min=8, help="Chunks of the corpus to measure with.")] = 256,
    int8: Annotated[bool, typer.Option(help="Also measure int8 (takes a while to calibrate).")] = True,
    json: Json = False,
) -> None:
    """Measure what this machine reaches with a model on a sample of the corpus, and recommend settings.

    Each backend, precision and batch budget embeds the same texts: speed, cosine to float32 on torch, and the
    share of what matrix products alone reach here. Nothing is written to the lake.

    Example: embedlake bench notes.yaml
    """
    from contextlib import redirect_stdout
    from sys import stderr

    from flows.cli.progress import progress_shown
    from flows.cli.shows import print_bench
    from flows.cli.terminal import print_json
    from tasks.config.loading import load_corpus
    from tasks.models.find import resolve_model
    from tasks.operate.bench import bench as measure
    from tasks.operate.bench import sample_texts

    corpus = load_corpus(corpus_file)
    chosen = next((m for m in corpus.models if model in (None, m.name, m.model)), None)
    if chosen is None:
        names = ", ".join(m.name for m in corpus.models)
        raise ConfigurationError(f"the corpus file has no model {model!r}", f"It has {names}.")
    with progress_shown(json), redirect_stdout(stderr):  # libraries print what they like
        found = measure(resolve_model(chosen), sample_texts(corpus, texts), int8)
    if json:
        print_json(found.to_dict())
    else:
        print_bench(found)
