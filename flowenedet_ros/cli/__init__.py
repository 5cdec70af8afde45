"""One file per `flowenedet` subcommand."""
