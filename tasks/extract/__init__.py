"""Extraction: a file's bytes into text, a title, and what kind of text it is.

`pages` says which files are web pages and in what encoding; `web` makes their text: `furniture` takes out what is not
text, `choice` finds where the text is, `markup` writes it as Markdown. `pdf` reads PDF, `office` Word and what is like
it; `read` puts it together.
"""
