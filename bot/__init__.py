"""The channel: updates in, messages out."""
