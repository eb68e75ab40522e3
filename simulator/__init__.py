"""A stand-in for the Telegram Bot API with a chat page and a control API. Imports nothing of the product."""
