"""How a picture made with matplotlib becomes a file."""

import warnings
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.text import Text

from activity.writing import replace_when_complete

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
