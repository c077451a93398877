"""The work of embedlake: a module or small package for each stage, named after what it does."""
