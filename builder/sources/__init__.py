"""The files of a project that are bundled: what git tracks, what a profile selects, and what is left out or refused."""
