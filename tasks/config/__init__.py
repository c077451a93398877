"""A corpus file, read and checked.

In: a YAML file. Out: a `Corpus`. `settings` says what a file may say, `loading` reads one. Imports nothing of the lake.
"""
