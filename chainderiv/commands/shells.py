"""What three shells want to be told of commands, flags, names and files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

BASH_FILES = {"file": "-f", "folder": "-d"}


@dataclass(frozen=True)
class Option:
    """A flag, or what stands without one.

    flags : as it is typed; none of what stands without one. takes : whether a value stands behind it.
    names : the values that have names. place : "file" or "folder" where the value is one.
    """

    flags: tuple[str, ...]
    about: str
    takes: bool
    names: tuple[str, ...] = ()
    place: str = ""


@dataclass(frozen=True)
class Command:
    """A command and its options."""

    name: str
    about: str
    options: tuple[Option, ...]

    @property
    def words(self) -> list[str]:
        """What may stand where no flag waits for its value."""
        return [word for option in self.options for word in (option.flags or option.names)]

    @property
    def place(self) -> str:
        """The kind, file or folder, where what stands without a flag is one."""
        return next((option.place for option in self.options if not option.flags and option.place), "")


def bash(commands: Sequence[Command]) -> str:
    """The script for bash, from 3.2 on."""
    values, words = [], []
    for command in commands:
        place = f"; place={BASH_FILES[command.place]}" if command.place else ""
        words.append(f"            {command.name}) names={_quoted(' '.join(command.words))}{place} ;;")
        for option in command.options:
            if option.takes and option.flags:
                values.append(
                    f"        {'|'.join(f'{command.name}:{flag}' for flag in option.flags)}) {_bash(option)} ;;"
                )
    names = " ".join(command.name for command in commands)
    return f"""\
# completes chainderiv in bash: eval "$(chainderiv completion bash)"
_chainderiv() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} command= names= place= at
    local IFS=$' \\t\\n'
    COMPREPLY=()
    # readline takes --flag=value apart at the =
    if [ "$word" = "=" ]; then word=; elif [ "$before" = "=" ]; then before=${{COMP_WORDS[COMP_CWORD-2]}}; fi
    for ((at = 1; at < COMP_CWORD; at++)); do
        case ${{COMP_WORDS[at]}} in
        {names.replace(" ", "|")}) command=${{COMP_WORDS[at]}}; break ;;
        esac
    done
    case $command:$before in
{_lines(values)}
    esac
    if [ -z "$names$place" ]; then
        case $command in
            '') names={_quoted(f"{names} --help --version")} ;;
{_lines(words)}
        esac
        if [ "${{word:0:1}}" = "-" ]; then place=; fi  # a flag, and no file
    fi
    if [ -n "$place" ]; then
        compopt -o filenames 2>/dev/null
        IFS=$'\\n'
        COMPREPLY=($(compgen "$place" -- "$word") $(compgen -W "${{names// /$IFS}}" -- "$word"))
        return
    fi
    COMPREPLY=($(compgen -W "$names" -- "$word"))
}}
complete -F _chainderiv chainderiv"""


def _bash(option: Option) -> str:
    """What is set where the option's value is to come; nothing is offered for a value of one's own."""
    names = f"names={_quoted(' '.join(option.names))}" if option.names else ""
    place = f"place={BASH_FILES[option.place]}" if option.place else ""
    return "; ".join(filter(None, [names, place])) or "return"


def zsh(commands: Sequence[Command]) -> str:
    """The script for zsh."""
    described = [_quoted(f"{command.name}:{command.about}") for command in commands]
    cases = []
    for command in commands:
        stated = " ".join(part for option in command.options for part in _zsh(option))
        cases.append(f"        {command.name}) _arguments {stated} ;;")
    return f"""\
#compdef chainderiv
# completes chainderiv in zsh: eval "$(chainderiv completion zsh)", behind compinit
_chainderiv() {{
    local -a commands
    commands=({" ".join(described)})
    if (( CURRENT == 2 )); then _describe command commands; return; fi
    shift words
    (( CURRENT-- ))
    case $words[1] in
{_lines(cases)}
    esac
}}
compdef _chainderiv chainderiv"""


def _zsh(option: Option) -> list[str]:
    value = ":value:"
    if option.place:
        value = ":value:_files" + (" -/" if option.place == "folder" else "")
    elif option.names:
        value = f":value:({' '.join(name.replace(':', chr(92) + ':') for name in option.names)})"
    if not option.flags:
        return [_quoted(f"1{value}")]
    about = "".join(f"\\{c}" if c in "[]:\\" else c for c in option.about)
    return [_quoted(f"*{flag}[{about}]{value if option.takes else ''}") for flag in option.flags]


def fish(commands: Sequence[Command]) -> str:
    """The script for fish."""
    start = "complete -c chainderiv"
    lines = [
        "# completes chainderiv in fish: chainderiv completion fish > ~/.config/fish/completions/chainderiv.fish",
        f"{start} -f",
        f"{start} -n __fish_use_subcommand -l version",
    ]
    for command in commands:
        lines.append(f"{start} -n __fish_use_subcommand -a {command.name} -d {_fish(command.about)}")
        here = f"{start} -n '__fish_seen_subcommand_from {command.name}'"
        for option in command.options:
            flags = "".join(f" -l {flag[2:]}" if flag.startswith("--") else f" -s {flag[1:]}" for flag in option.flags)
            names = f" -a {_fish(' '.join(option.names))}" if option.names else ""
            place = {"file": " -r -F", "folder": " -x -a '(__fish_complete_directories)'", "": " -x"}[option.place]
            about = f" -d {_fish(option.about)}" if option.flags else ""
            # a place of its own: files are offered beside names
            place = place if option.flags and option.takes else " -F" if option.place else ""
            lines.append(f"{here}{flags}{place}{names}{about}")
    return "\n".join(lines)


def _fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(lines)


SCRIPTS: dict[str, Callable[[Sequence[Command]], str]] = {"bash": bash, "zsh": zsh, "fish": fish}
