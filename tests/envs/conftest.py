from hypothesis import settings

# No deadline: a busy machine is not a failure. The same examples each time: nor is bad luck.
settings.register_profile("envs", deadline=None, derandomize=True)
settings.load_profile("envs")
