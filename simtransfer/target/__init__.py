"""A robot as a process of its own: actuator targets in, sensor readings out, over UDP."""
