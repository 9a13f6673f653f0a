"""The driving world: a road, what is on it, and the task of getting along it."""
