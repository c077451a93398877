"""Models of code as transformers saves them: an encoder of RoBERTa's kind (as CodeBERT and UniXcoder are), decoders
with relative and with absolute positions, tiny and random: real plumbing, and vectors that mean nothing.
"""

import shutil
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from tasks.config.models import Model
from tasks.errors import ModelError
from tasks.models.choose import load_encoder
from tasks.models.find import resolve_model
from tasks.models.interface import Vectors, cosines, text_items

CODE = [
    "def mean(values):\n    return sum(values) / len(values)\n",
    "class Queue:\n    pass",
    "x",
    "for row in rows:\n    print(row)\n" * 3,
]
Kind = Literal["roberta", "llama", "gpt2"]


def save(kind: Kind, folder: Path) -> None:
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
    from transformers import (
        GPT2Config,
        GPT2LMHeadModel,
        LlamaConfig,
        LlamaForCausalLM,
        PreTrainedTokenizerFast,
        RobertaConfig,
        RobertaModel,
    )

    torch.manual_seed(7)
    size: dict[str, Any] = {"vocab_size": 300, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"] if kind == "roberta" else ["<s>", "</s>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        CODE,
        trainers.BpeTrainer(vocab_size=300, special_tokens=special, initial_alphabet=alphabet, show_progress=False),
    )
    if kind == "roberta":
        tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
        PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", cls_token="<s>", sep_token="</s>",
            pad_token="<pad>", unk_token="<unk>", mask_token="<mask>",
        ).save_pretrained(folder)  # fmt: skip
        config = RobertaConfig(**size, intermediate_size=64, max_position_embeddings=66, pad_token_id=1)
        RobertaModel(config).save_pretrained(folder)
        return
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", padding_side="left"
    ).save_pretrained(folder)
    if kind == "llama":
        ids = {"bos_token_id": 0, "eos_token_id": 1}
        LlamaForCausalLM(LlamaConfig(**size, **ids, intermediate_size=64)).save_pretrained(folder)
    else:
        GPT2LMHeadModel(GPT2Config(vocab_size=300, n_embd=32, n_layer=2, n_head=2, n_positions=256)).save_pretrained(
            folder
        )


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    made: dict[str, Path] = {}
    for kind in ("roberta", "llama", "gpt2"):
        made[kind] = tmp_path_factory.mktemp("code") / kind
        save(kind, made[kind])
    return made


def own_vectors(folder: Path, pooling: Any, texts: list[str], prompt: str = "") -> Vectors:
    """What sentence-transformers gives for each text alone, with its own modules."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    transformer = Transformer(str(folder))
    model = SentenceTransformer(modules=[transformer, Pooling(32, pooling)], device="cpu")
    model.tokenizer.pad_token = model.tokenizer.pad_token or "</s>"  # without one it embeds nothing; alone none is used
    found = [model.encode([prompt + text], normalize_embeddings=True)[0] for text in texts]
    return np.array(found, np.float32)


CASES = [("roberta", "mean"), ("roberta", "cls"), ("llama", "lasttoken"), ("llama", "mean"), ("gpt2", "lasttoken")]


@pytest.mark.parametrize(("kind", "pooling"), CASES)
def test_vectors_are_those_of_sentence_transformers_alone_and_batched(
    folders: dict[str, Path], kind: Kind, pooling: str
) -> None:
    settings = {"model": str(folders[kind]), "pooling": pooling, "backend": "torch", "document_prompt": "code: "}
    encoder = load_encoder(resolve_model(Model.model_validate(settings)))
    expected = own_vectors(folders[kind], pooling, CODE, "code: ")
    batched = encoder.encode_documents(text_items(CODE)).vectors
    alone = np.concatenate([encoder.encode_documents(text_items([text])).vectors for text in CODE])
    assert cosines(batched, expected).min() > 0.9999
    assert cosines(alone, expected).min() > 0.9999


@pytest.mark.parametrize(("kind", "default"), [("roberta", "mean"), ("llama", "lasttoken")])
def test_without_a_pooling_an_encoder_is_pooled_by_mean_and_a_decoder_by_its_last_token(
    folders: dict[str, Path], kind: Kind, default: str
) -> None:
    encoder = load_encoder(resolve_model(Model.model_validate({"model": str(folders[kind]), "backend": "torch"})))
    assert cosines(
        encoder.encode_documents(text_items(CODE)).vectors, own_vectors(folders[kind], default, CODE)
    ).min() > 0.9999  # fmt: skip


def test_positions_of_padding_are_no_texts(folders: dict[str, Path]) -> None:
    """RoBERTa's 66 positions are for 64 tokens, and the files of such models do not say so."""
    encoder = load_encoder(resolve_model(Model.model_validate({"model": str(folders["roberta"]), "backend": "torch"})))
    long = encoder.encode_documents(text_items(["row " * 500]))
    assert encoder.max_cost == 64
    assert long.costs[0] > 500
    assert np.isfinite(long.vectors).all()


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "pooling"), [("roberta", "cls"), ("llama", "lasttoken")])
def test_openvino_gives_the_same(folders: dict[str, Path], kind: Kind, pooling: str) -> None:
    settings = {"model": str(folders[kind]), "pooling": pooling, "backend": "openvino", "precision": "float32"}
    encoder = load_encoder(resolve_model(Model.model_validate(settings)))
    vectors = encoder.encode_documents(text_items(CODE)).vectors
    assert cosines(vectors, own_vectors(folders[kind], pooling, CODE)).min() > 0.9999


def test_a_pooling_makes_a_table_of_its_own_and_is_only_for_what_says_none(
    folders: dict[str, Path], tiny_model: Path, tmp_path: Path
) -> None:
    def revision(**settings: Any) -> str:
        return resolve_model(Model.model_validate({"model": str(folders["roberta"]), **settings})).revision

    assert len({revision(), revision(pooling="cls"), revision(pooling="lasttoken")}) == 3
    with pytest.raises(ModelError, match="says itself how it pools"):
        resolve_model(Model.model_validate({"model": str(tiny_model), "pooling": "cls"}))
    copy = shutil.copytree(folders["roberta"], tmp_path / "copy")
    assert revision() == resolve_model(Model.model_validate(str(copy))).revision
