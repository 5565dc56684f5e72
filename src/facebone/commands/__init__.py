"""The sub-commands, one a file. They parse, call the library, and print; they decide nothing."""
