"""Trains, measures and exports the truck-state classifier (load and wheels of one truck crop)."""
