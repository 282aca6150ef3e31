"""People per frame in, people over time out: matching by OKS and IoU."""
