"""What runs, in which order, with which retries: Prefect's flows, and the command line that starts them."""
