"""The bridge between two engines: what a policy keeps of its success, and where worlds part."""
