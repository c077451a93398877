"""What a web page says of itself in its head."""

from lxml.html import HtmlElement

from tasks.extract.blocks import one_line

_MEANT = {
    "author": ("author", "article:author", "dc.creator", "dcterms.creator", "citation_author", "parsely-author"),
    "description": ("description", "og:description", "twitter:description", "dc.description", "dcterms.description"),
    "keywords": ("keywords", "news_keywords", "article:tag", "dc.subject", "citation_keywords"),
    "created": (
        "article:published_time", "datepublished", "date", "dc.date", "dcterms.created", "dcterms.date", "pubdate",
        "citation_publication_date", "parsely-pub-date", "og:pubdate", "sailthru.date",
    ),
    "modified": ("article:modified_time", "datemodified", "og:updated_time", "last-modified", "dcterms.modified"),
    "language": ("language", "content-language", "og:locale", "dc.language", "dcterms.language"),
}  # fmt: skip
"""Properties, as other formats name them too, and the names that pages have for them, the first that is there first."""

_NONE_OF_ITS_OWN = (
    "viewport",
    "generator",
    "robots",
    "theme-color",
    "charset",
    "csrf-token",
    "csrf-param",
    "x-ua-compatible",
)
_LONGEST = 10_000  # characters


def properties_of(page: HtmlElement) -> dict[str, object]:
    """The values of a page's `<meta>` by their names in small letters, one that is given several times as a list, and
    author, description, keywords (a list), created, modified and language, however the page calls them."""
    found: dict[str, list[str]] = {}
    for element in page.iter("meta"):
        name = element.get("name") or element.get("property") or element.get("itemprop") or element.get("http-equiv")
        value = one_line(element.get("content") or "")
        if name and 0 < len(value) <= _LONGEST and name.strip().lower() not in _NONE_OF_ITS_OWN:
            values = found.setdefault(name.strip().lower(), [])
            if value not in values:
                values.append(value)
    if language := one_line(page.get("lang") or ""):
        found.setdefault("language", [language])
    for name, others in _MEANT.items():
        values = next((found[other] for other in others if other in found), [])
        if values:
            found[name] = values
    if "keywords" in found:
        found["keywords"] = [word for value in found["keywords"] for part in value.split(",") if (word := part.strip())]
    return {
        name: values if name == "keywords" or len(values) > 1 else values[0] for name, values in found.items() if values
    }
