"""What there is to read.

In: the sources of a corpus. Out: a `Listing` of files, and `Work` for readers: groups of files, of members of
archives and mailboxes, blocks of records. `listing` lists files wherever fsspec goes, those that `patterns` let in,
`opening` reads them; `disk` walks folders, `formats` knows a file's format, `work` makes pieces of work, `members` of
what lies in `archives` (within the bounds of `inflation`) and a `mailbox`. Of CSV, `csv_layout` finds how a file is
written, `csv_rows` reads its rows, `csv_tables` makes tables of them; `transcode` makes UTF-8 of what cannot be cut at
line feeds.
"""
