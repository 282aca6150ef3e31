"""The trainer of both networks: `python -m pose.training pose|detector --data ... --images ...`."""
