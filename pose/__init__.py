"""One picture in, the people in it out: detection and HRNet pose."""
