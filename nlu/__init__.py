"""Rasa's room: understanding, dialogue policies, and the channel the bot asks. Runs in an environment of its own."""
