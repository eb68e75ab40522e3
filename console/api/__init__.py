"""The REST API: what other systems of the shop read and write, by token, through the same rules as the console."""
