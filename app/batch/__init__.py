"""Tracking many clips: what is found, who works on it, what is finished, how it ends."""
