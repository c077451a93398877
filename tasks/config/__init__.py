"""A corpus file, read and checked.

In: a YAML file. Out: a `Corpus`. `settings` says what a file may say; `sources`, `models` and `operating` are its
parts, `part` is what they have in common; `loading` reads one. Imports nothing of the lake.
"""
