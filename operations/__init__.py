"""What operators do: set up, start, supervise and check. Starts the other rooms as processes, imports only crm."""
