"""What is done with stored results: comparing, reporting, diagnosing."""
