"""How the checkpoint `nano` is trained: `python -m training.train`."""
