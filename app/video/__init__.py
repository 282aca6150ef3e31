"""Frames in, from files, pictures, cameras and the screen; and videos out, with sound."""
