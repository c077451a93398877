"""Letters as they were written, whatever the encoding, or a failure."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import BrokenDocument
from tasks.extract.read import extract
from tasks.text.decode import decode
from tasks.text.encodings import detect
from tasks.text.plausibility import share_of_faults

GERMAN = "Größe und Maß: das Café öffnet um zehn, sagte der Schüler."
RUSSIAN = "Библиотека закрыта по понедельникам, книги можно вернуть утром."
JAPANESE = "図書館は月曜日に休みます。本は朝に返してください。"

SHORT = [
    (GERMAN, ["cp1252", "iso-8859-1", "iso-8859-15", "cp850", "mac-roman"]),
    ("La bibliothèque est fermée à Noël ; l'été, elle ouvre tôt.", ["cp1252", "iso-8859-1", "cp850", "mac-roman"]),
    ("La biblioteca cerrará mañana, señor; vuelva el miércoles.", ["cp1252", "iso-8859-1"]),
    ("Biblioteka jest zamknięta w poniedziałki, proszę wrócić później.", ["cp1250", "iso-8859-2"]),
    ("Knihovna je v pondělí zavřená, přijďte prosím později.", ["cp1250", "iso-8859-2"]),
    (RUSSIAN, ["cp1251", "koi8-r", "cp866", "iso-8859-5"]),
    ("Бібліотека зачинена щопонеділка, приходьте пізніше.", ["cp1251", "koi8-u"]),
    ("Η βιβλιοθήκη είναι κλειστή τη Δευτέρα.", ["cp1253", "iso-8859-7"]),
    ("Kütüphane pazartesi günleri kapalıdır, lütfen yarın gelin.", ["cp1254", "iso-8859-9"]),
    ("הספרייה סגורה בימי שני, נא לחזור מחר.", ["cp1255", "iso-8859-8"]),
    ("المكتبة مغلقة يوم الاثنين، يرجى العودة غدا.", ["cp1256", "iso-8859-6"]),
    ("Bibliotēka pirmdienās ir slēgta, lūdzu, nāciet vēlāk.", ["cp1257"]),
    ("ห้องสมุดปิดวันจันทร์ กรุณามาใหม่พรุ่งนี้", ["cp874"]),
    (JAPANESE, ["shift_jis", "euc-jp", "iso2022_jp"]),
    ("图书馆星期一关闭，请早上还书。", ["gbk", "gb18030"]),
    ("圖書館星期一關閉，請早上還書。", ["big5"]),
    ("도서관은 월요일에 쉽니다. 책은 아침에 돌려주세요.", ["euc-kr", "cp949"]),
]


@pytest.mark.parametrize(("text", "encoding"), [(text, name) for text, names in SHORT for name in names])
def test_short_texts_in_national_encodings_keep_their_letters(text: str, encoding: str) -> None:
    found = decode(text.encode(encoding))
    assert found.text == text
    assert found.confidence > 0.5


@pytest.mark.parametrize(
    "text",
    [
        "Meet me at the café at noon.", "It’s a “smart” quote – really…", "The price is 20 €", "20 °C", "Größe",
        "© 2020 Example Corp.", "Zürich", "25 µm", "§ 12 BGB", "½ cup of sugar", "déjà vu", "TOTAL £12.50",
        "2024-03-01 ERROR Übertragung fehlgeschlagen", "l'été", "à bientôt", "don’t",
    ],
)  # fmt: skip
def test_a_few_letters_are_taken_for_the_commonest_encoding(text: str) -> None:
    assert decode(text.encode("cp1252")).text == text


@pytest.mark.parametrize("text", [GERMAN, RUSSIAN, JAPANESE, "plain words\r\nof two lines"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
)
def test_unicode_is_told_with_a_mark_and_without(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)).text == text


@given(
    st.lists(st.sampled_from(["Zoë – «Ärger» im Hafen.", "Plain words.", RUSSIAN, JAPANESE]), min_size=3, max_size=9),
    st.integers(0, 10_000),
    st.sampled_from([0xFF, 0xC0, 0x80]),
)
def test_a_damaged_byte_changes_nothing_but_itself(lines: list[str], place: int, byte: int) -> None:
    data = bytearray("\n".join([*lines, JAPANESE]).encode())
    data[place % len(data)] = byte
    assert decode(bytes(data)).text == data.decode(errors="replace")


@pytest.mark.parametrize("encoding", ["shift_jis", "euc-jp", "cp1251"])
def test_a_damaged_byte_in_a_national_encoding_costs_a_letter_or_two(encoding: str) -> None:
    text = (RUSSIAN if encoding == "cp1251" else JAPANESE) * 3
    data = bytearray(text.encode(encoding))
    data[40] = 0xFF
    found = decode(bytes(data)).text
    assert found[:15] == text[:15]
    assert found[-30:] == text[-30:]


def test_lines_in_another_encoding_among_lines_of_utf_8_keep_their_letters() -> None:
    lines = [GERMAN.encode("cp1252" if i % 2 else "utf-8") for i in range(20)]
    assert decode(b"\n".join(lines)).text.split("\n") == [GERMAN] * 20


@pytest.mark.parametrize("zeros", [bytes(2), bytes(512)])
def test_zero_bytes_in_a_log_are_dropped_between_lines_and_told_within(zeros: bytes) -> None:
    for between in (b"\n" + zeros, zeros + b"\n", zeros + b"\n" + zeros):
        assert decode(b"08:00 started" + between + b"08:01 stopped").text == "08:00 started\n08:01 stopped"
    assert decode(zeros + b"08:00 st" + zeros + b"08:01 stopped\n" + zeros).text == "08:00 st\ufffd08:01 stopped\n"


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        ('<html><head><meta charset="iso-8859-2"></head><p>', "iso-8859-2"),
        ('<?xml version="1.0" encoding="koi8-r"?>\n<a>', "koi8-r"),
        ("#!/usr/bin/python\n# -*- coding: cp1251 -*-\n# ", "cp1251"),
    ],
)
def test_a_text_may_say_its_encoding(head: str, encoding: str) -> None:
    text = head + {"iso-8859-2": "żó", "koi8-r": "да", "cp1251": "да"}[encoding]
    found = decode(text.encode(encoding))
    assert (found.text, found.confidence) == (text, 0.95)


def test_a_long_line_is_told_by_what_comes_late_in_it() -> None:
    for text, encoding in (
        (JAPANESE * 900, "shift_jis"),
        ("plain " * 9000 + RUSSIAN, "cp1251"),
        (GERMAN * 900, "cp1252"),
    ):
        assert decode(text.encode(encoding)).text == text


@pytest.mark.parametrize("zeros", [0.0, 0.2])
def test_what_is_no_text_is_refused(zeros: float) -> None:
    rnd = random.Random(1)
    data = bytes(0 if rnd.random() < zeros else rnd.randrange(1, 256) for _ in range(500))
    with pytest.raises(BrokenDocument, match="not text"):
        decode(data)
    with pytest.raises(BrokenDocument, match="NUL"):
        decode(bytes(5000))
    with pytest.raises(BrokenDocument, match="NUL"):
        decode(b"no\0text")
    assert decode(b"a line\n" * 1000 + b"one\0zero").text.endswith("one\ufffdzero")


def test_terminal_colours_are_no_japanese() -> None:
    assert decode(b"\x1b[31mred\x1b[0m and \x1b$ a").text == "\x1b[31mred\x1b[0m and \x1b$ a"


def test_what_a_source_declares_is_not_guessed() -> None:
    assert decode("Größe".encode("cp437"), "cp437").text == "Größe"
    assert decode("\ufeffGröße".encode(), "utf-8").text == "Größe"
    found = extract(GERMAN.encode("utf-16-le"), "a.txt", "auto", 2**20, "utf-16-le")
    assert (found.text, found.encoding, found.confidence) == (GERMAN, "utf-16-le", 1.0)


def test_how_sure_a_guess_is_can_be_seen() -> None:
    assert extract(GERMAN.encode(), "a.txt", "auto", 2**20).confidence == 1
    assert extract(JAPANESE.encode("euc-jp"), "a.txt", "auto", 2**20).encoding == "euc_jp"
    assert decode(b"\xa5").confidence < decode(RUSSIAN.encode("koi8-r")).confidence


def test_a_nul_makes_no_utf_16_of_utf_8() -> None:
    with pytest.raises(BrokenDocument, match="NUL bytes"):
        decode("id,text\n1,café au lait\n2,be\0fore\n".encode())


@pytest.mark.parametrize("line", [b"a" * 400_000, b"a;" * 200_000 + b"\n", b"a\n" * 200_000])
def test_a_foreign_letter_after_a_long_text_is_found_in_little_time(line: bytes) -> None:
    clock = time.monotonic()
    found = detect(line + "Größe und Länge der Straße".encode("cp1252"))
    assert found is not None
    assert found.name == "cp1252"
    assert time.monotonic() - clock < 5


def test_how_plausible_letters_are_is_found_in_little_time_among_long_words() -> None:
    clock = time.monotonic()
    assert share_of_faults("." * 200_000 + " Größe") == 0
    assert time.monotonic() - clock < 5
