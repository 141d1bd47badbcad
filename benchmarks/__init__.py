"""Benchmarks: what the package costs; `make bench` runs all of it."""
