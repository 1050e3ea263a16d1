"""Memory and peak rates of the device that the worker runs on."""
