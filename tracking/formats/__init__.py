"""One module per kind of tracks file, each with a `Writer` and, where possible, a `read`."""
