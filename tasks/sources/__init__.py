"""What there is to read.

In: the sources of a corpus. Out: a `Listing` of files, and `Work` for readers: groups of files, blocks of records.
`listing` lists and opens files wherever fsspec goes, `disk` walks folders, `formats` knows a file's format, `work`
makes pieces of work.
"""
