"""Time: APScheduler wakes it, crm decides what is due."""
