"""Extraction: a file's bytes into text, a title, its properties, and what kind of text it is.

`read` puts it together; `convert` chooses the reader by content and name; `check` refuses what is no text after all.

- `web`: HTML.
- `pdf`: PDF, with `pdf_page` (words and their places), `pdf_layout` (order, paragraphs), `pdf_structure` (headings).
- `office`: archives of XML parts (`package`): `word` (with `numbering`), `sheets`, `slides`, `opendocument`, `epub`.
- `legacy`, `old_sheets`, `rtf`: what came before them.
- `mail`, `outlook`, `notebook`, `markups` (LaTeX, Org, AsciiDoc), `subtitles`, `trees` (XML, JSON).

Each reader gives `blocks.Converted`; most put it together from `blocks.Blocks`.
"""
