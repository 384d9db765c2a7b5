"""Where frames become boxes, tracks and states. Pure: no thread, no file but the model, no socket, no clock."""
