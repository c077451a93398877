"""Extraction: a file's bytes into text, a title, and what kind of text it is.

`formats` says which format a file has, `plain` reads text in any encoding, `web` HTML, `pdf` PDF, `office` Word
and what is like it; `read` puts it together.
"""
