"""The rules of customer care and the database. Knows no Telegram, no Rasa and no web page."""
