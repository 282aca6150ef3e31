"""The threads behind the window and a headless live run; nothing here imports Qt."""
