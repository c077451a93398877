"""Extraction: a file's bytes into text, a title, its properties, and what kind of text it is.

`read` puts it together; `convert` chooses the reader by content and name; `check` refuses what is no text after all,
and cuts out `junk` within it.

- `pages` says which files are web pages and in what encoding; `web` makes their text: `furniture` takes out what is not
  text, `choice` finds where the text is, `markup` writes it as Markdown (`elements` says what its elements are), `meta`
  is what it says of itself. `front_matter` is that of Markdown, `markdown` takes out what no reader of it sees.
- `pdf`: PDF, with `pdf_page` (words and their places), `pdf_letters` (those that fonts do not name), `pdf_layout`
  (order, paragraphs), `pdf_structure` (headings); for tables `pdf_rules` (lines that are drawn), `pdf_regions` (where
  tables stand), `pdf_cells` (rows and columns) and `pdf_table`. `pdf_ocr` reads pages that are pictures.
- `office`: archives of XML parts (`package`, `drawings`): `word` (with `numbering`), `sheets`, `slides`,
  `opendocument`, `epub`.
- `legacy`, `old_sheets`, `rtf`: what came before them.
- `mail`, `outlook`, `notebook`, `markups` (LaTeX, Org, AsciiDoc), `subtitles`, `trees` (XML, JSON).

Each reader gives `blocks.Converted`; most put it together from `blocks.Blocks`.
"""
