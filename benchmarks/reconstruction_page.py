"""The page of attacks of other goals under all defences: docs/other-attacks-measured.md."""


def write_page() -> None:
    pass
