"""What chunks that are no text are of, fetched again when they are embedded: no pixel is kept in a lake.

In: rows of chunks. Out: their contents as arrays, or what is wrong with each.

- `reference` writes where a piece of content is, and reads it.
- `finding` makes pieces of work of rows: files, and what lies in archives, mails and records.
- `fetching` is what a process does with one; `fetcher` has the processes, and bounds what they hold.

Imports `media`, `sources`, `extract` and `config`.
"""
