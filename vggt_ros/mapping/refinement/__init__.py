"""What the images say about a window's answer: adjusted cameras and points, depth that agrees."""
