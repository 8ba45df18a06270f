"""How a picture made with matplotlib becomes a file."""

import warnings
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.text import Text

from activity.common.writing import replace_when_complete

_DPI = 120


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure: in the format the name asks for, as PNG where it asks for none.

    Raises:
        UserError: the file system refuses to write.
    """
    # Names of files and activities are what they are: a dollar sign in one is no formula.
    for text in figure.findobj(Text):
        text.set_parse_math(False)
    known = path.suffix[1:].lower() in figure.canvas.get_supported_filetypes()
    with replace_when_complete(path) as (part,), warnings.catch_warnings():
        # A label in a script that the font lacks is drawn as boxes; a warning for each would
        # bury what the scripts say.
        warnings.filterwarnings("ignore", message="Glyph")
        figure.savefig(part, format=None if known else "png", dpi=_DPI)


def short_name(name: str, longest: int) -> str:
    """Turn the name of a file or an activity into one line of at most ``longest`` characters.

    What is cut goes from the middle: the end of a file's name tells more.
    """
    # A name may hold bytes that are no UTF-8; matplotlib draws Unicode alone.
    line = " ".join(name.encode("utf-8", "replace").decode().split())
    half = longest // 2
    return line if len(line) <= longest else f"{line[: half - 1]}…{line[-half:]}"
