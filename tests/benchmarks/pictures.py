"""What a run over pictures costs beside the model alone, in processor time.

    python -m tests.benchmarks.pictures MODEL FOLDER_OF_PNG [how many]

Pictures are turned and recoloured into as many as are asked for, JPEG files of 400 × 300 pixels. A run lists and
reads them, lands their chunks, fetches, decodes and scales them, embeds and lands; then the same model embeds arrays
that were decoded and scaled beforehand. All is done in this process, so that processor times compare; a true run
decodes in others.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from tasks.config.loading import load_corpus
from tasks.content.fetching import as_seen
from tasks.content.items import item_of
from tasks.models import choose, find
from tasks.models.interface import encode_in_parts
from tests.conftest import MINILM
from tests.machine.engine import quick, run_ingest


def make_pictures(originals: Path, folder: Path, count: int) -> None:
    """Write so many pictures, each another one."""
    chance = np.random.default_rng(0)
    paths = sorted(originals.rglob("*.png"))
    folder.mkdir()
    for number in range(count):
        with Image.open(paths[number % len(paths)]) as opened:
            whole = opened.convert("RGBA")
        shown = Image.alpha_composite(Image.new("RGBA", whole.size, "white"), whole).convert("RGB")
        shown = shown.rotate(chance.uniform(-20, 20), fillcolor="white").resize((400, 300))
        ImageEnhance.Color(shown).enhance(chance.uniform(0.3, 1.7)).save(folder / f"{number}.jpg", quality=88)


def main(model: str, originals: Path, count: int) -> None:
    """Run, embed again, and print the figures."""
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        place = Path(name)
        make_pictures(originals, place / "docs", count)
        corpus = {
            "name": "pictures", "lake": str(place / "lake"), "chunking": {"tokenizer": MINILM},
            "sources": [{"name": "docs", "uri": str(place / "docs")}], "extraction": {"images": "files"},
            "models": [{"model": model, "name": "eye", "trust_remote_code": True}],
        }  # fmt: skip
        file = place / "pictures.yaml"
        file.write_text(json.dumps(corpus))
        resolved = find.resolve_model(load_corpus(file).models[0])
        encoder, takes_of = choose.load_encoder(resolved), find._takes_of
        with quick():
            patch.setattr(find, "_takes_of", takes_of)
            patch.setattr(choose, "load_encoder", lambda *_, **__: encoder)
            began = time.process_time()
            report = run_ingest(str(file))
            whole = time.process_time() - began
            patch.undo()
        assert report.models[0].by_modality == {"image": count}
        contents = [path.read_bytes() for path in (place / "docs").iterdir()]
        items = [item_of("image", next(as_seen(content, [(0, None)], resolved.takes))) for content in contents]
    began = time.process_time()
    encode_in_parts(encoder, items)
    alone = time.process_time() - began
    each = f"a run takes {1000 * whole / count:.1f} ms, the model alone {1000 * alone / count:.1f} ms"
    print(f"{count} pictures by {encoder.backend}: for each {each}, {whole / alone:.2f} times")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 2_000)
