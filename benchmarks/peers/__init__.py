"""dcmxarray beside its peers, on the same files, in one run: ``nox -s peers``."""
