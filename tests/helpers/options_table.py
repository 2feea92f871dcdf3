"""The options of all commands as a Markdown table, from click's help, for the user guide.

`python -m tests.helpers.options_table` prints it.
"""

import click

from movierec.cli import cli

COMMANDS: dict[str, click.Command] = {"movierec": cli, **cli.commands}


def options_table() -> str:
    """A row for each option but --help and --version: the commands that have it, and its help."""
    commands: dict[tuple[str, str], list[str]] = {}
    for name, command in COMMANDS.items():
        context = click.Context(command, **cli.context_settings)
        for option in command.params:
            record = option.get_help_record(context)
            if isinstance(option, click.Option) and record and option.name != "version":
                commands.setdefault(record, []).append(name)
    rows = ["| option | of | meaning |", "|---|---|---|"]
    for (option, meaning), names in commands.items():
        of = ", ".join(f"`{name}`" for name in names)
        rows.append(f"| `{option}` | {of} | {meaning} |".replace("  [", " ["))
    return "\n".join(rows)


if __name__ == "__main__":
    print(options_table())
