"""Random histories of a corpus: sources and settings on disk, what a lake must hold of them, and ways to break it."""
