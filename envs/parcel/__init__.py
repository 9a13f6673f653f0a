"""Parcels: humanoids that carry one to where it is due."""
