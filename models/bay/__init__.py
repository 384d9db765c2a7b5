"""How the bay-state classifier was trained and measured."""
