"""Words of a text as the index has them."""

import pytest

from tasks.lake.analysis import analysis_of, known_analyses, main_language, words_of


@pytest.mark.parametrize(
    ("language", "text", "query"),
    [
        ("en", "def parse_http_date(value):", "http dates"),
        ("en", "static Date parseHttpDate(String s)", "HTTP date"),
        ("en", "mutations of p53 and IL6", "p 53"),
        ("de", "Die Häuser der Straßenbahnen", "Haus"),
        ("fr", "les chevaux étaient mangés", "etait manger"),
        ("zh", "我爱北京天安门", "北京"),
        ("ja", "東京都に住んでいます", "東京"),
        ("pl", "Zażółć gęślą jaźń", "zazołc"),
    ],
)
def test_a_query_has_words_of_what_it_is_to_find(language: str, text: str, query: str) -> None:
    analysis = analysis_of(language)
    assert set(words_of(query, analysis)) & set(words_of(text, analysis))


def test_the_commonest_words_are_left_out() -> None:
    assert words_of("the end of the day", analysis_of("en")) == ["end", "day"]
    assert words_of("of the", analysis_of("en")) == []


def test_the_language_of_a_corpus_is_that_of_most_passages() -> None:
    german = "Der Hund lief über die Wiese und bellte, weil er Hunger hatte."
    assert main_language([german] * 3 + ["A dog ran over the meadow and barked."]) == "de"
    assert (
        main_language(["The end of the day and of the week that was."] * 3 + ["我爱北京天安门，也爱吃烤鸭。"]) == "zh"
    )
    assert main_language([]) == "en"


def test_every_analysis_is_known() -> None:
    assert all(analysis_of(language) in known_analyses() for language in ("de", "nb", "zh", "th", "pl", "xx"))
