"""The command line: `main` has the commands, `terminal` what they show."""
