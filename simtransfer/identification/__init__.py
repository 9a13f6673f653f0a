"""What a robot's logs say of its parameters: a distribution that training can draw from."""
