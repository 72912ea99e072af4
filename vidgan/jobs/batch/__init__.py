"""Many clips, many looks: what a job file asks for, done on this machine or on a cluster."""
