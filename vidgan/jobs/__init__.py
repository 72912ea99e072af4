"""What editors ask for: each file reads like the description of its job."""
