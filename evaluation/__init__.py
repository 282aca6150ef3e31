"""Tracks against truth: PoseTrack, MOT and COCO scores."""
