"""Input: from image, calibration and depth messages to frames, and what is wrong with topics.

Imports middleware.
"""
