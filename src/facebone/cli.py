"""The `facebone` command: assembles the sub-commands and turns errors into one line and a code."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from facebone.commands import (
    audit,
    backbones,
    demo,
    diff,
    evaluate,
    harden,
    plugins,
    report,
    synthesize,
    train,
    verify,
)
from facebone.errors import FaceBoneError
from facebone.plugins import passed_over

DONE, WRONG_USE, INTERRUPTED = 0, 2, 130

DEBUG_VARIABLE = "FACEBONE_DEBUG"

app = typer.Typer(
    name="facebone",
    help="Build, attack, harden and audit face-verification systems.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="markdown",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        import facebone

        typer.echo(facebone.__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Build, attack, harden and audit face-verification systems."""
    del version


app.command("train", epilog=train.EXAMPLES)(train.train)
app.command("verify", epilog=verify.EXAMPLES)(verify.verify)
app.command("evaluate", epilog=evaluate.EXAMPLES)(evaluate.evaluate)
app.command("audit", epilog=audit.EXAMPLES)(audit.audit)
app.command("harden", epilog=harden.EXAMPLES)(harden.harden)
app.command("report", epilog=report.EXAMPLES)(report.report)
app.command("diff", epilog=diff.EXAMPLES)(diff.diff)
app.command("demo", epilog=demo.EXAMPLES)(demo.demo)
app.command("synthesize", epilog=synthesize.EXAMPLES)(synthesize.synthesize)
app.add_typer(backbones.app, name="backbones")
app.command("plugins", epilog=plugins.EXAMPLES)(plugins.plugins)


def run(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code.

    Args:
        arguments: words after ``facebone``; those of the process by default.

    Returns:
        0 done, 1 a limit was exceeded, 2 wrong use or bad input (one line on stderr), 130
        interrupted.
    """
    try:
        result = app(args=arguments, standalone_mode=False)
        for line in passed_over():
            print(f"passed over: {line}", file=sys.stderr)
    except FaceBoneError as error:
        return _fail(str(error), error)
    except typer.TyperException as error:
        return _fail(_usage_line(error), error)
    except (KeyboardInterrupt, typer.Abort):
        result = INTERRUPTED
    except BrokenPipeError:
        # The reader, such as `head`, has seen enough. Python would complain again when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:  # noqa: BLE001 - the last resort: never a traceback for users
        what = " ".join(f"{type(error).__name__}: {error}".split())
        hint = f"set {DEBUG_VARIABLE}=1 to see where, and please report it"
        return _fail(f"unexpected {what}; {hint}", error)
    if result == INTERRUPTED:  # typer catches most interrupts itself and returns the code
        print("interrupted: run the same command again to go on from there", file=sys.stderr)
    return result if isinstance(result, int) else DONE


def main() -> None:
    """Entry point of the installed script."""
    sys.exit(run())


def _usage_line(error: typer.TyperException) -> str:
    # Empty where the help was shown because no command was given.
    message = " ".join(error.format_message().split()).rstrip(".")
    message = message.replace(": Value error, ", ": ")  # who tells so twice helps nobody
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "facebone"
    return f"{message}; see '{command} --help'" if message else f"see '{command} --help'"


def _fail(line: str, error: BaseException) -> int:
    if os.environ.get(DEBUG_VARIABLE):
        import traceback

        traceback.print_exception(error)
    print(f"error: {line}", file=sys.stderr)
    return WRONG_USE
