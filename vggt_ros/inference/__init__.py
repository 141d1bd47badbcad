"""Weights, preprocessing and the predictor around the network."""
