"""The program: command line, batch work and the live window."""
