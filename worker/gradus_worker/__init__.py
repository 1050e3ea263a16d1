"""The PyTorch engine of Gradus: samples and learns behind the protocol of docs/protocol.md."""

__version__ = "0.1.0"
