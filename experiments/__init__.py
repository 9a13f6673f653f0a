"""One short script per experiment, and the recorded results."""
