"""The command line: `main` is the command, `terminal` what it shows, the other modules its subcommands."""
