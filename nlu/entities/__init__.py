"""Entities found by rule and table: each module has a pure function over a Reading, tested without Rasa."""
