"""Graph components of the Rasa pipeline in config.yml."""
