"""The web console for staff and marketing: NiceGUI on FastAPI. Looks and writes through `crm` only."""
