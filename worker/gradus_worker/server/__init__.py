"""The request loop: order, replay and error replies."""
