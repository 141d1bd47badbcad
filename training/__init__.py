"""Training of the checkpoint `nano`: `python -m training.train`."""
