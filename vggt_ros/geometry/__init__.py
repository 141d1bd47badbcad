"""Stateless geometry: numpy in, numpy out."""
