"""Track many clips: find them, share them out, resume unfinished work, report how each ends."""
