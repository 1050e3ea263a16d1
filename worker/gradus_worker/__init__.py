"""The PyTorch engine of Gradus: samples and learns behind the protocol of docs/protocol.md."""
