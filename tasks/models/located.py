"""What kind of model lies where: a transformer's folder, a static model's, or a file of word vectors."""

import hashlib
from pathlib import Path

from tasks.models.token_tables import token_table
from tasks.models.weights import file_hash, folders_of, identity_of, weights_files
from tasks.models.word_files import hash_of, word_file_in

_VOCABULARIES = ("vocab.json", "vocab.txt", "*.model")
_SAVED = ("modules.json", "config.json")
WORD_TOKENIZER = (
    '{"version":"1.0","truncation":null,"padding":null,"added_tokens":[],"normalizer":null,'
    '"pre_tokenizer":{"type":"BertPreTokenizer"},"post_processor":null,"decoder":null,'
    '"model":{"type":"WordLevel","vocab":{"[UNK]":0},"unk_token":"[UNK]"}}'
)
"""A tokenizer.json by which each word and each sign of punctuation is a token: it counts for word vectors."""


def table_in(folder: Path) -> Path | None:
    """Where in a folder that no library saved as a model, such as a package's, one is nonetheless: the folder itself
    with a table of token vectors, else a file of word vectors; None where there is none."""
    return folder if token_table(folder) else word_file_in(folder)


def is_words(place: Path) -> bool:
    """Whether a model is a file of word vectors."""
    return place.is_file()


def is_static(place: Path) -> bool:
    """Whether a folder holds a static model alone."""
    return place.is_dir() and token_table(place) is not None


def has_weights(folder: Path) -> bool:
    """Whether a static model weights its tokens or has them share vectors, as some of model2vec's do."""
    table = token_table(folder)
    return table is not None and table.beside


def identity_at(place: Path) -> str:
    """SHA-256 over what decides the vectors of a model; 64 hexadecimal digits."""
    if is_words(place):
        return hash_of(place)
    table = None if any((place / name).exists() for name in _SAVED) else token_table(place)
    if table is None:
        return identity_of(place)
    return hashlib.sha256(f"{file_hash(table.weights)} {file_hash(table.tokenizer)}".encode()).hexdigest()


def weights_at(place: Path) -> list[Path]:
    """The files that hold a model's weights."""
    if is_words(place):
        return [place]
    found = weights_files(place)
    table = None if found else token_table(place)
    return [table.weights] if table else found


def counting_tokenizer(place: Path) -> str | None:
    """The content of the tokenizer.json that counts a model's tokens, which may be in the folder of one of its modules,
    or is made from the vocabulary there, as older models come; None where it has none."""
    if is_words(place):
        return WORD_TOKENIZER
    table = token_table(place)
    files = [table.tokenizer] if table else [folder / "tokenizer.json" for folder in folders_of(place)]
    there = next((file.read_bytes().decode("utf-8") for file in files if file.exists()), None)
    return there or next(filter(None, map(_made, folders_of(place))), None)


def _made(folder: Path) -> str | None:
    """The tokenizer.json of a folder that has a vocabulary instead, as transformers makes it; None where it has none,
    or one that no tokenizer.json can say."""
    if not any(any(folder.glob(name)) for name in _VOCABULARIES):
        return None
    from transformers import AutoTokenizer

    try:
        made = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception:  # whatever is missing or damaged: the model itself tells when it is loaded
        return None
    return made.backend_tokenizer.to_str() if made.is_fast else None
