"""One file for each experiment: the code that the slides show and the driver runs."""
