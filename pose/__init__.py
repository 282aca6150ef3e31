"""One picture in, the people in it out: detection and HRNet pose."""

import sys

# OpenVINO's converter would report each conversion to its makers over the network, unasked, and
# warn where it cannot store its id in the home folder. Without this package it does neither.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # None bars an import
