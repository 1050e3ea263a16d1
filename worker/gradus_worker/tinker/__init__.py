"""Engine whose model is trained by a service with Thinking Machines' Tinker API, through the official SDK."""
