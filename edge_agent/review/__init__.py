"""What a person says of a violation or a stay afterwards: decided, remembered, and kept as a label for adaptation."""
