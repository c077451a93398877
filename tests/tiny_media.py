"""Tiny models of images and sound with random weights, each of the true architecture with its true processor: real
plumbing, vectors without meaning."""

import json
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

_SMALL = {"hidden_size": 32, "intermediate_size": 37, "num_hidden_layers": 2, "num_attention_heads": 4}
_VISION = _SMALL | {"image_size": 32, "patch_size": 8}
_MARKS = ["<pad>", "</s>", "<unk>"]
_WORDS = ("a", "the", "of", "red", "bird", "cat", "dog", "tide", "keeper", "gate", "two", "boats", "and", "sand")
_VOCABULARY = [*_MARKS, *_WORDS, *string.printable]
LONGEST = 16  # tokens


def _tokenizer() -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = {word: i for i, word in enumerate(dict.fromkeys(_VOCABULARY))}
    tokenizer = Tokenizer(models.WordLevel(words, "<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", model_max_length=LONGEST
    )


def _texts(**more: Any) -> dict[str, Any]:
    ends = {"pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 2}
    return _SMALL | {"vocab_size": len(_tokenizer()), "max_position_embeddings": LONGEST} | ends | more


def _clip(folder: Path) -> None:
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPProcessor

    CLIPModel(CLIPConfig(text_config=_texts(), vision_config=_VISION, projection_dim=24)).save_pretrained(folder)
    images = CLIPImageProcessorPil(size={"shortest_edge": 36}, crop_size={"height": 32, "width": 32})
    CLIPProcessor(images, _tokenizer()).save_pretrained(folder)


def _siglip(folder: Path) -> None:
    from transformers import SiglipConfig, SiglipImageProcessorPil, SiglipModel, SiglipProcessor

    config = SiglipConfig(text_config=_texts(projection_size=32), vision_config=_VISION)
    SiglipModel(config).save_pretrained(folder)
    images = SiglipImageProcessorPil(size={"height": 32, "width": 32})
    SiglipProcessor(images, _tokenizer()).save_pretrained(folder)


def _clap(folder: Path, fusion: bool = False) -> None:
    from transformers import ClapConfig, ClapFeatureExtractor, ClapModel, ClapProcessor

    sounds = {
        "patch_embeds_hidden_size": 16, "hidden_size": 32, "depths": [2, 2], "num_attention_heads": [2, 2],
        "num_hidden_layers": 2, "projection_dim": 24, "spec_size": 64, "num_mel_bins": 16, "window_size": 4,
        "patch_size": 2, "patch_stride": [2, 2], "enable_fusion": fusion,
    }  # fmt: skip
    texts = _texts(projection_dim=24, max_position_embeddings=LONGEST + 4)
    ClapModel(ClapConfig(text_config=texts, audio_config=sounds, projection_dim=24)).save_pretrained(folder)
    extractor = ClapFeatureExtractor(
        feature_size=16, sampling_rate=8000, hop_length=80, fft_window_size=256, max_length_s=2, frequency_max=4000,
        truncation="fusion" if fusion else "rand_trunc", padding="repeatpad",
    )  # fmt: skip
    ClapProcessor(extractor, _tokenizer()).save_pretrained(folder)


def _fusing_clap(folder: Path) -> None:
    _clap(folder, fusion=True)


def _vit(folder: Path) -> None:
    from transformers import ViTConfig, ViTImageProcessorPil, ViTModel

    ViTModel(ViTConfig(**_VISION), add_pooling_layer=False).save_pretrained(folder)
    ViTImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)


def _resnet(folder: Path) -> None:
    from transformers import ResNetConfig, ResNetModel, ViTImageProcessorPil

    config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic")
    ResNetModel(config).save_pretrained(folder)
    ViTImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)


def _whisper(folder: Path) -> None:
    from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperModel

    ends = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 1, "decoder_start_token_id": 1}
    config = WhisperConfig(
        vocab_size=100, d_model=32, encoder_layers=1, decoder_layers=1, encoder_attention_heads=4, num_mel_bins=8,
        decoder_attention_heads=4, encoder_ffn_dim=37, decoder_ffn_dim=37, max_source_positions=100, **ends,
    )  # fmt: skip
    WhisperModel(config).save_pretrained(folder)
    WhisperFeatureExtractor(feature_size=8, chunk_length=2).save_pretrained(folder)


def _speech(folder: Path) -> None:
    """A Whisper that knows English and German, and writes down letters that mean nothing, with times."""
    from transformers import (
        GenerationConfig,
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
        WhisperTokenizer,
    )
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    letters = {letter: i for i, letter in enumerate(bytes_to_unicode().values())}
    marks = [
        "<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|de|>", "<|translate|>", "<|transcribe|>",
        "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>",
    ]  # fmt: skip
    tokenizer = WhisperTokenizer(letters, [])
    tokenizer.add_special_tokens({"additional_special_tokens": marks[1:]})
    tokenizer.add_tokens([f"<|{i * 0.02:.2f}|>" for i in range(1501)])
    ids = {mark: tokenizer.convert_tokens_to_ids(mark) for mark in marks}
    begin, end = ids["<|startoftranscript|>"], ids["<|endoftext|>"]
    config = WhisperConfig(
        vocab_size=len(tokenizer), d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, num_mel_bins=8, max_target_positions=64,
        pad_token_id=end, bos_token_id=end, eos_token_id=end, decoder_start_token_id=begin, init_std=1.0,
    )  # fmt: skip
    model = WhisperForConditionalGeneration(config)
    model.generation_config = GenerationConfig(
        pad_token_id=end, bos_token_id=end, eos_token_id=end, decoder_start_token_id=begin, is_multilingual=True,
        lang_to_id={mark: ids[mark] for mark in ("<|en|>", "<|de|>")}, max_initial_timestamp_index=50,
        task_to_id={task: ids[f"<|{task}|>"] for task in ("transcribe", "translate")}, max_length=64, max_new_tokens=8,
        no_timestamps_token_id=ids["<|notimestamps|>"], prev_sot_token_id=ids["<|startofprev|>"], num_beams=1,
        return_timestamps=False, suppress_tokens=[*range(64), *range(90, 256)], begin_suppress_tokens=[end],
    )  # fmt: skip
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    WhisperFeatureExtractor(feature_size=8).save_pretrained(folder)


_HEARD = _SMALL | {
    "conv_dim": [16, 16, 16], "conv_stride": [5, 4, 4], "conv_kernel": [10, 4, 4], "num_feat_extract_layers": 3,
    "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2, "vocab_size": 32,
}  # fmt: skip


def _wav2vec2(folder: Path) -> None:
    from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

    Wav2Vec2Model(Wav2Vec2Config(**_HEARD)).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(return_attention_mask=False).save_pretrained(folder)
    letters = ["<pad>", "<s>", "</s>", "<unk>", "|", *string.ascii_uppercase]
    (folder / "vocab.json").write_text(json.dumps({letter: i for i, letter in enumerate(letters)}))


def _letters(folder: Path) -> None:
    """A wav2vec2 that writes down letters, and knows no times."""
    from transformers import Wav2Vec2Config, Wav2Vec2CTCTokenizer, Wav2Vec2FeatureExtractor, Wav2Vec2ForCTC

    letters = ["<pad>", "<s>", "</s>", "<unk>", "|", *string.ascii_uppercase]
    (folder / "vocab.json").write_text(json.dumps({letter: i for i, letter in enumerate(letters)}))
    Wav2Vec2ForCTC(Wav2Vec2Config(**_HEARD, pad_token_id=0, initializer_range=1.0)).save_pretrained(folder)
    Wav2Vec2CTCTokenizer(str(folder / "vocab.json")).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(return_attention_mask=False).save_pretrained(folder)


def _hubert(folder: Path) -> None:
    """Without a tokenizer, as the base models are published."""
    from transformers import HubertConfig, HubertModel, Wav2Vec2FeatureExtractor

    HubertModel(HubertConfig(**_HEARD)).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(return_attention_mask=False).save_pretrained(folder)


def _ast(folder: Path) -> None:
    from transformers import ASTConfig, ASTFeatureExtractor, ASTModel

    config = ASTConfig(**_SMALL, patch_size=8, frequency_stride=8, time_stride=8, max_length=100, num_mel_bins=16)
    ASTModel(config).save_pretrained(folder)
    ASTFeatureExtractor(num_mel_bins=16, max_length=100).save_pretrained(folder)


def _llava(folder: Path) -> None:
    """A decoder that is told of images in a chat's messages, as Qwen3-VL-Embedding and BGE-VL-MLLM are."""
    from transformers import (
        CLIPImageProcessorPil,
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
    )

    tokenizer = _tokenizer()
    tokenizer.add_tokens(["<image>"])
    tokenizer.model_max_length, tokenizer.padding_side = 64, "left"
    place = tokenizer.convert_tokens_to_ids("<image>")
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(**_VISION),
        text_config=LlamaConfig(**_texts(vocab_size=len(tokenizer), max_position_embeddings=64)),
        image_token_id=place, image_token_index=place, image_seq_length=16, vision_feature_layer=-1,
    )  # fmt: skip
    LlavaForConditionalGeneration(config).save_pretrained(folder)
    images = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    said = "{% if part['type'] == 'image' %}<image> {% else %}{{ part['text'] }} {% endif %}"
    template = f"{{% for message in messages %}}{{% for part in message.content %}}{said}{{% endfor %}}{{% endfor %}}"
    LlavaProcessor(
        images, tokenizer, patch_size=8, vision_feature_select_strategy="default", num_additional_image_tokens=1,
        chat_template=template,
    ).save_pretrained(folder)  # fmt: skip


MAKERS: dict[str, Callable[[Path], None]] = {
    "clip": _clip, "siglip": _siglip, "clap": _clap, "fusing-clap": _fusing_clap, "vit": _vit, "resnet": _resnet,
    "whisper": _whisper, "wav2vec2": _wav2vec2, "hubert": _hubert, "ast": _ast, "llava": _llava,
    "speech": _speech, "letters": _letters,
}  # fmt: skip


def save_tiny_model(kind: str, folder: Path) -> None:
    """Write a tiny model, always with the same weights.

    Args:
        kind: one of `MAKERS`.
        folder: that does not exist yet.
    """
    import torch
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.manual_seed(7)
    folder.mkdir(parents=True)
    MAKERS[kind](folder)
