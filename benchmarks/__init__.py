"""Benchmarks for asv: ``nox -s bench``."""
